"""Locks of the state backend, which never expire: whether the holder of one is provably dead."""

from __future__ import annotations

import os
import re
import socket

# The CLI prints for each lock: `<url>: created by <user>@<host> (pid <pid>) at <time>`
HOLDER = re.compile(r"created by \S*@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


def held_by_the_dead(message: str, *, host: str | None = None) -> bool:
    """Whether each lock named in the CLI's message was taken on this host by a process that is gone.

    A lock of another host is never judged: its holder may be alive.
    """
    holders = list(HOLDER.finditer(message))
    here = host or socket.gethostname()
    return bool(holders) and all(h["host"] == here and not _is_pulumi(int(h["pid"])) for h in holders)


def _is_pulumi(pid: int) -> bool:
    """Whether that process runs and is a Pulumi CLI: the number may have been given to another process since."""
    try:
        return os.readlink(f"/proc/{pid}/exe").split(" ")[0].endswith("pulumi")
    except FileNotFoundError:
        return False
    except PermissionError:
        return True
