# The operator's image: Python dependencies from uv.lock, the Pulumi CLI and the plugin for AWS; no compiler, no uv.
#
#   make image                        with docker, podman or buildah; also writes the bill of materials
#
# Where images come from is for build arguments to say; a release gives them with digests (NAME@sha256:...). Where there is no
# registry: a local base (Debian 13 or newer), an image that holds nothing but /pulumi/bin/pulumi, and AWS_PLUGIN=none.
ARG BASE_IMAGE=docker.io/library/debian:trixie-slim
ARG PULUMI_VERSION=3.255.0
ARG PULUMI_IMAGE=docker.io/pulumi/pulumi-base:${PULUMI_VERSION}

FROM ${PULUMI_IMAGE} AS pulumi

FROM ${BASE_IMAGE} AS base
# The Pulumi CLI asks for the name of its user: a number without a name is an error.
RUN apt-get update \
    && apt-get upgrade --yes \
    && apt-get install --yes --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
    && groupadd --gid 65532 ingestion \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin ingestion

FROM base AS plugin
ARG AWS_PLUGIN_VERSION=7.51.1
# install: from Pulumi's own site. none: for tests without a network; such an image cannot make anything on AWS.
ARG AWS_PLUGIN=install
# SHA-256 of pulumi-resource-aws-v<version>-linux-<arch>.tar.gz, from the release page; empty: not compared.
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
# The local environment is not in the build context, and so not in the wheel; its command would find nothing.
# Importing compiles what the operator uses. All of the AWS SDK of Pulumi compiled would be another 170 MB.
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
# The root file system is read-only in the cluster: what is written is mounted at these, and at /tmp.
# The version is the package's: a build that is told another one fails.
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/ingestion-operator/state \
        /var/lib/ingestion-operator/pulumi/logs /var/lib/ingestion-operator/pulumi/workspaces \
    && ingestion-operator --version | grep -qF "version ${VERSION:?--build-arg VERSION is missing}"
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/usr/bin/tini", "--", "ingestion-operator"]
CMD ["run"]
