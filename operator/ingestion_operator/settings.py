"""The settings of the operator: environment variables with the prefix `INGESTION_`.

docs/settings.md and part of the chart's schema are generated from this module.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LogFormat(StrEnum):
    """The formats of log lines."""

    TEXT = "text"
    JSON = "json"


class Settings(BaseSettings):
    """The settings of one operator process."""

    model_config = SettingsConfigDict(
        env_prefix="INGESTION_", frozen=True, use_attribute_docstrings=True, extra="ignore"
    )

    region: str = "us-east-1"
    """The AWS region of pipelines that name none."""
    cluster_id: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,32}$")] = ""
    """The ID that tells this cluster from others in the same AWS account. It is part of the names and tags of all
    resources, so never change it. If it is empty, the operator derives it from the uid of the namespace
    kube-system."""
    namespaces: str = ""
    """The namespaces that the operator watches, separated by commas. If it is empty, the operator watches all
    namespaces."""
    accounts: bool = True
    """If true, pipelines may use AWSAccounts. See docs/accounts.md."""
    backend_url: str = "file:///var/lib/ingestion-operator/state"
    """The place where Pulumi keeps its state: `file://<directory>` or `s3://<bucket>[/<prefix>]?region=<region>`. A
    store that is compatible with S3 also needs the parameters `endpoint=<host:port>` and `s3ForcePathStyle=true`,
    and without TLS `disableSSL=true`. See docs/state.md."""
    secrets_provider: Annotated[str, Field(pattern=r"^(passphrase|awskms://[^?]+\?(.*&)?region=[^&]+.*)$")] = (
        "passphrase"
    )
    """The provider that encrypts the secrets in the state of new stacks: `passphrase`, or
    `awskms://<key id, ARN or alias>?region=<region>`. Existing stacks keep their provider."""
    passphrase_file: Path = Path("/etc/ingestion-operator/passphrase")
    """The file with the passphrase that encrypts secrets in the state. Without the passphrase the state cannot be
    read, so back it up. The file is not needed if a KMS key encrypts the secrets of every stack."""
    pulumi: Path = Path("/usr/local/bin/pulumi")
    """The path of the Pulumi CLI. It must have the same version as the SDK."""
    pulumi_home: Path = Path("/var/lib/ingestion-operator/pulumi")
    """The home directory of Pulumi, which contains the plugin for AWS."""
    s3_path_style: bool = False
    """If true, the operator addresses buckets as `endpoint/bucket`, which stores that are compatible with S3 need.
    The variable `AWS_ENDPOINT_URL` sets the endpoint."""
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    """The number of updates that may run at the same time. Each update needs about 0.5 GB of memory with the real
    AWS plugin."""
    retry_base_seconds: Annotated[float, Field(gt=0)] = 5.0
    """The time before the first retry of a failed update, in seconds. The time doubles with each further retry."""
    retry_cap_seconds: Annotated[float, Field(gt=0)] = 300.0
    """The longest time between two retries, in seconds. It is also the time between two checks of a stalled
    pipeline."""
    retry_maximum: Annotated[int, Field(ge=1)] = 12
    """The number of failures in a row after which the operator gives up a change that was never applied. A pipeline that
    worked before is tried again about once an hour."""
    waiting_seconds: Annotated[float, Field(gt=0)] = 15.0
    """The time between two checks for something that is missing, in seconds, for example a ConfigMap."""
    poll_seconds: Annotated[float, Field(gt=0)] = 30.0
    """The time between two checks of Secrets and of code in S3 without a version, in seconds. The operator does not
    watch these."""
    permissions_boundary: Annotated[str, Field(pattern=r"^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+)?$")] = ""
    """The ARN of the IAM policy that limits the role of every function. If it is empty, the roles have no such
    limit."""
    liveness_address: str = "127.0.0.1:8080"
    """The host and port of the liveness probe `/healthz`. If it is empty, there is no liveness probe."""
    metrics_address: str = "127.0.0.1:9090"
    """The host and port of `/metrics` for Prometheus and of the readiness probe `/readyz`. If it is empty, the
    operator offers neither. See docs/metrics.md."""
    pod: Annotated[str, Field(pattern=r"^([^/]+/[^/]+/[^/]+)?$")] = ""
    """The pod of this operator, as `<namespace>/<name>/<uid>`. The next operator takes over its work after this pod
    is gone."""
    log_format: LogFormat = LogFormat.TEXT
    """The format of log lines: `text` or `json`."""
    log_level: Annotated[str, Field(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    """The lowest level of log lines that the operator writes: `DEBUG`, `INFO`, `WARNING` or `ERROR`."""

    @property
    def namespace_list(self) -> tuple[str, ...]:
        """The namespaces that the operator watches. Empty for all."""
        return tuple(name.strip() for name in self.namespaces.split(",") if name.strip())
