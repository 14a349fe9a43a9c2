"""The AWS emulator as a process: MiniStack with the strict layers, on loopback and over TLS.

It uses TLS because the pipelines' buckets refuse everything else, and the emulator enforces that as AWS does.

With `auth=True` the emulator enforces IAM. `env()` has the keys of the root identity. Any access key of twelve digits, the
number of an account, is a root identity too. The emulator does not check the signatures of root identities. A user made with
`create_user`, `put_user_policy` and `create_access_key` may do only what its policies and its permissions boundary allow, and
the emulator checks the signature of its calls. A function runs with its role's policies. An unsigned call to S3 may list
buckets.

Functions with any `python3.x` runtime run on the emulator's own interpreter, and so with its boto3. Each has its own process,
whose `AWS_ENDPOINT_URL` and `AWS_CA_BUNDLE` lead back to the emulator. A function sees only those variables of this process
that `PASSED_ON` names. The emulator writes everything (code, objects, state, temporary files) under its directory.
"""

from __future__ import annotations

import os
import signal
import ssl
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from ingestion_local.certificates import make_certificate
from ingestion_local.emulator_user import make_user
from ingestion_local.lifecycle import Startable
from ingestion_local.processes import Process, free_port, wait_until

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
READY_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 10.0
RESET_TIMEOUT_SECONDS = 30.0
HEALTH = "/_ministack/health"
RESET = "/_ministack/reset"
# MiniStack, which checks the port first, and the kernel both write this.
PORT_TAKEN = "already in use"
# These variables would send calls elsewhere, or make clients distrust the emulator's certificate.
FOREIGN = frozenset({
    "AWS_CA_BUNDLE", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
})  # fmt: skip
# The emulator gets only these variables of this process. Its functions get all variables of the emulator, and on AWS they
# would not have the developer's.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


