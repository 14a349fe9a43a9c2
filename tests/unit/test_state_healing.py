"""What a crash or a full disk left of a stack's files is put right, and nothing else is touched."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping

import pytest

from builders import NOW
from fakes import FakeState
from ingestion_operator.errors import LockHeld, StateUnreadable
from ingestion_operator.state.backend import BACKUPS, DAMAGED, HISTORY, LOCKS, META, STACKS
from ingestion_operator.state.healing import Healing, Holder, is_whole

CHECKPOINT = f"{STACKS}a.json"
ASIDE = f"{DAMAGED}a/{NOW:%Y%m%d%H%M%S%f}-"


def whole(mark: str) -> bytes:
    return json.dumps(
        {"version": 3, "checkpoint": {"stack": "organization/ingestion/a", "latest": {"mark": mark}}}
    ).encode()


def lock_of(host: str) -> bytes:
    return json.dumps({"pid": 7, "username": "root", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"}).encode()


def stack(**more: bytes) -> dict[str, bytes]:
    return {META: b"version: 1\n", CHECKPOINT: whole("now"), f"{CHECKPOINT}.bak": whole("before"), **more}


def heal(state: FakeState, gone: Callable[[str], bool] = lambda _: False) -> tuple[str, ...]:
    return tuple(Healing(state, "a", Holder(1, "here"), gone, NOW).heal())


def test_a_stack_without_damage_is_left_as_it_is() -> None:
    files = stack(**{f"{LOCKS}a/1.json": lock_of("here"), f"{STACKS}ab.json": b"", f"{LOCKS}ab/1.json": b""})
    state = FakeState(dict(files))
    assert heal(state) == ()
    assert state.files == files, "the damage of another stack is that stack's"
    assert heal(FakeState()) == (), "a backend without a file is a new one"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        whole("now")[:40],
        b"\0" * 64,
        b"null",
        b"{}",
        b"[]",
        b'{"version": 3}',
        gzip.compress(whole("now"), mtime=0)[:30],
    ],
    ids=["empty", "cut off", "zeros", "null", "no content", "another kind", "no checkpoint", "cut off and compressed"],
)
def test_a_damaged_checkpoint_is_replaced_by_its_copy_and_kept_for_a_person(content: bytes) -> None:
    state = FakeState(stack() | {CHECKPOINT: content})
    (done,) = heal(state)
    assert done == (
        f"{CHECKPOINT} was damaged and is replaced by {CHECKPOINT}.bak; the damaged file is kept as {ASIDE}a.json"
    )
    assert state.files == stack() | {CHECKPOINT: whole("before"), f"{ASIDE}a.json": content}
    assert heal(state) == (), "it is healed once"


@pytest.mark.parametrize("content", [whole("x"), gzip.compress(whole("x"), mtime=0), b"\x28\xb5\x2f\xfd compressed"])
def test_a_checkpoint_that_was_written_in_full_is_whole(content: bytes) -> None:
    assert is_whole(content)


def past(**files: bytes) -> Mapping[str, bytes]:
    return {f"{HISTORY}a/a-{name.removeprefix('n')}.checkpoint.json": content for name, content in files.items()}


@pytest.mark.parametrize(
    ("copies", "restored"),
    [
        ({f"{CHECKPOINT}.bak": whole("bak"), **past(n2=whole("2"))}, "bak"),
        ({f"{CHECKPOINT}.bak": b"", **past(n1=whole("1"), n2=whole("2"), n3=b"cut")}, "2"),
        ({f"{BACKUPS}a/a.1.json": whole("1"), f"{BACKUPS}a/a.2.json": whole("2")}, "2"),
    ],
    ids=["the copy beside it", "the newest whole one of the history", "the newest backup"],
)
def test_the_newest_copy_that_is_whole_is_taken(copies: Mapping[str, bytes], restored: str) -> None:
    state = FakeState({CHECKPOINT: b"", **copies})
    heal(state)
    assert state.files[CHECKPOINT] == whole(restored)


def test_without_a_whole_copy_nothing_is_changed_and_a_person_is_told_what_to_do() -> None:
    files = {CHECKPOINT: b"", f"{CHECKPOINT}.bak": b"{"}
    state = FakeState(dict(files))
    with pytest.raises(
        StateUnreadable, match=r"a\.json is damaged, and no copy of it is whole: restore it from a backup"
    ):
        heal(state)
    assert state.files == files


def test_a_checkpoint_is_not_replaced_while_a_process_that_may_be_alive_holds_the_lock() -> None:
    damaged = stack() | {CHECKPOINT: b"", f"{LOCKS}a/1.json": lock_of("elsewhere")}
    state, named = FakeState(dict(damaged)), list[str]()

    def still_there(text: str) -> bool:
        named.append(text)
        return False

    with pytest.raises(LockHeld, match=r"created by root@elsewhere \(pid 7\) at 2026"):
        heal(state, still_there)
    assert state.files == damaged
    assert named == ["created by root@elsewhere (pid 7) at 2026-01-01T00:00:00Z"]

    heal(state, lambda _: True)
    assert state.files[CHECKPOINT] == whole("before")
    assert state.keys(LOCKS) == [f"{LOCKS}a/1.json"], "the engine breaks the lock of the dead, and says so"


def test_an_update_that_takes_its_lock_at_the_same_moment_has_the_better_right() -> None:
    damaged = stack() | {CHECKPOINT: b""}
    state = FakeState(dict(damaged))

    def lock_too(_: str) -> None:
        state.files[f"{LOCKS}a/1.json"] = lock_of("elsewhere")

    state.while_writing = lock_too
    with pytest.raises(LockHeld):
        heal(state)
    assert state.files == damaged | {f"{LOCKS}a/1.json": lock_of("elsewhere")}


def test_what_another_process_wrote_in_full_before_the_lock_was_taken_is_not_replaced() -> None:
    state = FakeState(stack() | {CHECKPOINT: b""})

    def finish(_: str) -> None:
        state.files[CHECKPOINT] = whole("newer")

    state.while_writing = finish
    assert heal(state) == ()
    assert state.files == stack() | {CHECKPOINT: whole("newer")}


def test_it_heals_under_a_lock_in_the_form_of_the_clis_own() -> None:
    order: list[str] = []
    state = FakeState(stack() | {CHECKPOINT: b""}, while_writing=order.append)
    heal(state)
    assert order == [f"{LOCKS}a/healing-here-1.json", f"{ASIDE}a.json", CHECKPOINT]
    assert state.keys(LOCKS) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({f"{LOCKS}a/1.json": b""}, "1.json was a lock that was never written in full and is removed"),
        ({f"{LOCKS}a/1.json": b'{"pid":'}, "1.json was a lock that was never written in full and is removed"),
        (
            {f"{LOCKS}a/1.json.18ab.tmp": b""},
            "1.json.18ab.tmp was a lock that was never written in full and is removed",
        ),
        ({f"{CHECKPOINT}.attrs": b""}, "a.json.attrs was cut off and is removed, because no file needs it"),
        ({f"{META}.attrs": b'{"user'}, "meta.yaml.attrs was cut off and is removed, because no file needs it"),
        ({META: b""}, f"{META} was damaged and is written again; the damaged file is kept as {ASIDE}meta.yaml"),
        ({META: b"versi"}, f"{META} was damaged and is written again; the damaged file is kept as {ASIDE}meta.yaml"),
    ],
    ids=[
        "an empty lock",
        "half a lock",
        "a lock on its way",
        "attributes",
        "attributes of all",
        "no layout",
        "half a layout",
    ],
)
def test_what_the_cli_could_not_read_is_put_right(damage: Mapping[str, bytes], said: str) -> None:
    state = FakeState({**stack(), **damage})
    assert heal(state) == (said,)
    assert {key: content for key, content in state.files.items() if not key.startswith(DAMAGED)} == stack()


@pytest.mark.parametrize("meta", [b"version: 1\n", b"version: 0", b"version: 9", b'{"version": 1}'])
def test_a_layout_that_somebody_wrote_in_full_is_not_touched(meta: bytes) -> None:
    state = FakeState(stack() | {META: meta})
    assert heal(state) == ()
    assert state.files[META] == meta


def test_half_written_files_that_keep_nobody_from_working_go_without_a_word_once_nobody_holds_the_lock() -> None:
    left = {
        f"{CHECKPOINT}.18ab.tmp": b"{",
        f"{HISTORY}a/a-1.history.json.18ab.tmp": b"",
        f"{CHECKPOINT}.bak.attrs": b"{}",
    }
    others = {f"{STACKS}ab.json.18ab.tmp": b"{"}
    state = FakeState(stack() | left | others | {f"{LOCKS}a/1.json": lock_of("elsewhere")})
    assert heal(state) == ()
    assert {key for key in left if key in state.files} == {key for key in left if key.endswith(".tmp")}
    del state.files[f"{LOCKS}a/1.json"]
    assert heal(state) == ()
    assert state.files == stack() | others
