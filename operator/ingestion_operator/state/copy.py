"""Copying the state of all stacks from one backend to another, file by file.

Checkpoints are copied as they are: what is secret in them stays encrypted, with the same passphrase or key, and is never
in the clear, neither on a disk nor on a command line. Nothing in them says in which backend they are.

What was copied stays in the source, locked for good: an operator that still works on the source waits, and cannot change what
the target no longer hears of.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from ingestion_operator.errors import StateUnreadable
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.state.backend import BACKUPS, HISTORY, LOCKS, META, STACKS, stacks
from ingestion_operator.wording import few

SEAL = "moved.json"
# As the CLI writes its own; the operator breaks no lock of another host, and this is the name of none.
HOLDER = {"pid": 0, "username": "state-copy", "hostname": "moved-to-another-backend"}


@dataclass(frozen=True)
class Copied:
    """What was copied."""

    stacks: tuple[str, ...]
    files: int


def copy_state(source: StateStore, target: StateStore, now: datetime) -> Copied:
    """Copy all stacks of the project that were not copied before, with their history and backups, and read them back.

    Raises StateUnreadable, with both as they were, if a stack is locked, if the target has one of them, if there is none, or if
    the target does not give back what was written.
    """
    wanted = _checked(source, target)
    seals = [f"{LOCKS}{stack}/{SEAL}" for stack in wanted]
    written: list[str] = []
    try:
        for seal in seals:
            source.write(seal, json.dumps({**HOLDER, "timestamp": now.isoformat()}).encode())
        # As the CLI does: an update may have taken its lock in between. From here on none can begin.
        _refuse_locks(source, wanted)
        content = _content(source, wanted)
        for key, value in content.items():
            if key != META or target.read(META) is None:
                written.append(key)
                target.write(key, value)
        _verify(target, content)
    except BaseException:
        target.delete(written)
        source.delete(seals)
        raise
    return Copied(tuple(sorted(wanted)), len(content))


def _checked(source: StateStore, target: StateStore) -> frozenset[str]:
    all_stacks = stacks(source)
    uncopied = all_stacks - {_locked(key) for key in source.keys(LOCKS) if key.endswith(f"/{SEAL}")}
    if not uncopied:
        raise StateUnreadable(
            "all stacks were copied before" if all_stacks else "there is no stack to copy: is this the right backend?"
        )
    _refuse_locks(source, uncopied)
    if taken := sorted(uncopied & stacks(target)):
        raise StateUnreadable(f"the target has {few(taken)} already: nothing was copied")
    if (old := target.read(META)) not in (None, source.read(META)):
        raise StateUnreadable(f"the target is of another version of Pulumi's layout: {old!r}")
    return uncopied


def _verify(target: StateStore, content: Mapping[str, bytes]) -> None:
    if bad := sorted(key for key, value in content.items() if target.read(key) != value):
        raise StateUnreadable(f"the target does not give back what was written: {few(bad)}")


def _locked(key: str) -> str:
    return key.removeprefix(LOCKS).partition("/")[0]


def _refuse_locks(source: StateStore, of: Collection[str]) -> None:
    others = {_locked(key) for key in source.keys(LOCKS) if not key.endswith(f"/{SEAL}")}
    if held := sorted(others.intersection(of)):
        raise StateUnreadable(
            f"{few(held)} is locked, for an update is under way or was cut off: try again when it has ended; a lock "
            "that stays is broken by `pulumi cancel`"
        )


def _content(source: StateStore, of: Collection[str]) -> Mapping[str, bytes]:
    """Everything of these stacks, the checkpoints last: a stack that is there is there with all that belongs to it."""
    old = (
        key for part in (HISTORY, BACKUPS) for key in source.keys(part) if key.removeprefix(part).split("/")[0] in of
    )
    now = (key for key in source.keys(STACKS) if _stack_of_any(key, of))
    return {key: value for key in (META, *old, *now) if (value := source.read(key)) is not None}


def _stack_of_any(key: str, of: Collection[str]) -> bool:
    """Whether it is a checkpoint of one of them, or what belongs to it: its copy, its tags."""
    name = key.removeprefix(STACKS)
    return any(name.removeprefix(stack).startswith((".json", ".pulumi-tags")) for stack in of if name.startswith(stack))
