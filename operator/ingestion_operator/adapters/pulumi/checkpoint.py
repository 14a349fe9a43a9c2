"""What the state of a stack contains, read from its checkpoint.

Source of the format: pulumi's sdk/go/common/apitype/core.go, `CheckpointV3` and `ResourceV3`.
"""

from __future__ import annotations

import json
from typing import Any

from ingestion_operator.errors import StateUnreadable
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.state.backend import STACKS


def known_names(store: StateStore, stack: str) -> frozenset[str]:
    """The logical names of the AWS resources that the state contains; empty without a checkpoint.

    A resource that the engine has deleted, or deletes only to replace it, does not count. Raises StateUnreadable, and the
    errors of the store.
    """
    return frozenset(
        entry["urn"].rpartition("::")[2]
        for entry in _resources(store, stack)
        if entry["type"].startswith("aws:") and not entry.get("delete") and not entry.get("pendingReplacement")
    )


def half_replaced(store: StateStore, stack: str) -> tuple[str, ...]:
    """The URNs of resources that were deleted to be replaced, in an operation that was interrupted before it said more.

    The engine would create each of them without asking whether AWS has it already. Raises as `known_names` does.
    """
    return tuple(entry["urn"] for entry in _resources(store, stack) if entry.get("pendingReplacement"))


def _resources(store: StateStore, stack: str) -> list[Any]:
    content = store.read(f"{STACKS}{stack}.json")
    if content is None:
        return []
    try:
        latest = json.loads(content)["checkpoint"]["latest"] or {}
        return latest.get("resources") or []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateUnreadable(f"the checkpoint of stack {stack} cannot be read: {error}") from error
