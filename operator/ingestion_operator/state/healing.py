"""Puts right what a crash or a full disk left of a stack's files on a volume, before the CLI reads them.

The CLI writes a file beside its place and renames it (gocloud.dev/blob/fileblob), which is atomic, but not durable:

- A killed process leaves the half-written file. Beside the locks it counts as a lock that cannot be read, and every operation
  says `unexpected end of JSON input`.
- When the disk is full, blob.WriteAll closes a file that it could not write in full, and closing renames it: the checkpoint is
  cut off. Its copy `.bak` is made in another way, which removes what is not whole, so `.bak` is a whole older state.
- The CLI does not wait for the disk (no `fsync`). A machine that dies may leave any of the last files empty.
- Before the operator told it not to, the CLI kept attributes beside each file, and wrote them in place.

In S3 none of this can happen, because S3 stores an object whole or not at all. Nothing is healed there.

A checkpoint is replaced only while no process that may be alive holds the stack's lock, and under a lock of the operator's own,
as the CLI takes it: write the lock, look for others, give way.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from ingestion_operator.errors import LockHeld, StateUnreadable
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.state.backend import (
    BACKUPS,
    DAMAGED,
    HISTORY,
    LOCKS,
    META,
    STACKS,
    checkpoint_files,
    remnants_of,
)
from ingestion_operator.wording import few

META_CONTENT = b"version: 1\n"
VERSION = re.compile(rb"""^\W*version["']?\s*:\s*\d+""", re.MULTILINE)
GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
ATTRIBUTES = ".attrs"


@dataclass(frozen=True)
class Holder:
    """Who heals: what the lock says of this process."""

    pid: int
    host: str


