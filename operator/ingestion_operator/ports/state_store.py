"""What the core needs from the store of the engine's state, which consists of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class StateStore(Protocol):
    """The files of one backend. The key of a file is its path below the backend's root. Writes are atomic.

    All methods but `notes` raise StateUnreadable, AccessDenied, CredentialsMissing or UpdateFailed.
    """

    def keys(self, prefix: str) -> Sequence[str]:
        """The keys that begin with the prefix, in order."""

    def read(self, key: str) -> bytes | None:
        """The content of a file; None if there is no such file."""

    def write(self, key: str, content: bytes) -> None:
        """Create a file or replace it."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete files; absent ones are success."""

    def notes(self) -> Sequence[str]:
        """What an administrator should know, for example that the backend cannot be reached. Never raises."""
