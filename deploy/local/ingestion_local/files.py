"""Reads the files below a directory or in an archive, and writes files that only the user can read."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def files_below(directory: Path) -> Mapping[str, bytes]:
    """The content of each file, by its path in the directory."""
    paths = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


def files_in(archive: bytes) -> Mapping[str, bytes]:
    """The content of each file in an archive of `tar`, by its path in the archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        read = ((entry.name.removeprefix("./"), opened.extractfile(entry)) for entry in opened)
        return {name: file.read() for name, file in read if file is not None}


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)
