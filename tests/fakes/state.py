"""A state backend that is a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class FakeState:
    """The files of a state backend, in a dictionary."""

    files: dict[str, bytes] = field(default_factory=dict)
    while_writing: Callable[[str], None] = lambda _: None
    """Called before each write, with the key."""
    noted: tuple[str, ...] = ()

    def keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.files if key.startswith(prefix))

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
