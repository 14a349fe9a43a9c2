"""Copying the state of all stacks from one backend to another, file by file.

Checkpoints are copied unchanged. The secrets in them stay encrypted with the same passphrase or key, and never appear in
the clear on a disk or on a command line. Checkpoints do not name the backend that they are in.

A copied stack stays in the source and is locked for good. An operator that still works on the source has to wait, so that
the source cannot change after the copy.
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
# The form is that of the CLI's own locks. No host has this name, so no operator breaks the lock.
HOLDER = {"pid": 0, "username": "state-copy", "hostname": "moved-to-another-backend"}


@dataclass(frozen=True)
class Copied:
    """What was copied."""

    stacks: tuple[str, ...]
    files: int


def copy_state(source: StateStore, target: StateStore, now: datetime) -> Copied:
    """Copy all stacks of the project that were not copied before, with their history and backups, and read them back.

    Raises StateUnreadable if a stack is locked, if the target already has one of the stacks, if there is no stack to copy, or
    if the target does not return what was written. Both backends are then as they were before.
    """
    wanted = _checked(source, target)
    seals = [f"{LOCKS}{stack}/{SEAL}" for stack in wanted]
    written: list[str] = []
    try:
        for seal in seals:
            source.write(seal, json.dumps({**HOLDER, "timestamp": now.isoformat()}).encode())
        # Check again, as the CLI does: an update may have taken its lock since the first check. From here on none can begin.
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
        raise StateUnreadable(f"the target already has {few(taken)}: nothing was copied")
    if (old := target.read(META)) not in (None, source.read(META)):
        raise StateUnreadable(f"the target has another version of Pulumi's layout: {old!r}")
    return uncopied


def _verify(target: StateStore, content: Mapping[str, bytes]) -> None:
    if bad := sorted(key for key, value in content.items() if target.read(key) != value):
        raise StateUnreadable(f"the target does not return what was written: {few(bad)}")


def _locked(key: str) -> str:
    return key.removeprefix(LOCKS).partition("/")[0]


def _refuse_locks(source: StateStore, of: Collection[str]) -> None:
    others = {_locked(key) for key in source.keys(LOCKS) if not key.endswith(f"/{SEAL}")}
    if held := sorted(others.intersection(of)):
        raise StateUnreadable(
            f"{few(held)} is locked, because an update is under way or was interrupted: try again when the update has "
            "ended; if the lock stays, break it with `pulumi cancel`"
        )


def _content(source: StateStore, of: Collection[str]) -> Mapping[str, bytes]:
    """All files of these stacks, checkpoints last: once a stack is in the target, everything that belongs to it is there too."""
    old = (
        key for part in (HISTORY, BACKUPS) for key in source.keys(part) if key.removeprefix(part).split("/")[0] in of
    )
    now = (key for key in source.keys(STACKS) if _stack_of_any(key, of))
    return {key: value for key in (META, *old, *now) if (value := source.read(key)) is not None}


def _stack_of_any(key: str, of: Collection[str]) -> bool:
    """Whether the key names a checkpoint of one of these stacks, or a file beside it: its copy, its tags."""
    name = key.removeprefix(STACKS)
    return any(name.removeprefix(stack).startswith((".json", ".pulumi-tags")) for stack in of if name.startswith(stack))
