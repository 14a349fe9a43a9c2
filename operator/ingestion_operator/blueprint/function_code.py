"""The function's code: files that are packed here, a zip that is in S3 already, or a container image.

The same files give the same zip, byte for byte. Code that cannot run is refused.
"""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

import libcst

from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.processor import Processor
from ingestion_operator.model.runtimes import Runtime

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


def check(bundle: FunctionCode, processor: Processor) -> None:
    """Refuse code that cannot run. Lambda would accept it and fail at the first object.

    A zip in S3 or an image is not checked, because the operator does not have its files.
    Raises SpecInvalid if the handler's module is missing or a Python file does not compile under the runtime.
    """
    if not isinstance(bundle, CodeBundle):
        return
    names = [name for name, _ in bundle.files]
    module = handler_module(processor.handler)
    if module not in names:
        raise SpecInvalid(
            f"processor.handler {processor.handler!r} needs a file {module}, but the code has: {', '.join(names) or 'no file'}"
        )
    for name, text in bundle.files:
        if name.endswith(".py"):
            _check_python(name, text, processor.runtime)


def _check_python(name: str, text: str, runtime: Runtime) -> None:
    if error := _first_error(text):
        raise SpecInvalid(f"processor.code does not compile for {runtime.value}: {name}, {error}")


@lru_cache(maxsize=256)
def _first_error(text: str) -> str:
    """Place and message of the first syntax error; empty if any version of Python accepts the text."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(text, "code", "exec", dont_inherit=True)
    except SyntaxError as error:
        # The function's Python may be newer than the operator's, so the operator accepts code that a newer grammar accepts.
        where = f"line {error.lineno}, column {error.offset}: " if error.lineno else ""
        return "" if _is_newer_syntax(text) else f"{where}{error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


def _is_newer_syntax(text: str) -> bool:
    try:
        libcst.parse_module(text)
    except (libcst.ParserSyntaxError, RecursionError):
        return False
    return True
