"""The past of a stack's state is as long after its 300th update as after its 10th."""

from __future__ import annotations

from pathlib import Path

from fakes import FakeState
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.state.backend import BACKUPS, DAMAGED, HISTORY, LOCKS, STACKS
from ingestion_operator.state.pruning import KEPT, surplus

FIRST = 1795632259418690801


def update(store: StateStore, number: int, stack: str = "a") -> None:
    """Write what the CLI writes in one update. Source: pkg/backend/diy/state.go, addToHistory and backupStack."""
    time = FIRST + number * 10**9
    for key in (
        f"{STACKS}{stack}.json",
        f"{STACKS}{stack}.json.bak",
        f"{HISTORY}{stack}/{stack}-{time}.history.json",
        f"{HISTORY}{stack}/{stack}-{time}.checkpoint.json",
        f"{BACKUPS}{stack}/{stack}.{time}.json",
    ):
        store.write(key, str(number).encode())


def updates(store: StateStore, count: int) -> int:
    """Make updates, prune after each, and return the number of files."""
    for number in range(count):
        update(store, number)
        store.delete(surplus(store, "a"))
    return len(store.keys(""))


def test_the_files_of_a_stack_after_its_300th_update_are_as_many_as_after_its_10th(tmp_path: Path) -> None:
    in_memory = FakeState()
    assert updates(in_memory, 300) == updates(FakeState(), 10) == 2 + 3 * KEPT
    assert updates(FileState(str(tmp_path)), 2 * KEPT) == 2 + 3 * KEPT
    kept = [key for key in in_memory.files if ".checkpoint." in key]
    assert [in_memory.files[key] for key in sorted(kept)] == [b"295", b"296", b"297", b"298", b"299"]


def test_only_the_stacks_own_old_copies_are_surplus() -> None:
    store = FakeState()
    for number in range(2 * KEPT):
        for stack in ("a", "a-1", "b"):
            update(store, number, stack)
    store.files |= {
        f"{LOCKS}a/1.json": b"",
        f"{HISTORY}a/notes.txt": b"a person's",
        f"{HISTORY}a/a-{FIRST}.history.json.18ab.tmp": b"half",
        **{f"{DAMAGED}a/2026010100000{n}-a.json": b"" for n in range(7)},
    }
    gone = surplus(store, "a")
    assert len(gone) == 3 * KEPT + 7 - KEPT
    assert all(key.startswith((f"{HISTORY}a/a-", f"{BACKUPS}a/a.", f"{DAMAGED}a/")) for key in gone)


def test_what_another_process_adds_meanwhile_is_never_surplus() -> None:
    store = FakeState()
    for number in range(KEPT + 1):
        update(store, number)
    gone = surplus(store, "a")
    update(store, KEPT + 1)
    assert not set(gone) & {key for key in store.files if str(FIRST + (KEPT + 1) * 10**9) in key}
    store.delete(gone)
    store.delete(surplus(store, "a"))
    store.delete(gone)  # the other process finds the same, and they are gone already
    assert len(store.keys("")) == 2 + 3 * KEPT


def test_a_clock_that_went_back_does_not_cost_the_copies_of_others() -> None:
    store = FakeState()
    for number in (100, 101, 102, 103, 104, 1):
        update(store, number)
        store.delete(surplus(store, "a"))
    assert sum(".checkpoint." in key for key in store.files) == KEPT
