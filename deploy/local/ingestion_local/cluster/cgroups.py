"""The cgroups of a node, in all hierarchies of the machine."""

from __future__ import annotations

import functools
from pathlib import Path

from ingestion_local.processes import wait_until

CGROUPS = Path("/sys/fs/cgroup")
END_TIMEOUT_SECONDS = 10.0


def make_cgroups(name: str) -> None:
    """Make the cgroup in each hierarchy. Making it again succeeds."""
    for hierarchy in _hierarchies():
        (hierarchy / name.lstrip("/")).mkdir(exist_ok=True)


def remove_cgroups(name: str) -> None:
    """Remove the cgroup and everything below it, in each hierarchy. Raises LocalEnvironmentError when one is still in use."""
    for hierarchy in _hierarchies():
        root = hierarchy / name.lstrip("/")
        wait_until(
            f"the end of the processes in {root}",
            functools.partial(_removed, root),
            timeout_seconds=END_TIMEOUT_SECONDS,
        )


def _hierarchies() -> list[Path]:
    """The roots of the cgroup hierarchies: one for version 2, and one for each controller for version 1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [entry for entry in CGROUPS.iterdir() if entry.is_dir() and (entry / "cgroup.procs").exists()]


def _removed(root: Path) -> bool:
    folders = sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True)
    try:
        for folder in [*folders, root]:
            folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
