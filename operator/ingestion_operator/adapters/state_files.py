"""The files of a backend on a volume: the `StateStore` port on a directory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ingestion_operator.errors import StateUnreadable

# The CLI keeps an empty file with this ending beside each of its files. Other backends have no such files.
SIDECAR = ".attrs"


class FileState:
    """The `StateStore` port on a directory."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def keys(self, prefix: str) -> Sequence[str]:
        """See the port."""
        with _translated(f"listing {self._directory}"):
            start = self._directory / prefix.rpartition("/")[0]
            keys = (path.relative_to(self._directory).as_posix() for path in start.rglob("*") if path.is_file())
            return sorted(key for key in keys if key.startswith(prefix) and not key.endswith(SIDECAR))

    def read(self, key: str) -> bytes | None:
        """See the port."""
        with _translated(f"reading {self._directory / key}"):
            try:
                return (self._directory / key).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, key: str, content: bytes) -> None:
        """See the port."""
        path = self._directory / key
        with _translated(f"writing {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(path)

    def delete(self, keys: Sequence[str]) -> None:
        """See the port. Directories that become empty are removed too."""
        for key in keys:
            path = self._directory / key
            with _translated(f"deleting {path}"):
                path.unlink(missing_ok=True)
                path.with_name(path.name + SIDECAR).unlink(missing_ok=True)
                with suppress(OSError):  # not empty
                    path.parent.rmdir()

    def notes(self) -> Sequence[str]:
        """See the port."""
        if not self._directory.is_dir():
            return (f"the directory of the state, {self._directory}, does not exist: mount the volume",)
        if not os.access(self._directory, os.R_OK | os.W_OK | os.X_OK):
            return (f"this user cannot write to the directory of the state, {self._directory}",)
        return ()


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateUnreadable(f"{doing}: {error.strerror}") from error
