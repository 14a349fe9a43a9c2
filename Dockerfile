# The operator's image contains the Python dependencies from uv.lock, the Pulumi CLI and the AWS plugin. It contains no compiler and
# no uv.
#
#   make image                        builds it with docker, podman or buildah, and writes its bill of materials
#
# Build arguments say where the base images come from. A release sets them with digests (NAME@sha256:...). To build without a registry,
# set a local base (Debian 13 or newer), an image that contains only /pulumi/bin/pulumi, and AWS_PLUGIN=none.
ARG BASE_IMAGE=docker.io/library/debian:trixie-slim
ARG PULUMI_VERSION=3.255.0
ARG PULUMI_IMAGE=docker.io/pulumi/pulumi-base:${PULUMI_VERSION}

FROM ${PULUMI_IMAGE} AS pulumi

FROM ${BASE_IMAGE} AS base
# The Pulumi CLI looks up the name of its user and fails if the user id has no name.
RUN apt-get update \
    && apt-get upgrade --yes \
    && apt-get install --yes --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
    && groupadd --gid 65532 ingestion \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin ingestion

FROM base AS plugin
ARG AWS_PLUGIN_VERSION=7.51.1
# "install" downloads the plugin from Pulumi's site. "none" is for tests without a network; such an image cannot create anything on AWS.
ARG AWS_PLUGIN=install
# SHA-256 of pulumi-resource-aws-v<version>-linux-<arch>.tar.gz, from the release page. If it is empty, nothing is compared.
ARG AWS_PLUGIN_SHA256=
COPY --from=pulumi /pulumi/bin/pulumi /usr/local/bin/pulumi
RUN mkdir -p /home-of-pulumi/plugins \
    && if [ "${AWS_PLUGIN}" = install ]; then \
         PULUMI_HOME=/home-of-pulumi pulumi plugin install resource aws "v${AWS_PLUGIN_VERSION}" \
           ${AWS_PLUGIN_SHA256:+--checksum "${AWS_PLUGIN_SHA256}"}; \
       else [ "${AWS_PLUGIN}" = none ]; fi

FROM base AS dependencies
ARG UV_VERSION=0.13.9
ENV UV_PYTHON=/usr/bin/python3 UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=true UV_LINK_MODE=copy UV_NO_CACHE=true \
    UV_PROJECT_ENVIRONMENT=/opt/ingestion-operator
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv \
    && python3 -m venv /uv && /uv/bin/pip install --no-cache-dir "uv==${UV_VERSION}"
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN /uv/bin/uv sync --frozen --no-dev --no-install-project
COPY operator operator
COPY handlers handlers
# The wheel does not contain the local environment, because the build context does not. Its command would not work, so it is removed.
# The import compiles only the modules that the operator uses. Compiling all of Pulumi's AWS SDK would add 170 MB.
RUN /uv/bin/uv sync --frozen --no-dev --no-editable \
    && rm /opt/ingestion-operator/bin/ingestion-local /opt/ingestion-operator/.lock \
    && /opt/ingestion-operator/bin/python -c "import ingestion_handlers.cli, ingestion_handlers.registry"

FROM base
ARG VERSION
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ingestion-operator" \
      org.opencontainers.image.description="One IngestionPipeline becomes an S3 -> EventBridge -> Lambda pipeline on AWS, kept alive through Pulumi." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=pulumi /pulumi/bin/pulumi /usr/local/bin/pulumi
COPY --from=plugin /home-of-pulumi/plugins /var/lib/ingestion-operator/pulumi/plugins
COPY --from=dependencies /opt/ingestion-operator /opt/ingestion-operator
ENV PATH=/opt/ingestion-operator/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    USER=ingestion \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PULUMI_LOG_ROTATION_MAX_TOTAL_MB=100
# In the cluster the root file system is read-only. Volumes are mounted at these directories and at /tmp.
# The build fails if the argument VERSION is not the package's version.
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/ingestion-operator/state \
        /var/lib/ingestion-operator/pulumi/logs /var/lib/ingestion-operator/pulumi/workspaces \
    && ingestion-operator --version | grep -qF "version ${VERSION:?--build-arg VERSION is missing}"
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/usr/bin/tini", "--", "ingestion-operator"]
CMD ["run"]
