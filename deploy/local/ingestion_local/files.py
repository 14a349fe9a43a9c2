"""The files below a directory, of this machine or of another from which an archive comes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def files_below(directory: Path) -> Mapping[str, bytes]:
    """What each file says, by its path in the directory."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def files_in(archive: bytes) -> Mapping[str, bytes]:
    """What each file says that `tar` packed in its directory, by its path there."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        read = ((entry.name.removeprefix("./"), opened.extractfile(entry)) for entry in opened)
        return {name: file.read() for name, file in read if file is not None}
