"""What keeps the engine's state as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class StateStore(Protocol):
    """The files of one backend, by key: their path below the backend's root. Writes are atomic.

    All but `notes` raise StateUnreadable, AccessDenied, CredentialsMissing or UpdateFailed.
    """

    def keys(self, prefix: str) -> Sequence[str]:
        """The keys that begin with it, in order."""

    def read(self, key: str) -> bytes | None:
        """The content; None if there is none."""

    def write(self, key: str, content: bytes) -> None:
        """Write a file, anew or over the one that is there."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete files; absent ones are success."""

    def notes(self) -> Sequence[str]:
        """What an administrator should know: that it cannot be reached, that a bucket has no versions. Never raises."""
