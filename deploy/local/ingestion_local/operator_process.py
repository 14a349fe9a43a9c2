"""The operator as a process of this machine. As in a pod, it has its ServiceAccount, its settings, and its state in a directory."""

from __future__ import annotations

import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psutil

from ingestion_local.emulator import local_environment
from ingestion_local.files import files_below
from ingestion_local.lifecycle import Startable
from ingestion_local.processes import Process, free_ports, wait_until
from ingestion_local.provider.install import install

READY_TIMEOUT_SECONDS = 60.0


class OperatorProcess(Startable):
    """One operator. It can be stopped or killed, and started again with the same state."""

    def __init__(
        self,
        directory: Path,
        *,
        kubeconfig: Path,
        pulumi: Path,
        aws: Mapping[str, str],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.directory = directory
        self.log = directory / "operator.log"
        self._kubeconfig = kubeconfig
        self._pulumi = pulumi
        self._aws = dict(aws)
        self.settings = dict(settings or {})
        self._process: Process | None = None
        self._port = self._metrics_port = 0

    @property
    def state_directory(self) -> Path:
        """The directory of Pulumi's state."""
        return self.directory / "state"

    def state_files(self) -> Mapping[str, bytes]:
        """The content of each file of its state, by its path in the directory."""
        return files_below(self.state_directory)

    def output(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def metrics(self) -> str:
        """Its metrics, as Prometheus reads them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def readiness(self) -> str:
        """The answer of its readiness probe."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/readyz", timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as refusal:
            return refusal.read().decode()

    @property
    def process(self) -> Process:
        """The running process. Raises RuntimeError before `start`."""
        if self._process is None:
            raise RuntimeError("the operator is not started")
        return self._process

    def _start(self) -> None:
        self._port, self._metrics_port = free_ports(2)
        argv = [sys.executable, "-m", "ingestion_handlers.cli", "run"]
        self._process = Process.start("operator", argv, log=self.log, env=self.environment())
        wait_until(
            "the operator's liveness probe", self._answers, timeout_seconds=READY_TIMEOUT_SECONDS, process=self._process
        )

    def stop(self, timeout_seconds: float = 60.0) -> None:
        """Stop it as Kubernetes would: it gets SIGTERM and time to finish."""
        if self._process is not None:
            self._process.stop(timeout_seconds)
            self._process = None

    def kill(self) -> None:
        """End it at once with SIGKILL, as an out-of-memory kill would."""
        self.process.kill()
        self._process = None

    def resident_bytes(self) -> int:
        """Resident memory of the operator process itself, in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def pulumi(self, *arguments: str) -> str:
        """Run the Pulumi CLI with the operator's state, as an administrator would. Returns what it prints."""
        environment = self.environment()
        done = subprocess.run(
            [self._pulumi, *arguments],
            env=environment | {
                "PULUMI_HOME": environment["INGESTION_PULUMI_HOME"],
                "PULUMI_BACKEND_URL": environment["INGESTION_BACKEND_URL"],
                "PULUMI_CONFIG_PASSPHRASE_FILE": environment["INGESTION_PASSPHRASE_FILE"],
            },
            cwd=self.directory, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def environment(self) -> dict[str, str]:
        """The process's environment."""
        home, state, passphrase = self.directory / "pulumi", self.state_directory, self.directory / "passphrase"
        state.mkdir(parents=True, exist_ok=True)
        install(home)
        if not passphrase.exists():
            passphrase.touch(mode=0o600)
            passphrase.write_text(secrets.token_urlsafe(32))
        return local_environment() | self._aws | {
            "KUBECONFIG": str(self._kubeconfig),
            "INGESTION_PULUMI": str(self._pulumi),
            "INGESTION_PULUMI_HOME": str(home),
            "INGESTION_BACKEND_URL": f"file://{state}",
            "INGESTION_PASSPHRASE_FILE": str(passphrase),
            "INGESTION_S3_PATH_STYLE": "true",
            "INGESTION_LIVENESS_ADDRESS": f"127.0.0.1:{self._port}",
            "INGESTION_METRICS_ADDRESS": f"127.0.0.1:{self._metrics_port}",
            "PYTHONUNBUFFERED": "1",
        } | self.settings  # fmt: skip

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
