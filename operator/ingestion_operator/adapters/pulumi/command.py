"""One Pulumi CLI process with its own session and a deadline. It is interrupted first, and killed only if it does not stop."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from pulumi import automation
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from ingestion_operator.adapters.pulumi.locks import OPERATOR_VARIABLE, process_mark
from ingestion_operator.errors import Interrupted, UpdateTimedOut

# After SIGINT the engine finishes the calls under way and writes the state. A second signal would orphan resources.
GRACE_SECONDS = 120.0
# How often a thread that waits for the CLI looks whether the operator stops.
LOOK_SECONDS = 1.0


class Processes:
    """The CLI processes that run now. When the operator stops, each is interrupted, and no other is started."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._interrupted: set[subprocess.Popen[str]] = set()
        self._started = 0
        self._stopping = False
        self._asyncio = logging.getLogger("asyncio")
        self._asyncio_level = self._asyncio.level

    @property
    def stopping(self) -> bool:
        """Whether the operator stops."""
        return self._stopping

    def begin(self) -> None:
        """Raise Interrupted if the operator stops, because no operation may begin then."""
        if self._stopping:
            raise Interrupted("not begun, because the operator stops")

    def add(self, process: subprocess.Popen[str]) -> None:
        """Remember a process. If the operator is stopping already, the process is interrupted at once."""
        with self._guard:
            self._running.add(process)
            self._started += 1
            if self._stopping:
                self._interrupt(process)

    def counts(self) -> tuple[int, int]:
        """How many run now, and how many were started."""
        with self._guard:
            return len(self._running), self._started

    def remove(self, process: subprocess.Popen[str]) -> None:
        """Forget a process that ended."""
        with self._guard:
            self._running.discard(process)
            self._interrupted.discard(process)
            # The Automation API silences this logger, for the whole process, whenever a program begins (pulumi/automation/_server.py).
            # The operator's own event loop reports its errors there.
            self._asyncio.setLevel(self._asyncio_level)

    def interrupt(self, process: subprocess.Popen[str]) -> None:
        """Ask a process to finish its current work and stop. A process is asked only once: the second time it would orphan resources."""
        with self._guard:
            self._interrupt(process)

    def interrupt_all(self) -> None:
        """The operator stops: ask each running process, and start no other."""
        with self._guard:
            self._stopping = True
            for process in self._running:
                self._interrupt(process)

    def _interrupt(self, process: subprocess.Popen[str]) -> None:
        """Send SIGINT to the CLI alone: the CLI ends its plugins itself, in order."""
        if process not in self._interrupted:
            self._interrupted.add(process)
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)


class OneCommand(automation.PulumiCommand):
    """The CLI for the commands of one operation. It counts the commands, limits their time and can add arguments."""

    def __init__(
        self,
        binary: Path,
        version: str,
        processes: Processes,
        timeout_seconds: float,
        extra_arguments: Sequence[str] = (),
    ) -> None:
        # The base class would run `pulumi version` each time. The operator has checked the version when it started.
        self.command = str(binary)
        self.version = VersionInfo.parse(version)
        self.count = 0
        self._processes = processes
        self._timeout_seconds = timeout_seconds
        self._extra_arguments = list(extra_arguments)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: automation.OnOutput | None = None,
        on_error: automation.OnOutput | None = None,
    ) -> automation.CommandResult:
        """Run one command.

        Raises the Automation API's CommandError if the command fails, UpdateTimedOut if it had to be interrupted, Interrupted if
        the operator stops.
        """
        self._processes.begin()
        self.count += 1
        argv = [self.command, "--non-interactive", *args, *self._extra_arguments]
        env = {
            **os.environ,
            **additional_env,
            "PULUMI_AUTOMATION_API": "true",
            OPERATOR_VARIABLE: process_mark(os.getpid()),
        }
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=env,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            self._processes.add(process)
            try:
                result = self._collect(process, on_output, on_error)
            finally:
                self._processes.remove(process)
        if result.code != 0:
            raise create_command_error(result)
        return result

    def _collect(
        self,
        process: subprocess.Popen[str],
        on_output: automation.OnOutput | None,
        on_error: automation.OnOutput | None,
    ) -> automation.CommandResult:
        out, out_thread = _drain(process.stdout, on_output)
        err, err_thread = _drain(process.stderr, on_error)
        timed_out = self._wait(process)
        out_thread.join()
        err_thread.join()
        if timed_out:
            raise UpdateTimedOut(f"interrupted after {self._timeout_seconds:g} s (spec.reconcile.timeoutSeconds)")
        if process.returncode != 0 and self._processes.stopping:
            raise Interrupted("interrupted, because the operator stops")
        return automation.CommandResult(stdout="\n".join(out), stderr="\n".join(err), code=process.returncode)

    def _wait(self, process: subprocess.Popen[str]) -> bool:
        """Wait until the process ends. Returns whether it had to be interrupted because its time was over."""
        deadline = time.monotonic() + self._timeout_seconds
        while not self._processes.stopping and (left := deadline - time.monotonic()) > 0:
            if _ends_within(min(left, LOOK_SECONDS), process):
                return False
        timed_out = not self._processes.stopping
        self._processes.interrupt(process)
        if not _ends_within(GRACE_SECONDS, process):
            process.terminate()
        if not _ends_within(GRACE_SECONDS, process):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return timed_out


def _ends_within(seconds: float, process: subprocess.Popen[str]) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return True
    return False


def _drain(stream: IO[str] | None, callback: automation.OnOutput | None) -> tuple[list[str], threading.Thread]:
    lines: list[str] = []

    def read() -> None:
        for line in stream or ():
            lines.append(line.rstrip())
            if callback:
                callback(line.rstrip())

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return lines, thread
