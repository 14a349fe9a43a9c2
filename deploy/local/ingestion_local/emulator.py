"""The AWS emulator as a process: MiniStack through the strict delivery layer, on loopback and over TLS.

TLS, because the pipelines' buckets refuse everything else, and the emulator enforces that as AWS does.

With `auth=True` IAM is enforced. The root identity is the pair of keys that `env()` gives; a user made with
`iam.create_user` and `create_access_key` may do only what its policies allow, and a function runs with its role's.
"""

from __future__ import annotations

import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from ingestion_local.certificates import make_certificate
from ingestion_local.processes import Process, free_port, wait_until

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
READY_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 1.0
# These would send the emulator's and its clients' calls elsewhere, or make them distrust plain HTTP.
FOREIGN = ("AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SESSION_TOKEN",
           "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")  # fmt: skip


def local_environment(base: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a child without what would lead it away from loopback."""
    return {key: value for key, value in (base or dict(os.environ)).items() if key not in FOREIGN}


class Emulator:
    """One emulator process."""

    def __init__(self, directory: Path, *, auth: bool = True, outlive_parent: bool = False) -> None:
        self.directory = directory
        self.account_id = ACCOUNT_ID
        self.region = REGION
        self.log = directory / "emulator.log"
        self._auth = auth
        self._outlive_parent = outlive_parent
        self.certificate = directory / "tls" / "server.crt"
        self._process: Process | None = None
        self._port = 0
        self._clients: dict[str, Any] = {}

    @property
    def endpoint(self) -> str:
        """URL of every AWS service."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def process(self) -> Process:
        """The running process. Raises RuntimeError before `start`."""
        if self._process is None:
            raise RuntimeError("the emulator is not started")
        return self._process

    def start(self) -> None:
        """Start it and wait until it answers. Raises LocalEnvironmentError if it does not."""
        self._port = free_port()
        work = self.directory / "emulator"
        (work / "tmp").mkdir(parents=True, exist_ok=True)
        make_certificate(self.certificate, self._key)
        argv = [sys.executable, "-m", "ingestion_local.strict_delivery"]
        self._process = Process.start(
            "emulator",
            argv,
            log=self.log,
            env=self._environment(work),
            cwd=work,
            outlive_parent=self._outlive_parent,
        )
        wait_until(
            "the emulator's answer",
            self._answers,
            timeout_seconds=READY_TIMEOUT_SECONDS,
            process=self._process,
        )

    def stop(self) -> None:
        """Stop it, with the functions it runs. Stopping a stopped one succeeds."""
        if self._process is not None:
            # It waits for its clients' idle connections otherwise; nothing it holds is used again.
            self._process.stop(STOP_TIMEOUT_SECONDS)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def env(self) -> dict[str, str]:
        """What a client needs to reach the emulator as the root identity."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CA_BUNDLE": str(self.certificate),
        }

    def client(self, service: str, *, access_key: str = "test", secret_key: str = "test") -> Any:  # noqa: S107 - emulator
        """A boto3 client of one service, as root unless other keys are given."""
        name = f"{service}/{access_key}"
        if name not in self._clients:
            session = boto3.Session(access_key, secret_key, region_name=self.region)
            config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard"})
            make: Any = session.client
            self._clients[name] = make(service, endpoint_url=self.endpoint, config=config, verify=str(self.certificate))
        return self._clients[name]

    @property
    def _key(self) -> Path:
        return self.certificate.with_suffix(".key")

    def _answers(self) -> bool:
        try:
            trust = ssl.create_default_context(cafile=str(self.certificate))
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2, context=trust) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _environment(self, work: Path) -> dict[str, str]:
        return local_environment() | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "USE_SSL": "true",
            "MINISTACK_SSL_CERT": str(self.certificate),
            "MINISTACK_SSL_KEY": str(self._key),
            "AUTH": "true" if self._auth else "false",
            "MINISTACK_ACCOUNT_ID": self.account_id,
            "MINISTACK_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "S3_DATA_DIR": str(work / "s3"),
            "STATE_DIR": str(work / "state"),
            "TMPDIR": str(work / "tmp"),
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
            "PYTHONUNBUFFERED": "1",
        }
