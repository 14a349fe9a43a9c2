"""The operator's settings: environment variables with the prefix `INGESTION_`. Documented in docs/settings.md, which is made from this."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class Settings(BaseSettings):
    """Settings of one operator process."""

    model_config = SettingsConfigDict(
        env_prefix="INGESTION_", frozen=True, use_attribute_docstrings=True, extra="ignore"
    )

    region: str = "us-east-1"
    """AWS region of pipelines that name none."""
    cluster_id: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,32}$")] = ""
    """Tells this cluster from others in the same AWS account; part of names and tags, so never change it. Default: from the
    uid of the namespace kube-system."""
    namespaces: str = ""
    """Namespaces to watch, separated by commas. Default: all."""
    accounts: bool = True
    """Whether pipelines may be built in AWSAccounts. See docs/accounts.md."""
    backend_url: str = "file:///var/lib/ingestion-operator/state"
    """Where Pulumi keeps state: `file://<directory>` or `s3://<bucket>[/<prefix>]?region=<region>`. Of a store that is compatible
    with S3 also `endpoint=<host:port>`, `s3ForcePathStyle=true` and, without TLS, `disableSSL=true`. See docs/state.md."""
    secrets_provider: Annotated[str, Field(pattern=r"^(passphrase|awskms://[^?]+\?(.*&)?region=[^&]+.*)$")] = (
        "passphrase"
    )
    """What encrypts the secrets in the state of new stacks: `passphrase` or `awskms://<key id, ARN or alias>?region=<region>`."""
    passphrase_file: Path = Path("/etc/ingestion-operator/passphrase")
    """File with the passphrase that encrypts secrets in the state. Losing it loses the state. Not needed with a key of KMS."""
    pulumi: Path = Path("/usr/local/bin/pulumi")
    """The Pulumi CLI, of the same version as the SDK."""
    pulumi_home: Path = Path("/var/lib/ingestion-operator/pulumi")
    """Pulumi's home, with the plugin for AWS."""
    s3_path_style: bool = False
    """Address buckets as `endpoint/bucket`, as S3-compatible stores want it. The endpoint itself is `AWS_ENDPOINT_URL`."""
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    """Updates that run at the same time. Each takes about 0.5 GB with the real AWS plugin."""
    retry_base_seconds: Annotated[float, Field(gt=0)] = 5.0
    """Time before the first retry of a failed update, in seconds; doubled each time."""
    retry_cap_seconds: Annotated[float, Field(gt=0)] = 300.0
    """Longest time between two retries, in seconds; also between two looks at a stalled pipeline."""
    retry_maximum: Annotated[int, Field(ge=1)] = 12
    """Failures in a row after which an update is given up until the pipeline changes."""
    waiting_seconds: Annotated[float, Field(gt=0)] = 15.0
    """Time between two looks for something that is missing, in seconds."""
    poll_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Time between two looks at what cannot be watched, in seconds: Secrets, and code in S3 without a version."""
    permissions_boundary: Annotated[str, Field(pattern=r"^(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+)?$")] = ""
    """ARN of the IAM policy that bounds the role of every function. Empty: none."""
    tick_seconds: Annotated[float, Field(gt=0)] = 2.0
    """How often each pipeline is asked whether a retry or a look for drift is due, in seconds. Costs no API call."""
    liveness_address: str = "127.0.0.1:8080"
    """Host and port of the liveness probe `/healthz`; empty: none."""
    metrics_address: str = "127.0.0.1:9090"
    """Host and port of `/metrics`, for Prometheus, and of the readiness probe `/readyz`; empty: none. See docs/metrics.md."""
    pod: Annotated[str, Field(pattern=r"^([^/]+/[^/]+/[^/]+)?$")] = ""
    """The pod that the operator is, as `<namespace>/<name>/<uid>`: the next operator takes over from it once it is gone."""
    log_format: LogFormat = LogFormat.TEXT
    """`text` or `json`."""
    log_level: Annotated[str, Field(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    """Least severe level that is logged."""

    @property
    def namespace_list(self) -> tuple[str, ...]:
        """The namespaces to watch; empty for all."""
        return tuple(name.strip() for name in self.namespaces.split(",") if name.strip())
