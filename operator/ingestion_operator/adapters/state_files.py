"""The files of a backend on a volume: the `StateStore` port on a directory."""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ingestion_operator.errors import DiskFull, StateUnreadable
from ingestion_operator.ports.state_store import Space

# Until the backend's URL said `metadata=skip`, the CLI kept attributes beside each of its files.
ATTRIBUTES = ".attrs"
# The CLI writes `<file>.<time in hexadecimal>.tmp` and renames it. A killed process leaves that file, and so does one that found
# the disk full. Source: gocloud.dev/blob/fileblob, createTemp, with the option no_tmp_dir, which Pulumi's pkg/backend/diy sets.
REMNANT = re.compile(r"\.[0-9a-f]+\.tmp$|\.attrs$")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileState:
    """The `StateStore` port on a directory."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def keys(self, prefix: str) -> Sequence[str]:
        """See the port."""
        return self._names(prefix, lambda name: REMNANT.search(name) is None)

    def remnants(self, prefix: str) -> Sequence[str]:
        """See the port."""
        return self._names(prefix, lambda name: REMNANT.search(name) is not None)

    def _names(self, prefix: str, wanted: Callable[[str], bool]) -> Sequence[str]:
        with _translated(f"listing {self._directory}"):
            return sorted(filter(wanted, self._files("", prefix)))

    def _files(self, folder: str, prefix: str) -> Iterator[str]:
        """The files that begin with the prefix. Folders that hold none are not read: others' stacks may be thousands."""
        with suppress(FileNotFoundError), os.scandir(self._directory / folder) as entries:
            for entry in entries:
                name = folder + entry.name
                if not entry.is_dir():
                    if name.startswith(prefix):
                        yield name
                elif name.startswith(prefix) or prefix.startswith(f"{name}/"):
                    yield from self._files(f"{name}/", prefix)

    def space(self) -> Space | None:
        """See the port."""
        with _translated(f"looking at the volume of {self._directory}"):
            usage = shutil.disk_usage(self._directory)
            return Space(usage.free, usage.total)

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
            half = path.with_name(f"{path.name}.{time.time_ns():x}.tmp")
            try:
                with half.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                half.replace(path)
            except OSError:
                half.unlink(missing_ok=True)
                raise

    def delete(self, keys: Sequence[str]) -> None:
        """See the port. Directories that become empty are removed too."""
        for key in keys:
            path = self._directory / key
            with _translated(f"deleting {path}"):
                path.unlink(missing_ok=True)
                path.with_name(path.name + ATTRIBUTES).unlink(missing_ok=True)
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
        if error.errno in FULL:
            raise DiskFull(f"{doing}: {error.strerror}: enlarge the volume, or free room on it") from error
        raise StateUnreadable(f"{doing}: {error.strerror}") from error
