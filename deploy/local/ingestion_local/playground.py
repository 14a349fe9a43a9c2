"""A control plane and an AWS emulator that keep running after the command that started them.

`processes` writes a record beside the log as soon as a process starts. These records say what runs, also after an `up` that
was interrupted. The state file is written last. It has everything that a developer needs to know, and it exists only if the
playground was completely up.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ingestion_local import toolchain
from ingestion_local.control_plane import TOOLS, ControlPlane
from ingestion_local.files import write_private
from ingestion_local.processes import recorded_processes
from ingestion_local.progress import Reporter, default_reporter

LOCK_TIMEOUT_SECONDS = 600.0
# After this time SIGKILL follows. The data is never used again, and an API server without etcd needs ten seconds to stop.
STOP_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Endpoints:
    """What a developer's tools need to use the playground."""

    kubeconfig: str
    kubectl: str
    addresses: dict[str, str]  # by the name of the component
    environment: dict[str, str]  # KUBECONFIG and AWS_*

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the endpoints from the file that `write` made. Raises FileNotFoundError."""
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        """Write them to a file that only the user can read, because a key of the emulator is among them."""
        write_private(path, json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True)
class Component:
    """One process of the playground, as `status` shows it."""

    name: str
    pid: int
    running: bool
    address: str
    log: Path


class Playground:
    """The one playground of a user, under `directory` (default: in the cache directory)."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or toolchain.cache_directory() / "playground"
        self._control_plane = self.directory / "control-plane"
        self._emulator = self.directory / "emulator"
        self._state = self.directory / "playground.json"

    def up(self, reporter: Reporter | None = None) -> Endpoints:
        """Start the playground unless all of it runs already, and return how to reach it.

        Each playground starts empty: the rest of a stopped or broken one is removed first. Raises LocalEnvironmentError when a
        part does not start, and then leaves nothing running.
        """
        with self._exclusive():
            if (endpoints := self.endpoints()) is not None:
                return endpoints
            self._stop_recorded()
            for part in (self._control_plane, self._emulator):
                shutil.rmtree(part, ignore_errors=True)
            try:
                endpoints = self._start(reporter)
            except BaseException:
                self._stop_recorded()
                raise
            endpoints.write(self._state)
            return endpoints

    def down(self) -> list[str]:
        """Stop exactly the recorded processes, and return their names. The logs stay until the next `up`."""
        with self._exclusive():
            self._state.unlink(missing_ok=True)
            return self._stop_recorded()

    def endpoints(self) -> Endpoints | None:
        """How to reach the playground; None unless all of it runs."""
        records = recorded_processes(self.directory)
        if not records or not all(record.running for record in records):
            return None
        return self._saved()

    def components(self) -> list[Component]:
        """Every recorded process, running or not. Empty when the playground is down."""
        saved = self._saved()
        addresses = saved.addresses if saved else {}
        return [
            Component(record.name, record.pid, record.running, addresses.get(record.name, ""), record.log)
            for record in recorded_processes(self.directory)
        ]

    def _saved(self) -> Endpoints | None:
        try:
            return Endpoints.read(self._state)
        except (FileNotFoundError, ValueError, TypeError):  # no file, or a file of another version of this program
            return None

    def _exclusive(self) -> contextlib.AbstractContextManager[None]:
        lock = self.directory.with_name(f".{self.directory.name}.lock")
        what = "the end of another `ingestion-local up` or `down`"
        return toolchain.exclusive(lock, what, timeout_seconds=LOCK_TIMEOUT_SECONDS)

    def _start(self, reporter: Reporter | None) -> Endpoints:
        from ingestion_local.emulator import Emulator  # importing boto3 takes half a second, and only `up` needs it

        with contextlib.closing(reporter or default_reporter()) as report:
            tools = toolchain.ensure(TOOLS, reporter=report)
            control_plane = ControlPlane(self._control_plane, tools, outlive_parent=True)
            _timed(report, "control plane", control_plane.start)
            emulator = Emulator(self._emulator, auth=True, outlive_parent=True)
            _timed(report, "AWS emulator", emulator.start)
        return Endpoints(
            kubeconfig=str(control_plane.kubeconfig),
            kubectl=str(control_plane.kubectl),
            addresses={
                "etcd": control_plane.etcd_url,
                "kube-apiserver": control_plane.url,
                "emulator": emulator.endpoint,
            },
            environment={"KUBECONFIG": str(control_plane.kubeconfig), **emulator.env()},
        )

    def _stop_recorded(self) -> list[str]:
        """Stop the recorded processes, the last one first: a client stops before its server."""
        running = []
        for record in reversed(recorded_processes(self.directory)):
            if record.running:
                running.append(record.name)
            record.stop(STOP_TIMEOUT_SECONDS)
        return running


def _timed(reporter: Reporter, step: str, start: Callable[[], None]) -> None:
    reporter.begin(step)
    before = time.monotonic()
    start()
    reporter.end(f"ready after {time.monotonic() - before:.1f} s")
