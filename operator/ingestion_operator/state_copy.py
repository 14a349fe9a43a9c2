"""Copying the state of all stacks from one backend to another, file by file.

Checkpoints are copied as they are: what is secret in them stays encrypted, with the same passphrase or key, and is never
in the clear, neither on a disk nor on a command line. Nothing in them says in which backend they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingestion_operator.errors import StateUnreadable
from ingestion_operator.state import BACKUPS, HISTORY, LOCKS, META, STACKS, StateStore, stacks


@dataclass(frozen=True)
class Copied:
    """What was copied."""

    stacks: tuple[str, ...]
    files: int


def copy_state(source: StateStore, target: StateStore) -> Copied:
    """Copy all stacks of the project, with their history and backups, and read them back.

    Raises StateUnreadable, with nothing left in the target that was not there, if a stack is locked, if the target has one of
    them, if there is none, or if the source changed meanwhile.
    """
    found = _checked(source, target)
    content = _content(source)
    written: list[str] = []
    try:
        for key, value in content.items():
            if key == META and target.read(META) is not None:
                continue
            written.append(key)
            target.write(key, value)
        _verify(source, target, content)
    except BaseException:
        target.delete(written)
        raise
    return Copied(tuple(sorted(found)), len(content))


def _checked(source: StateStore, target: StateStore) -> frozenset[str]:
    found = stacks(source)
    if not found:
        raise StateUnreadable("there is no stack to copy: is this the right backend?")
    _refuse_locks(source)
    if there := sorted(found & stacks(target)):
        raise StateUnreadable(f"the target has {_some(there)} already: nothing was copied")
    if (old := target.read(META)) not in (None, source.read(META)):
        raise StateUnreadable(f"the target is of another version of Pulumi's layout: {old!r}")
    return found


def _refuse_locks(source: StateStore) -> None:
    if locked := sorted({key.removeprefix(LOCKS).partition("/")[0] for key in source.keys(LOCKS)}):
        raise StateUnreadable(
            f"{_some(locked)} is locked, for an update is under way or one was cut off: stop the operator, let updates end, "
            "and break a lock that stays with `pulumi cancel`"
        )


def _content(source: StateStore) -> Mapping[str, bytes]:
    """Everything of the project, the checkpoints last: a stack that is there is there with all that belongs to it."""
    keys = (META, *(key for part in (HISTORY, BACKUPS, STACKS) for key in source.keys(part)))
    return {key: value for key in keys if (value := source.read(key)) is not None}


def _verify(source: StateStore, target: StateStore, copied: Mapping[str, bytes]) -> None:
    if bad := sorted(key for key, value in copied.items() if target.read(key) != value):
        raise StateUnreadable(f"the target does not give back what was written: {_some(bad)}")
    _refuse_locks(source)
    if _content(source) != copied:
        raise StateUnreadable("the source changed while it was copied: stop the operator first")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
