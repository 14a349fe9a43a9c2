"""Where the state is: URLs of backends, the files of a stack, and copies of a backend, in memory and in a directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from builders import NOW
from fakes import FakeState
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.errors import StateUnreadable, UpdateFailed
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.settings import Settings
from ingestion_operator.state.backend import (
    BACKUPS,
    HISTORY,
    LOCKS,
    META,
    STACKS,
    Backend,
    parse_backend,
    stack_of,
    stacks,
    what_is_left,
)
from ingestion_operator.state.copy import copy_state

REGION = "eu-west-1"


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("file:///var/state", Backend("file:///var/state?metadata=skip", directory="/var/state")),
        (
            "s3://bucket",
            Backend("s3://bucket?region=eu-west-1", bucket="bucket", region=REGION),
        ),
        (
            "s3://bucket/a/b/?region=us-west-2&profile=ops",
            Backend(
                "s3://bucket/a/b?region=us-west-2&profile=ops",
                bucket="bucket",
                prefix="a/b/",
                region="us-west-2",
                profile="ops",
            ),
        ),
        (
            "s3://bucket?endpoint=minio:9000&disableSSL=true&s3ForcePathStyle=true",
            Backend(
                "s3://bucket?endpoint=minio%3A9000&disableSSL=true&s3ForcePathStyle=true&region=eu-west-1",
                bucket="bucket",
                region=REGION,
                endpoint="http://minio:9000",
                path_style=True,
            ),
        ),
        (
            "s3://bucket?endpoint=https://minio&use_path_style=true",
            Backend(
                "s3://bucket?endpoint=https%3A%2F%2Fminio&use_path_style=true&region=eu-west-1",
                bucket="bucket",
                region=REGION,
                endpoint="https://minio",
                path_style=True,
            ),
        ),
    ],
    ids=["a directory", "a bucket", "a prefix, a region and a profile", "a store without TLS", "a store with TLS"],
)
def test_a_url_says_where_the_state_is(url: str, backend: Backend) -> None:
    assert parse_backend(url, REGION) == backend
    assert parse_backend(backend.url, "another") == backend, "what was written out stays as it is"


def test_the_operators_path_style_is_for_a_url_that_says_nothing_of_it() -> None:
    assert parse_backend("s3://b", REGION, path_style=True).url == "s3://b?region=eu-west-1&s3ForcePathStyle=true"
    assert not parse_backend("s3://b?s3ForcePathStyle=false", REGION, path_style=True).path_style


@pytest.mark.parametrize(
    "url", ["", "/var/state", "file://var/state", "s3://", "gs://bucket", "https://api.pulumi.com"]
)
def test_what_is_no_backend_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(StateUnreadable, match="write file:///"):
        parse_backend(url, REGION)


def test_a_parameter_that_the_operator_would_not_heed_is_refused() -> None:
    with pytest.raises(StateUnreadable, match="does not know: role"):
        parse_backend("s3://bucket?role=arn", REGION)


@pytest.mark.parametrize(
    ("provider", "valid"),
    [
        ("passphrase", True),
        ("awskms://alias/state?region=eu-west-1", True),
        ("awskms:///arn:aws:kms:eu-west-1:123456789012:key/1?awssdk=v2&region=eu-west-1", True),
        ("awskms://alias/state", False),
        ("default", False),
        ("gcpkms://x", False),
    ],
)
def test_a_key_names_its_region_for_pipelines_have_their_own(provider: str, valid: bool) -> None:
    if valid:
        assert Settings(secrets_provider=provider).secrets_provider == provider
    else:
        with pytest.raises(ValidationError, match="secrets_provider"):
            Settings(secrets_provider=provider)


@pytest.mark.parametrize(
    ("key", "stack"),
    [
        (f"{STACKS}a.json", "a"),
        (f"{STACKS}a.b.json.gz", "a.b"),
        (f"{STACKS}a.json.bak", None),
        (f"{STACKS}a.pulumi-tags", None),
        (f"{STACKS}deeper/a.json", None),
        (".pulumi/stacks/another/a.json", None),
    ],
)
def test_a_checkpoint_is_told_by_its_name(key: str, stack: str | None) -> None:
    assert stack_of(key) == stack


def of_stack(name: str) -> dict[str, bytes]:
    keys = (f"{STACKS}{name}.json", f"{STACKS}{name}.json.bak", f"{BACKUPS}{name}/1.json", f"{HISTORY}{name}/1.json")
    return {key: f"{key} of {name}".encode() for key in keys}


def backend(*names: str) -> FakeState:
    files = {META: b"version: 1\n", ".pulumi/stacks/another/x.json": b"another project"}
    return FakeState(files | {key: value for name in names for key, value in of_stack(name).items()})


def test_what_is_left_of_a_stack_is_its_copies_and_nothing_of_another_with_a_longer_name() -> None:
    state = backend("a", "a.json", "ab")
    left = what_is_left(state, "a")
    assert set(left) == {f"{STACKS}a.json.bak", f"{BACKUPS}a/1.json", f"{HISTORY}a/1.json"}


def test_all_stacks_are_copied_with_their_history_and_nothing_of_another_project() -> None:
    source, target = backend("a", "b"), FakeState({".pulumi/stacks/another/y.json": b"theirs"})
    before = dict(source.files)

    copied = copy_state(source, target, NOW)

    assert copied.stacks == ("a", "b")
    assert copied.files == 9
    assert target.files == {
        META: b"version: 1\n",
        ".pulumi/stacks/another/y.json": b"theirs",
        **of_stack("a"),
        **of_stack("b"),
    }
    seals = {key: source.files.pop(key) for key in source.keys(LOCKS)}
    assert source.files == before
    assert seals.keys() == {f"{LOCKS}a/moved.json", f"{LOCKS}b/moved.json"}
    assert json.loads(seals[f"{LOCKS}a/moved.json"])["hostname"] == "moved-to-another-backend"


def test_run_again_it_copies_what_has_come_since() -> None:
    source, target = backend("a"), FakeState()
    copy_state(source, target, NOW)
    with pytest.raises(StateUnreadable, match="all stacks were copied before"):
        copy_state(source, target, NOW)
    source.files |= of_stack("a2")
    assert copy_state(source, target, NOW).stacks == ("a2",)
    assert stacks(target) == {"a", "a2"}


def test_the_checkpoints_are_written_last() -> None:
    order: list[str] = []
    copy_state(backend("a", "b"), FakeState(while_writing=order.append), NOW)
    first = min(order.index(key) for key in order if key.startswith(STACKS))
    assert all(key.startswith(STACKS) for key in order[first:])


def lock(state: FakeState) -> None:
    state.files[f"{LOCKS}b/1.json"] = b"{}"


def have_one_of_them(state: FakeState) -> None:
    state.files[f"{STACKS}b.json"] = b"another life"


def be_of_another_version(state: FakeState) -> None:
    state.files[META] = b"version: 2\n"


@pytest.mark.parametrize(
    ("in_source", "in_target", "message"),
    [
        (lock, None, "b is locked.*pulumi cancel"),
        (None, have_one_of_them, "the target already has b"),
        (None, be_of_another_version, "another version"),
        (lambda state: state.files.clear(), None, "no stack to copy"),
    ],
    ids=["a lock", "a stack of the same name", "another layout", "an empty source"],
)
def test_a_copy_is_refused_before_anything_is_written(
    in_source: Callable[[FakeState], None] | None, in_target: Callable[[FakeState], None] | None, message: str
) -> None:
    source, target = backend("a", "b"), FakeState()
    if in_source:
        in_source(source)
    if in_target:
        in_target(target)
    before = dict(target.files)
    with pytest.raises(StateUnreadable, match=message):
        copy_state(source, target, NOW)
    assert target.files == before


def test_an_update_that_takes_its_lock_at_the_same_moment_has_the_better_right() -> None:
    source, target = backend("a", "b"), FakeState()
    source.while_writing = lambda _: lock(source)
    with pytest.raises(StateUnreadable, match="b is locked"):
        copy_state(source, target, NOW)
    assert target.files == {}
    assert source.keys(LOCKS) == [f"{LOCKS}b/1.json"], "its lock stays, and none of the copy's"


def test_a_target_that_fails_half_way_is_left_as_it_was() -> None:
    def fail(key: str) -> None:
        if key == f"{STACKS}b.json":
            raise UpdateFailed("the disk is full")

    source, target = backend("a", "b"), FakeState(while_writing=fail)
    before = dict(source.files)
    with pytest.raises(UpdateFailed):
        copy_state(source, target, NOW)
    assert (source.files, target.files) == (before, {})


def test_a_target_that_gives_back_something_else_is_noticed() -> None:
    class Forgetful(FakeState):
        def read(self, key: str) -> bytes | None:
            return b"" if key.startswith(BACKUPS) else super().read(key)

    with pytest.raises(StateUnreadable, match="does not return"):
        copy_state(backend("a"), Forgetful(), NOW)


def test_a_directory_keeps_the_contract_of_the_port(tmp_path: Path) -> None:
    state: StateStore = FileState(str(tmp_path))
    assert (state.keys(STACKS), state.read(META), state.notes()) == ([], None, ())
    state.write(f"{STACKS}a.json", b"1")
    state.write(f"{STACKS}a.json", b"2")
    state.write(f"{BACKUPS}a/1.json", b"old")
    (tmp_path / f"{BACKUPS}a/1.json.attrs").touch()
    assert state.read(f"{STACKS}a.json") == b"2"
    assert state.keys(f"{BACKUPS}a/") == [f"{BACKUPS}a/1.json"], "what the CLI keeps beside its files is not one"
    assert stacks(state) == {"a"}

    state.delete(what_is_left(state, "a"))
    state.delete([f"{BACKUPS}a/1.json"])

    assert not (tmp_path / f"{BACKUPS}a").exists()
    assert stacks(state) == {"a"}


def test_a_directory_that_is_not_there_is_noted_and_not_made(tmp_path: Path) -> None:
    state = FileState(str(tmp_path / "gone"))
    (note,) = state.notes()
    assert "mount the volume" in note
    assert not (tmp_path / "gone").exists()
    with pytest.raises(StateUnreadable, match="writing"):
        FileState("/proc/nowhere").write(META, b"")