@dataclass(frozen=True)
class Healing:
    """The healing of one stack's files."""

    store: StateStore
    stack: str
    holder: Holder
    gone: Callable[[str], bool]
    """Whether the holders of the locks that a text names, in the words of the CLI, are provably gone."""
    now: datetime

    def heal(self) -> Iterator[str]:
        """Put right what is damaged, and say each thing that was done. Says nothing if nothing kept the CLI from working.

        Raises StateUnreadable if the checkpoint is damaged and no copy is whole, LockHeld if a process that may be alive holds
        the lock of a stack whose checkpoint is damaged.
        """
        # The locks are read after this list: who wrote one of these files and has given its lock back since, left none.
        left, half_locks = remnants_of(self.store, self.stack), self.store.remnants(f"{LOCKS}{self.stack}/")
        yield from self._attributes((*self.store.remnants(META), *left, *half_locks))
        yield from self._meta()
        yield from self._locks([key for key in half_locks if not key.endswith(ATTRIBUTES)])
        yield from self._checkpoint()
        half = [key for key in left if not key.endswith(ATTRIBUTES)]
        if half and not self._held():
            self.store.delete(half)

    def locks_of_the_dead(self) -> tuple[str, ...]:
        """The stack's locks; none if a process that may be alive holds one of them."""
        keys = self.store.keys(f"{LOCKS}{self.stack}/")
        return () if self._held() else tuple(keys)

    def _attributes(self, remnants: Sequence[str]) -> Iterator[str]:
        """The CLI reads attributes that are there, and needs none (fileblob/attrs.go, getAttrs)."""
        attributes = [key for key in remnants if key.endswith(ATTRIBUTES)]
        bad = [key for key in attributes if _json(self.store.read(key) or b"") is None]
        self.store.delete(attributes)
        if bad:
            yield f"{few([_name(key) for key in bad])} was cut off and is removed, because no file needs it"

    def _meta(self) -> Iterator[str]:
        """The file that names the layout. It has the same content in every backend that the operator can use."""
        content = self.store.read(META)
        if content is not None and not VERSION.search(content):
            aside = self._set_aside(META, content)
            self.store.write(META, META_CONTENT)
            yield f"{META} was damaged and is written again; the damaged file is kept as {aside}"

    def _locks(self, half: Sequence[str]) -> Iterator[str]:
        """Remove locks that were never written in full.

        No process works under such a lock: it takes effect once it is renamed, and then it is whole. A process that is about to
        rename it finds it gone, and fails to get the lock.
        """
        locks = {key: self.store.read(key) for key in self.store.keys(f"{LOCKS}{self.stack}/")}
        cut_off = [key for key, content in locks.items() if content is not None and _json(content) is None]
        for key in cut_off:
            self._set_aside(key, locks[key] or b"")
        self.store.delete((*half, *cut_off))
        if names := [_name(key) for key in (*half, *cut_off)]:
            yield f"{few(names)} was a lock that was never written in full and is removed"

    def _held(self) -> str:
        """The holders of the stack's locks that may be alive, in the words of the CLI; empty if there are none."""
        keys = [key for key in self.store.keys(f"{LOCKS}{self.stack}/") if key != self._lock]
        holders = "; ".join(_holder(content) for key in keys if (content := self.store.read(key)) is not None)
        return "" if not holders or self.gone(holders) else holders

    def _checkpoint(self) -> Iterator[str]:
        for key in checkpoint_files(self.store.keys(f"{STACKS}{self.stack}.json"), self.stack):
            if self._is_whole(key):
                continue
            self._give_way()
            with self._locked():
                # The process that wrote it may have finished before this lock was taken.
                if not self._is_whole(key):
                    yield self._replace(key)

    def _is_whole(self, key: str) -> bool:
        content = self.store.read(key)
        return content is None or is_whole(content)

    def _replace(self, key: str) -> str:
        found = next(self._whole_copies(key), None)
        if found is None:
            raise StateUnreadable(
                f"{key} is damaged, and no copy of it is whole: restore it from a backup of the state"
            )
        copy, whole = found
        aside = self._set_aside(key, self.store.read(key) or b"")
        self.store.write(key, whole)
        return f"{key} was damaged and is replaced by {copy}; the damaged file is kept as {aside}"

    def _whole_copies(self, key: str) -> Iterator[tuple[str, bytes]]:
        """The copies that are whole, newest first: from before the last write, and from the ends of earlier operations."""
        old = [k for k in self.store.keys(f"{HISTORY}{self.stack}/") if ".checkpoint." in k]
        older = self.store.keys(f"{BACKUPS}{self.stack}/")
        for copy in (f"{key}.bak", *reversed(old), *reversed(older)):
            content = self.store.read(copy)
            if content is not None and is_whole(content):
                yield copy, content

    def _set_aside(self, key: str, content: bytes) -> str:
        aside = f"{DAMAGED}{self.stack}/{self.now:%Y%m%d%H%M%S%f}-{_name(key)}"
        self.store.write(aside, content)
        return aside

    @property
    def _lock(self) -> str:
        return f"{LOCKS}{self.stack}/healing-{self.holder.host}-{self.holder.pid}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        who = {"pid": self.holder.pid, "username": "ingestion-operator", "hostname": self.holder.host}
        self.store.write(self._lock, json.dumps({**who, "timestamp": self.now.isoformat()}).encode())
        try:
            self._give_way()
            yield
        finally:
            self.store.delete([self._lock])

    def _give_way(self) -> None:
        if held := self._held():
            raise LockHeld(f"another process holds the lock of the stack: {held}")


def is_whole(checkpoint: bytes) -> bool:
    """Whether a checkpoint was written in full.

    The CLI takes `null` and `{}` for a stack without resources, and would create everything a second time: they are not whole.
    """
    if checkpoint.startswith(ZSTANDARD):
        return True  # the standard library cannot tell
    content = _json(checkpoint)
    return isinstance(content, dict) and bool(content.get("version")) and isinstance(content.get("checkpoint"), dict)


def _json(content: bytes) -> object:
    """The content of a file; None if it is not JSON."""
    try:
        return json.loads(gzip.decompress(content) if content.startswith(GZIP) else content)
    except (ValueError, EOFError, OSError, zlib.error):
        return None


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _holder(content: bytes) -> str:
    lock = _json(content)
    of = lock if isinstance(lock, dict) else {}
    return f"created by {of.get('username', '')}@{of.get('hostname', '')} (pid {of.get('pid', 0)}) at {of.get('timestamp', '')}"
