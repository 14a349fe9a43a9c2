"""Child processes of the local environment: started with a log, waited for with a deadline, never left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PR_SET_PDEATHSIG = 1
LOG_TAIL_BYTES = 4096


class LocalEnvironmentError(Exception):
    """Something of the local environment could not be started, built or reached; the message says what to do."""


@dataclass(frozen=True)
class Process:
    """One running child, the leader of its own session, whose output goes to one log file."""

    name: str
    log: Path
    popen: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        outlive_parent: bool = False,
    ) -> Process:
        """Start `argv`. Unless `outlive_parent`, the kernel ends it when the starting thread's process dies."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            popen = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=None if outlive_parent else _die_with_parent(),  # noqa: PLW1509 - one C call, no locks
            )
        return cls(name, log, popen)

    @property
    def pid(self) -> int:
        """The process id, also that of the session and the process group."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.popen.poll() is None

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """End the process and its group: SIGTERM, then SIGKILL after the time. Stopping a stopped one succeeds."""
        if self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout_seconds)
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def kill(self) -> None:
        """End the process at once by SIGKILL, as a crash would; its group is left to itself."""
        self.popen.kill()
        self.popen.wait()

    def log_tail(self) -> str:
        """The last lines the process wrote."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def _die_with_parent() -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask_the_kernel


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(
    what: str,
    check: Callable[[], T | None],
    *,
    timeout_seconds: float,
    interval_seconds: float = 0.05,
    process: Process | None = None,
) -> T:
    """Call `check` until it returns something truthy, and return that.

    Raises LocalEnvironmentError, naming `what` and the end of the log, when the time is up or `process` has ended.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = check()
        if found:
            return found
        if process is not None and not process.running:
            raise LocalEnvironmentError(
                f"{process.name} ended with code {process.popen.returncode} while waiting for {what}; "
                f"its log is {process.log}:\n{process.log_tail()}"
            )
        if time.monotonic() > deadline:
            tail = f"; the log is {process.log}:\n{process.log_tail()}" if process else ""
            raise LocalEnvironmentError(f"{what} did not happen within {timeout_seconds:g} s{tail}")
        time.sleep(interval_seconds)
