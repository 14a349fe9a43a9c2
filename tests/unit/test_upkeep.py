"""Before an operation there must be room and whole files; after it, the past is pruned, whatever happened."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import FakeState
from ingestion_operator.adapters.pulumi.upkeep import LEAST_FREE_BYTES, MEBIBYTE, Upkeep
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.errors import DiskFull, LockFate, StateHealed, StateUnreadable, UpdateFailed, outcome_of
from ingestion_operator.ports.engine import StackRef
from ingestion_operator.ports.state_store import Space
from ingestion_operator.state.backend import HISTORY, LOCKS, STACKS
from ingestion_operator.state.pruning import KEPT

STACK = StackRef("a", "us-east-1")
WHOLE = json.dumps({"version": 3, "checkpoint": {}}).encode()
PAST = {f"{HISTORY}a/a-{n}.history.json": b"" for n in range(10, 20)}
NO_ROOM, ROOM = Space(LEAST_FREE_BYTES - 1, 1024 * MEBIBYTE), Space(LEAST_FREE_BYTES, 1024 * MEBIBYTE)


def upkeep(state: FakeState, *, on_volume: bool = True) -> Upkeep:
    return Upkeep(state, on_volume=on_volume)


def test_an_operation_on_a_full_volume_does_not_begin() -> None:
    with (
        pytest.raises(DiskFull, match=r"16\.0 MiB left of 1024 MiB.*enlarge the volume"),
        upkeep(FakeState(room=NO_ROOM)).around(STACK),
    ):
        pytest.fail("it began")
    with upkeep(FakeState(room=ROOM)).around(STACK):
        pass


def test_a_volume_that_old_copies_filled_is_freed_first() -> None:
    class Volume(FakeState):
        def space(self) -> Space:
            return NO_ROOM if len(self.files) > KEPT else ROOM

    state = Volume(dict(PAST))
    with upkeep(state).around(STACK):
        assert len(state.files) == KEPT


def test_after_an_operation_the_past_is_pruned_whether_it_failed_or_not() -> None:
    for on_volume in (True, False):
        state = FakeState(dict(PAST))
        with pytest.raises(UpdateFailed), upkeep(state, on_volume=on_volume).around(STACK):
            raise UpdateFailed("no")
        assert len(state.files) == KEPT


def test_copies_that_cannot_be_removed_fail_no_operation(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(FakeState):
        def delete(self, keys: object) -> None:
            raise StateUnreadable("read-only")

    with upkeep(Stuck(dict(PAST)), on_volume=False).around(STACK):
        pass
    assert "old copies of its state could not be removed: read-only" in caplog.text


def test_a_healed_stack_waits_for_an_operation_that_compares_with_aws(caplog: pytest.LogCaptureFixture) -> None:
    state = FakeState({f"{STACKS}a.json": b"", f"{STACKS}a.json.bak": WHOLE})
    with (
        pytest.raises(
            StateHealed, match=r"a\.json was damaged and is replaced by .*\.bak.*compares it with AWS"
        ) as raised,
        upkeep(state).around(STACK),
    ):
        pytest.fail("it began")
    assert state.files[f"{STACKS}a.json"] == WHOLE
    assert "stack a: the state was damaged: " in caplog.text
    assert raised.value.lock is LockFate.NOT_HAD, "the pod that may hold the lock stays recorded"
    with upkeep(state).around(STACK):
        pass


def test_a_bucket_has_nothing_to_heal() -> None:
    state = FakeState({f"{STACKS}a.json": b""})
    with upkeep(state, on_volume=False).around(STACK):
        pass
    assert state.files == {f"{STACKS}a.json": b""}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_condition_wherever_it_is_met(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(DiskFull, match=r"/work/code\.zip: full: enlarge this volume"),
        upkeep(FakeState()).around(STACK),
    ):
        raise OSError(number, "full", "/work/code.zip")
    with pytest.raises(FileNotFoundError), upkeep(FakeState()).around(STACK):
        raise FileNotFoundError(errno.ENOENT, "another error", "x")

    def full(_: int) -> None:
        raise OSError(number, "full")

    (tmp_path / "x").write_bytes(b"before")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFull, match=r"writing .*/x: full: enlarge the volume"):
        FileState(str(tmp_path)).write("x", b"after")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"before")], (
        "nothing half-written stays"
    )


def test_a_person_must_act_on_a_full_disk() -> None:
    assert outcome_of(DiskFull.reason) is outcome_of(StateUnreadable.reason)


@pytest.mark.parametrize(
    ("host", "departed", "stays"),
    [("gone", ("gone",), False), ("elsewhere", ("gone",), True), ("elsewhere", (), True)],
    ids=["of a pod that is gone", "of another host", "of a host that nobody knows"],
)
def test_with_a_stack_go_the_locks_of_the_dead(host: str, departed: tuple[str, ...], stays: bool) -> None:
    lock = json.dumps({"pid": 7, "username": "root", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"}).encode()
    state = FakeState({f"{LOCKS}a/1.json": lock, f"{LOCKS}ab/1.json": lock, f"{STACKS}a.json.bak": WHOLE})
    upkeep(state).sweep(replace(STACK, departed=departed))
    kept = {f"{LOCKS}a/1.json", f"{LOCKS}ab/1.json"} if stays else {f"{LOCKS}ab/1.json"}
    assert set(state.files) == kept
