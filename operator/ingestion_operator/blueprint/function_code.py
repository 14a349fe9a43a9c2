"""The function's code: files that are packed here, a zip that is in S3 already, or a container image.

The same files give the same zip, byte for byte. Nothing in here parses the code.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ingestion_operator.model.processor import Processor

# The earliest time that a zip can contain. A fixed time keeps the hash the same.
EPOCH = (1980, 1, 1, 0, 0, 0)
READABLE_BY_ALL = 0o644 << 16


@dataclass(frozen=True)
class CodeBundle:
    """The files of one function."""

    files: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, files: Mapping[str, str]) -> CodeBundle:
        """A bundle of these files, by name."""
        return cls(tuple(sorted(files.items())))

    @cached_property
    def zip_bytes(self) -> bytes:
        """The zip to upload. Its files are sorted by name, and all have the same time and mode.

        It is not compressed. Another version of zlib would give other bytes, and every function would be deployed again.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, text in self.files:
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.external_attr = READABLE_BY_ALL
                archive.writestr(entry, text)
        return buffer.getvalue()

    @cached_property
    def sha256(self) -> str:
        """Hash of the zip in hexadecimal, for people and for the status."""
        return hashlib.sha256(self.zip_bytes).hexdigest()

    @cached_property
    def sha256_base64(self) -> str:
        """Hash of the zip as Lambda reports it in `CodeSha256`."""
        return base64.b64encode(hashlib.sha256(self.zip_bytes).digest()).decode()


@dataclass(frozen=True)
class S3Package:
    """A zip that a build uploaded to S3."""

    bucket: str
    key: str
    version_id: str
    sha256: str
    """Hash of the zip in hexadecimal."""

    @property
    def sha256_base64(self) -> str:
        """Hash of the zip as Lambda reports it in `CodeSha256`."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode() if self.sha256 else ""


@dataclass(frozen=True)
class ContainerImage:
    """An image in Amazon ECR, identified by its digest."""

    uri: str

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal."""
        return self.uri.rpartition("@sha256:")[2]


FunctionCode: TypeAlias = CodeBundle | S3Package | ContainerImage


def handler_module(handler: str) -> str:
    """Path of the file that the handler names: `app.index.run` and `app/index.run` are both in `app/index.py`."""
    return handler.rpartition(".")[0].replace(".", "/") + ".py"


def inline_bundle(processor: Processor, text: str) -> CodeBundle:
    """A bundle of one file, with the file name that the handler requires."""
    return CodeBundle.of({handler_module(processor.handler): text})
