"""The operator as a process of its own, as it runs in a pod: its ServiceAccount, its settings, its state on a volume."""

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
    """One operator, which can be stopped, killed and started again on the same state."""

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
        """Where it keeps Pulumi's state."""
        return self.directory / "state"

    def state_files(self) -> Mapping[str, bytes]:
        """What each file of its state says, by the path there."""
        return files_below(self.state_directory)

    def output(self) -> str:
        """What it has written to its log."""
        return self.log.read_text(errors="replace")

    def metrics(self) -> str:
        """What it answers Prometheus."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def readiness(self) -> str:
        """What its readiness probe answers."""
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
        """Stop it as Kubernetes would: SIGTERM, and time to finish."""
        if self._process is not None:
            self._process.stop(timeout_seconds)
            self._process = None

    def kill(self) -> None:
        """End it at once by SIGKILL, as an out-of-memory kill would."""
        self.process.kill()
        self._process = None

    def resident_bytes(self) -> int:
        """Resident memory of the operator process itself."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def pulumi(self, *arguments: str) -> str:
        """Run the Pulumi CLI on the operator's state, as an administrator would."""
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
