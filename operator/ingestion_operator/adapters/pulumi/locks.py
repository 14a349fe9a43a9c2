"""Whether the holder of a lock of the state backend is provably dead. The locks themselves never expire."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

# The CLI prints for each lock: `<url>: created by <user>@<host> (pid <pid>) at <time>`
OPERATOR_VARIABLE = "INGESTION_OPERATOR_PROCESS"
START_TIME_FIELD = 19  # of /proc/<pid>/stat, counted from the field after the name; proc(5) calls it starttime
PATIENCE_SECONDS = 15.0
# Hosts without a configured name have these names. If several hosts work on one state, such a name identifies none of them.
NAMELESS = frozenset({"", "localhost", "localhost.localdomain"})
HOLDER = re.compile(r"created by \S*@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


def held_by_the_dead(
    message: str, *, host: str | None = None, shared: bool = False, departed: Collection[str] = ()
) -> bool:
    """Whether the holders of all locks that the CLI's message names are gone.

    - On a `departed` host no process runs any more.
    - On this host the engine looks the process up. A process whose operator has ended is asked to stop, and is gone once it has
      stopped. If hosts share the state (`shared`) and this host has no name of its own, the name may be another host's: then
      the process counts as alive.
    - On any other host the process may be alive.
    """
    holders = list(HOLDER.finditer(message))
    here = host or socket.gethostname()
    judged = () if shared and here in NAMELESS else (here,)
    # A lock that names no holder may be anybody's.
    return len(holders) == message.count("created by ") > 0 and all(
        h["host"] in departed or (h["host"] in judged and _is_gone(int(h["pid"]))) for h in holders
    )


def _is_gone(pid: int) -> bool:
    if not _is_pulumi(pid):
        return True
    return _is_orphan(pid) and _ended(pid)


def _is_pulumi(pid: int) -> bool:
    """Whether that process runs and is a Pulumi CLI. Another process may have got the number since."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.split(" ")[0] == "pulumi"
    except FileNotFoundError:
        return False
    except PermissionError:
        return True


def _is_orphan(pid: int) -> bool:
    """Whether the operator that started this CLI process has ended."""
    mark = _mark_in_environment(pid)
    return bool(mark) and not _is_running(mark)


def is_in_use(mark: str) -> bool:
    """Whether the operator with this mark runs, or a CLI process that it started, or that one's plugin."""
    started = (_mark_in_environment(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return _is_running(mark) or mark in started


def _mark_in_environment(pid: int) -> str:
    """The mark of the operator that started the process; empty if the process has none, or is gone."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    prefix = f"{OPERATOR_VARIABLE}=".encode()
    return next((entry.removeprefix(prefix).decode() for entry in environment if entry.startswith(prefix)), "")


def _is_running(mark: str) -> bool:
    pid = mark.partition("@")[0]
    return pid.isdigit() and mark == process_mark(int(pid))


def process_mark(pid: int) -> str:
    """`<pid>@<start time in clock ticks>`: distinguishes a process from a later process with the same number."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return f"{pid}@"
    return f"{pid}@{after_name[START_TIME_FIELD]}"


def _ended(pid: int) -> bool:
    """Ask a process to stop, gracefully first, and wait for its end. Returns whether it ended."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if not _is_pulumi(pid):
                return True
            time.sleep(0.05)
    return False
