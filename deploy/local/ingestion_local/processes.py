"""Child processes of the local environment: each has a log and a deadline, and none is left behind.

A child ends with the process that started it, however that process ends. A child that should outlive its parent leaves a
record (pid and start time) beside its log. A later command finds exactly that process by its record, and ends it.

For Linux only: it asks the kernel to end children with their parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

PR_SET_PDEATHSIG = 1
LOG_TAIL_BYTES = 4096
SAID_CHARACTERS = 3000
GROUP_END_SECONDS = 10.0
RECORD_SUFFIX = ".process.json"
CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# For the kernel, a parent has died when the *thread* that forked the child ends. So one thread forks all children. It lives
# as long as the process, and a child that was started from a short-lived thread does not end with that thread.
_LAUNCHER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")


class LocalEnvironmentError(Exception):
    """A part of the local environment could not be started, built or reached. The message says what to do."""


@dataclass(frozen=True)
class Process:
    """One running child. It leads its own session, and its output goes to one log file."""

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
        death_signal: signal.Signals = signal.SIGTERM,
    ) -> Process:
        """Start `argv`, and append its output to `log`.

        The kernel (Linux) sends the child `death_signal` when this process dies, however that happens. With `outlive_parent`
        it does not. The child has a record beside its log then: see `recorded_processes`.
        """
        log.parent.mkdir(parents=True, exist_ok=True)

        before_exec = None if outlive_parent else _die_with_parent(death_signal)

        def launch() -> subprocess.Popen[bytes]:
            with log.open("ab") as sink:
                return subprocess.Popen(
                    [str(word) for word in argv],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                    preexec_fn=before_exec,  # noqa: PLW1509 - takes no locks
                )

        process = cls(name, log, _LAUNCHER.submit(launch).result())
        if outlive_parent:
            ProcessRecord.of(process).write()
        return process

    @property
    def pid(self) -> int:
        """The process id. It is also the id of the session and of the process group."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.popen.poll() is None

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """End the process and its group: SIGTERM, then SIGKILL after the time. Stopping twice succeeds."""
        if self.running:
            _signal_group(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout_seconds)
        # The kernel does not use the leader's pid again as long as the group has a member.
        if self.running or has_ended(self.pid):
            _end_group(self.pid)
        self.popen.wait()
        _record_path(self.log).unlink(missing_ok=True)

    def kill(self) -> None:
        """End the process at once with SIGKILL, as a crash would. Other processes of its group go on."""
        self.popen.kill()
        self.popen.wait()

    def log_tail(self) -> str:
        """The last lines the process wrote."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")


@dataclass(frozen=True)
class ProcessRecord:
    """What identifies a process that outlives its parent, so that no other process is taken for it."""

    name: str
    pid: int
    started: str
    log: Path

    @classmethod
    def of(cls, process: Process) -> ProcessRecord:
        """The record of a process that has just been started."""
        return cls(process.name, process.pid, _start_time(process.pid) or "", process.log)

    @classmethod
    def read(cls, path: Path) -> ProcessRecord:
        """The record in the file that `write` made."""
        document = json.loads(path.read_text())
        return cls(document["name"], document["pid"], document["started"], Path(document["log"]))

    def write(self) -> None:
        """Write the record beside the log, whole or not at all."""
        path = _record_path(self.log)
        partial = path.with_suffix(".partial")
        document = {"name": self.name, "pid": self.pid, "started": self.started, "log": str(self.log)}
        partial.write_text(json.dumps(document))
        partial.replace(path)

    @property
    def running(self) -> bool:
        """Whether the recorded process still runs. Another process with the same pid does not count."""
        return bool(self.started) and _start_time(self.pid) == self.started

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """End the process and its group: SIGTERM, then SIGKILL after the time.

        A new process that has the same pid is left alone.
        """
        if self.running:
            _signal_group(self.pid, signal.SIGTERM)
            with contextlib.suppress(LocalEnvironmentError):
                wait_until(f"the end of {self.name}", lambda: not self.running, timeout_seconds=timeout_seconds)
        if self.running or has_ended(self.pid):
            _end_group(self.pid)
        _record_path(self.log).unlink(missing_ok=True)


def recorded_processes(directory: Path) -> list[ProcessRecord]:
    """The processes started with `outlive_parent` whose logs are under `directory`, running or not.

    They are in the order of their start.
    """
    records = []
    for path in directory.rglob(f"*{RECORD_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # another command stopped it at this moment
            records.append((path.stat().st_mtime_ns, ProcessRecord.read(path)))
    return [record for _, record in sorted(records, key=lambda pair: pair[0])]


def _record_path(log: Path) -> Path:
    return log.with_name(log.name + RECORD_SUFFIX)


def has_ended(pid: int) -> bool:
    """Whether the process has ended. A zombie has ended: it holds no port and no file."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return True


def _start_time(pid: int) -> str | None:
    """When the process with this pid started, in a form for comparison only. None when it has ended."""
    if has_ended(pid):
        return None
    try:
        since_boot = psutil.Process(pid).create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return None
    # The ticks since the boot stay the same when somebody sets the clock. The id of the boot makes them unique.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{round(since_boot * CLOCK_TICKS_PER_SECOND)}"


def _group_exists(group: int) -> bool:
    """Whether a process of the group has not ended."""
    return any(_group_of(pid) == group and not has_ended(pid) for pid in psutil.pids())


def _group_of(pid: int) -> int:
    """The id of the process group; 0 when the process is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_group(group: int) -> None:
    """End the rest of the group with SIGKILL, and wait for that."""
    _signal_group(group, signal.SIGKILL)
    wait_until(
        f"the end of process group {group}",
        lambda: not _group_exists(group),
        timeout_seconds=GROUP_END_SECONDS,
        interval_seconds=0.01,
    )


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # the parent died before this request
            os._exit(1)

    return ask_the_kernel


def output_of(
    *command: str, timeout_seconds: float, env: Mapping[str, str] | None = None, cwd: str | Path | None = None
) -> str:
    """Run a command to its end, and return what it prints. Raises LocalEnvironmentError with its error message when it fails."""
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=timeout_seconds, env=env, cwd=cwd
    )
    if ran.returncode != 0:
        said = (ran.stderr or ran.stdout).strip()[-SAID_CHARACTERS:]
        raise LocalEnvironmentError(f"`{' '.join(command)}` failed: {said}")
    return ran.stdout


def free_port() -> int:
    """A TCP port on loopback on which no program listens now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different TCP ports on loopback on which no program listens now."""
    with contextlib.ExitStack() as probes:
        return list(_bound_ports(probes, count))


def _bound_ports(probes: contextlib.ExitStack, count: int) -> Iterator[int]:
    for _ in range(count):
        probe = probes.enter_context(socket.socket())
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


def wait_until(
    what: str,
    check: Callable[[], T | None],
    *,
    timeout_seconds: float,
    interval_seconds: float = 0.05,
    process: Process | None = None,
) -> T:
    """Call `check` until it returns something true, and return that.

    Raises LocalEnvironmentError with `what` and the end of the log when the time is up or `process` has ended.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        result = check()
        if result:
            return result
        if process is not None and not process.running:
            raise LocalEnvironmentError(
                f"{process.name} ended with code {process.popen.returncode} while waiting for {what}; "
                f"its log is {process.log}:\n{process.log_tail()}"
            )
        if time.monotonic() > deadline:
            tail = f"; the log is {process.log}:\n{process.log_tail()}" if process else ""
            raise LocalEnvironmentError(f"{what} did not happen within {timeout_seconds:g} s{tail}")
        time.sleep(interval_seconds)
