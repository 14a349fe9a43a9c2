"""What the engine does with a stack's files before and after each operation, so that the CLI finds room and whole files."""

from __future__ import annotations

import errno
import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ingestion_operator.adapters.pulumi.locks import held_by_the_dead
from ingestion_operator.errors import DiskFull, PipelineError, StateHealed
from ingestion_operator.ports.engine import StackRef
from ingestion_operator.ports.state_store import Space, StateStore
from ingestion_operator.state.backend import what_is_left
from ingestion_operator.state.healing import Healing, Holder
from ingestion_operator.state.pruning import surplus

logger = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024
LEAST_FREE_BYTES = 16 * MEBIBYTE
"""The room that an operation must find. When the CLI finds the disk full, it can lose what it has just created in AWS.

An operation writes its checkpoint (60 kB; 1 MB for the largest pipeline) four times, and 4 operations run at once by default.
"""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Upkeep:
    """The upkeep of the stacks of one backend."""

    def __init__(self, state: StateStore, *, on_volume: bool) -> None:
        self._state = state
        self._on_volume = on_volume

    @contextmanager
    def around(self, stack: StackRef) -> Iterator[None]:
        """Heal the stack's files before an operation, and prune them after it.

        Raises DiskFull if there is no room, StateHealed if something was healed, so that the next operation compares with AWS.
        """
        if self._on_volume:
            self._require_room(stack)
            self._heal(stack)
        try:
            with saying_full():
                yield
        finally:
            self._prune(stack)

    def sweep(self, stack: StackRef) -> None:
        """Remove what is left of a stack that is gone. Otherwise the backend would keep it forever.

        A CLI that was killed after it removed the stack leaves its lock, and no later operation meets that lock.
        """
        try:
            self._state.delete((*what_is_left(self._state, stack.name), *self._healing(stack).locks_of_the_dead()))
        except PipelineError as error:
            # A deletion waits only for the stack itself, and the stack is gone.
            logger.warning("stack %s is gone, but the backups of its state could not be removed: %s", stack.name, error)

    def _require_room(self, stack: StackRef) -> None:
        if self._room_is_missing():
            self._prune(stack)
        if space := self._room_is_missing():
            raise DiskFull(
                f"the volume of the state has {space.free / MEBIBYTE:.1f} MiB left of {space.size / MEBIBYTE:.0f} MiB, and an "
                f"operation needs {LEAST_FREE_BYTES // MEBIBYTE}: enlarge the volume, or free room on it"
            )

    def _room_is_missing(self) -> Space | None:
        space = self._state.space()
        return space if space is not None and space.free < LEAST_FREE_BYTES else None

    def _healing(self, stack: StackRef) -> Healing:
        return Healing(
            self._state,
            stack.name,
            Holder(os.getpid(), socket.gethostname()),
            lambda holders: held_by_the_dead(holders, shared=not self._on_volume, departed=stack.departed),
            datetime.now(UTC),
        )

    def _heal(self, stack: StackRef) -> None:
        done = []
        for said in self._healing(stack).heal():
            # At once, because what follows may fail.
            logger.warning("stack %s: the state was damaged: %s", stack.name, said)
            done.append(said)
        if done:
            raise StateHealed(
                f"the state was damaged and is healed: {'; '.join(done)}. The next operation compares it with AWS"
            )

    def _prune(self, stack: StackRef) -> None:
        try:
            self._state.delete(surplus(self._state, stack.name))
        except PipelineError as error:
            logger.warning("stack %s: old copies of its state could not be removed: %s", stack.name, error)


@contextmanager
def saying_full() -> Iterator[None]:
    """Translate the error of a full disk. Raises DiskFull; every other error stays as it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        place = error.filename or tempfile.gettempdir()
        raise DiskFull(f"{place}: {error.strerror}: enlarge this volume, or free room on it") from error
