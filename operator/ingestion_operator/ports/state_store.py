"""What the core needs from the store of the engine's state, which consists of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Space:
    """The room on a volume, in bytes."""

    free: int
    size: int


class StateStore(Protocol):
    """The files of one backend. The key of a file is its path below the backend's root. Writes are atomic.

    All methods but `notes` raise StateUnreadable, DiskFull, AccessDenied, CredentialsMissing or UpdateFailed.
    """

    def keys(self, prefix: str) -> Sequence[str]:
        """The keys that begin with the prefix, in order."""

    def remnants(self, prefix: str) -> Sequence[str]:
        """What processes of the CLI that were killed left beside the files, in order: half-written files, and attributes.

        `keys` leaves these out; `read` and `delete` accept them. A bucket has none, because S3 stores an object whole or not at
        all (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel).
        """

    def space(self) -> Space | None:
        """The room on the volume; None if the store has no end, as a bucket."""

    def read(self, key: str) -> bytes | None:
        """The content of a file; None if there is no such file."""

    def write(self, key: str, content: bytes) -> None:
        """Create a file or replace it."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete files; absent ones are success."""

    def notes(self) -> Sequence[str]:
        """What an administrator should know, for example that the backend cannot be reached. Never raises."""
