"""A state backend that is a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingestion_operator.ports.state_store import Space

REMNANTS = (".tmp", ".attrs")


@dataclass
class FakeState:
    """The files of a state backend, in a dictionary."""

    files: dict[str, bytes] = field(default_factory=dict)
    while_writing: Callable[[str], None] = lambda _: None
    """Called before each write, with the key."""
    noted: tuple[str, ...] = ()
    room: Space | None = None

    def keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.files if key.startswith(prefix) and not key.endswith(REMNANTS))

    def remnants(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.files if key.startswith(prefix) and key.endswith(REMNANTS))

    def space(self) -> Space | None:
        return self.room

    def read(self, key: str) -> bytes | None:
        return self.files.get(key)

    def write(self, key: str, content: bytes) -> None:
        self.while_writing(key)
        self.files[key] = content

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.files.pop(key, None)

    def notes(self) -> Sequence[str]:
        return self.noted
