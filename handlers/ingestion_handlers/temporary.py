"""The directory for the temporary files of one operator process: of the operator, of the CLI, and of the CLI's plugins.

Each process has a directory of its own, named after the host, the process and its start. A process that was killed cannot remove
its directory, so the next one on the host does.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion_operator.adapters.pulumi.locks import is_in_use, process_mark

logger = logging.getLogger(__name__)

VARIABLE = "TMPDIR"
"""Names the directory to Python, to Go's os.TempDir, and so to the CLI and its plugins."""


@contextmanager
def own_temporary_directory(base: Path | None = None) -> Iterator[Path]:
    """Give this process, and each process that it starts, a directory for temporary files until the block ends.

    Removes the directories of processes of this host that have ended. Raises PermissionError if another user made the common
    directory.
    """
    before = os.environ.get(VARIABLE)
    root = _root(base or Path(tempfile.gettempdir()))
    _remove_of_the_dead(root)
    own = root / f"{_prefix()}{process_mark(os.getpid())}"
    own.mkdir(mode=0o700)
    _use(str(own))
    try:
        yield own
    finally:
        _use(before)
        shutil.rmtree(own, ignore_errors=True)


def _root(base: Path) -> Path:
    root = base / f"ingestion-operator-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise PermissionError(f"another user made {root}: remove it, or set {VARIABLE}")
    return root


def _prefix() -> str:
    # Elsewhere than in a pod, several hosts may share the directory, and a process of another host cannot be looked up.
    return f"{socket.gethostname()}_"


def _remove_of_the_dead(root: Path) -> None:
    for path in root.glob(f"{_prefix()}*"):
        if not is_in_use(path.name.removeprefix(_prefix())):
            logger.info("removing the temporary files of an operator that was killed: %s", path)
            shutil.rmtree(path, ignore_errors=True)


def _use(directory: str | None) -> None:
    if directory is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = directory
    tempfile.tempdir = None  # Python looks it up again