def local_environment(base: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a child, without the variables that would lead it away from loopback."""
    given = dict(os.environ) if base is None else base
    return {key: value for key, value in given.items() if key not in FOREIGN}


class EmulatedAws:
    """An emulator as its clients see it. It answers at `endpoint`, and its certificate is its own authority."""

    def __init__(self, certificate: Path, endpoint: str = "") -> None:
        self.account_id = ACCOUNT_ID
        self.region = REGION
        self.certificate = certificate
        # URL of every AWS service.
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str, str], Any] = {}

    def wait_for_its_answer(self, process: Process | None = None) -> None:
        """Wait until the emulator answers. Raises LocalEnvironmentError if it does not, or if the process has ended."""
        wait_until("the emulator's answer", self._answers, timeout_seconds=READY_TIMEOUT_SECONDS, process=process)

    def close(self) -> None:
        """Close the connections of its clients. Closing twice succeeds."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def reset(self) -> None:
        """Delete everything in the emulator. Raises OSError if it does not answer."""
        self._call(RESET, method="POST", timeout_seconds=RESET_TIMEOUT_SECONDS)

    def env(self) -> dict[str, str]:
        """The environment of a client that is the root identity."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CA_BUNDLE": str(self.certificate),
        }

    def restricted_env(self, name: str, policies: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The environment of a client that is a new user, who may do only what these policies allow."""
        return self.env() | make_user(self.client("iam"), name, policies)

    def client(self, service: str, *, access_key: str = "test", secret_key: str = "test") -> Any:  # noqa: S107 - emulator
        """A boto3 client of one service, as root unless other keys are given."""
        name = (service, access_key, secret_key)
        if name not in self._clients:
            session = boto3.Session(access_key, secret_key, region_name=self.region)
            config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard"}, proxies={})
            make: Any = session.client
            self._clients[name] = make(service, endpoint_url=self.endpoint, config=config, verify=str(self.certificate))
        return self._clients[name]

    def _answers(self) -> bool:
        try:
            return self._call(HEALTH, method="GET", timeout_seconds=2) == HTTPStatus.OK
        except OSError:  # urllib's errors are OSErrors too
            return False

    def _call(self, path: str, *, method: str, timeout_seconds: float) -> int:
        """Call the emulator itself and return the status."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        # The emulator is on this machine, so no proxy is used, whatever the environment says.
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        request = urllib.request.Request(self.endpoint + path, method=method)  # noqa: S310 - https
        with direct.open(request, timeout=timeout_seconds) as answer:
            return int(answer.status)


class Emulator(EmulatedAws, Startable):
    """One emulator process. All of its files are under `directory`.

    `auth`: the emulator enforces IAM. `persist`: the next start in the same directory finds everything again, if the emulator
    was stopped and not killed. `outlive_parent`: it keeps running when this process ends. Without this it is killed then.
    `addresses`: further IPv4 addresses at which clients reach it through a forwarder.
    """

    def __init__(
        self,
        directory: Path,
        *,
        auth: bool = True,
        persist: bool = False,
        outlive_parent: bool = False,
        addresses: Sequence[str] = (),
    ) -> None:
        EmulatedAws.__init__(self, directory / "tls" / "server.crt")
        Startable.__init__(self)
        self.directory = directory
        self.log = directory / "emulator.log"
        self._auth = auth
        self._persist = persist
        self._addresses = tuple(addresses)
        self._outlive_parent = outlive_parent
        self._process: Process | None = None
        self._port = 0
        self._log_bytes_before = 0

    @property
    def process(self) -> Process:
        """The running process. Raises RuntimeError before `start`."""
        if self._process is None:
            raise RuntimeError("the emulator is not started")
        return self._process

    def stop(self) -> None:
        """Stop it, with the functions that it runs. Stopping it twice succeeds."""
        self.close()
        super().stop()
        self._process = None

    def process_environment(self) -> dict[str, str]:
        """The whole environment of the emulator's process. Its port is 0 before `start`."""
        work = self._work
        switched = "1" if self._persist else "0"
        return {key: os.environ[key] for key in PASSED_ON if key in os.environ} | {
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
            "AWS_EC2_METADATA_DISABLED": "true",
            "PERSIST_STATE": switched,
            "S3_PERSIST": switched,
            "S3_DATA_DIR": str(work / "s3"),
            "STATE_DIR": str(work / "state"),
            "TMPDIR": str(work / "tmp"),
            "HOME": str(work / "home"),
            # These services would listen on all interfaces, and no pipeline uses them.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # With Docker it would end the containers of any other MiniStack on this machine when it starts.
            "DOCKER_HOST": f"unix://{work / 'no-docker.sock'}",
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": os.environ.get("INGESTION_LOCAL_ASYNC_RETRY_SECONDS", "0.2"),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def _work(self) -> Path:
        return self.directory / "emulator"

    @property
    def _key(self) -> Path:
        return self.certificate.with_suffix(".key")

    def _start(self) -> None:
        self._log_bytes_before = self.log.stat().st_size if self.log.exists() else 0
        self._port = free_port()
        self.endpoint = f"https://127.0.0.1:{self._port}"
        for part in ("tmp", "home"):
            (self._work / part).mkdir(parents=True, exist_ok=True)
        make_certificate(self.certificate, self._key, self._addresses)
        self._process = Process.start(
            "emulator",
            [sys.executable, "-m", "ingestion_local.strict_emulator"],
            log=self.log,
            env=self.process_environment(),
            cwd=self._work,
            outlive_parent=self._outlive_parent,
            # After SIGTERM it would wait for its busy functions, and no parent is left to end it then.
            death_signal=signal.SIGKILL,
        )
        self._started.callback(self._process.stop, STOP_TIMEOUT_SECONDS)
        self.wait_for_its_answer(self._process)

    def _is_worth_another_start(self) -> bool:
        """Whether another program took the port between its choice and its use, as the log of this start says."""
        return PORT_TAKEN.encode() in self.log.read_bytes()[self._log_bytes_before :]
