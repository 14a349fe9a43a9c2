"""What the state of a stack keeps of its past. Without pruning, each update would add files for as long as the stack exists.

The CLI itself has no limit: each operation writes one entry of history and a copy of the checkpoint, and it reads them only for
`pulumi stack history` and `pulumi config refresh`, which the operator does not use (pkg/backend/diy/state.go, addToHistory).
The copies in `backups/` have the same content as those in `history/`, so the engine switches them off (backupStack).

Pruning needs no lock. It never names a checkpoint, its `.bak` or a lock, and what is older than the newest few stays so,
whatever another process adds meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain

from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.state.backend import BACKUPS, DAMAGED, HISTORY

KEPT = 5
"""How many past states stay, of each kind. Healing needs one that is whole; a person who looks for a fault sees some more."""


def surplus(store: StateStore, stack: str) -> tuple[str, ...]:
    """The files of the stack's past that nobody needs any more: all but those of the newest operations."""
    return tuple(
        chain(
            # `<stack>-<ns>.history.json` and `<stack>-<ns>.checkpoint.json`; `<stack>.<ns>.json`; `<time>-<file>`
            _older(store.keys(f"{HISTORY}{stack}/"), rf"{re.escape(stack)}-(\d+)\."),
            _older(store.keys(f"{BACKUPS}{stack}/"), rf"{re.escape(stack)}\.(\d+)\."),
            _older(store.keys(f"{DAMAGED}{stack}/"), r"(\d+)-"),
        )
    )


def _older(keys: Sequence[str], name: str) -> Iterable[str]:
    """The keys whose time, in the group of the pattern, is not among the newest. Other names are a person's: they stay."""
    dated = [(int(found[1]), key) for key in keys if (found := re.match(name, key.rpartition("/")[2]))]
    newest = set(sorted({time for time, _ in dated})[-KEPT:])
    return (key for time, key in dated if time not in newest)
