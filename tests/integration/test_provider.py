"""The stand-in for pulumi-resource-aws applies every input that it declares, for every type that it knows."""

from __future__ import annotations

import pytest

from ingestion_local.provider.catalogue import KINDS
from ingestion_local.provider.properties import UNKNOWN, Document
from integration.provider_engine import Aborted, Engine
from integration.provider_fixtures import engine, world
from integration.provider_rows import ROWS, VARIANTS, assert_applied, cases, changing, kinds
from integration.provider_types import (
    BUCKET,
    BUCKET_POLICY,
    ENCRYPTION,
    FUNCTION,
    INVOKE_CONFIG,
    LIFECYCLE,
    LOG_GROUP,
    NOTIFICATION,
    PERMISSION,
    PRIVATE,
    QUEUE,
    QUEUE_POLICY,
    ROLE,
    ROLE_POLICY,
    RULE,
    TABLE,
    TARGET,
    TRAIL,
    VERSIONING,
)
from integration.provider_world import ProviderWorld, Row

__all__ = ["engine", "world"]

# AWS always has these in some state. Deleting them restores the default.
NEVER_ABSENT = {NOTIFICATION, VERSIONING, ENCRYPTION}


def least(kind: str, row: Row, inputs: Document) -> Document:
    return {key: value for key, value in inputs.items() if key in KINDS[kind].inputs.required | row.chosen}


def test_every_kind_has_a_row_and_every_input_has_one_that_gives_it() -> None:
    assert set(ROWS) == set(KINDS)
    for kind, row in ROWS.items():
        rows = [row, *(variant for its_kind, variant in VARIANTS.values() if its_kind == kind)]
        assert frozenset.intersection(*(r.others for r in rows)) == frozenset()


@cases
def test_the_row_of_a_kind_gives_and_changes_all_inputs_that_it_declares(
    kind: str, row: Row, world: ProviderWorld
) -> None:
    first, changed = row.inputs(world)
    declared = set(KINDS[kind].inputs) - row.others
    assert set(first) == set(changed) == declared
    fixed = row.fixed | (set() if kind == PERMISSION else KINDS[kind].replaces)
    assert {name for name in declared if first[name] != changed[name]} == declared - fixed


@cases
def test_every_input_is_applied_when_made_and_when_changed(
    kind: str, row: Row, engine: Engine, world: ProviderWorld
) -> None:
    first, changed = row.inputs(world)

    identity, made = engine.create(kind, first)
    assert made == made | first
    assert set(made) == set(first) | KINDS[kind].outputs
    assert_applied(kind, world, first)
    found, inputs, outputs = engine.read(kind, identity, first)
    assert (found, inputs) == (identity, first)
    assert {**outputs, **first} == made
    assert engine.diff(kind, identity, inputs, first) == ([], [])

    differing = sorted(name for name in first if first[name] != changed[name])
    if kind == PERMISSION:
        assert engine.diff(kind, identity, inputs, changed) == (differing, differing)
        engine.delete(kind, identity, first)
        assert engine.read(kind, identity, first) == ("", {}, {})
        identity, _ = engine.create(kind, changed)
    else:
        assert engine.diff(kind, identity, inputs, changed) == (differing, [])
        engine.update(kind, identity, first, changed)
    assert_applied(kind, world, changed)
    assert engine.read(kind, identity, changed)[1] == changed

    engine.delete(kind, identity, changed)
    if kind not in NEVER_ABSENT:
        assert engine.read(kind, identity, changed) == ("", {}, {})
    engine.delete(kind, identity, changed)


@changing
def test_inputs_that_are_taken_away_leave_what_one_made_without_them_has(
    kind: str, row: Row, engine: Engine, world: ProviderWorld
) -> None:
    declared = KINDS[kind]
    first, _ = row.inputs(world)
    # The emulator does not know the call that removes a log group's key.
    first.pop("kmsKeyId", None)
    stay = declared.inputs.required | declared.replaces | row.chosen
    small = {key: value for key, value in first.items() if key in stay}

    identity, _ = engine.create(kind, first)
    taken = {
        name for name in set(first) - set(small) - declared.unmanaged if not declared.same(name, first[name], None)
    }
    assert engine.diff(kind, identity, first, small) == (sorted(taken), [])
    engine.update(kind, identity, first, small)
    after_update = row.seen(world, small)
    assert engine.read(kind, identity, small)[1] == small
    assert {name: after_update[name] for name in declared.unmanaged & set(first) & set(after_update)} == {
        name: first[name] for name in declared.unmanaged & set(first) & set(after_update)
    }

    engine.delete(kind, identity, small)
    engine.create(kind, small)
    made = row.seen(world, small)
    assert {k: v for k, v in after_update.items() if k not in declared.unmanaged} == {
        k: v for k, v in made.items() if k not in declared.unmanaged
    }
    assert engine.read(kind, identity, small)[1] == small


# Where another input alone is wrong.
OTHERWISE = {"bucketNamespace": f"input bucket of {BUCKET}: is an account-regional namespace bucket"}


@cases
def test_the_least_inputs_are_enough_and_one_less_is_named(
    kind: str, row: Row, engine: Engine, world: ProviderWorld
) -> None:
    first, _ = row.inputs(world)
    small = least(kind, row, first)
    assert engine.failures(kind, small) == []
    for name in small:
        less = {key: value for key, value in small.items() if key != name}
        assert engine.failures(kind, less) == [OTHERWISE.get(name, f"input {name} of {kind}: is missing")]


EXISTS = {
    BUCKET: "CreateBucket, .* StatusCode: 409, BucketAlreadyOwnedByYou",
    QUEUE: "CreateQueue, .* StatusCode: 400, QueueAlreadyExists",
    TRAIL: "CloudTrail: CreateTrail, .* StatusCode: 400, TrailAlreadyExistsException",
    TABLE: "CreateTable, .* StatusCode: 400, ResourceInUseException",
    ROLE: "IAM: CreateRole, .* StatusCode: 409, EntityAlreadyExists",
    LOG_GROUP: "CloudWatch Logs: CreateLogGroup, .* StatusCode: 400, ResourceAlreadyExistsException",
    FUNCTION: "Lambda: CreateFunction, https response error StatusCode: 409, ResourceConflictException",
    PERMISSION: "Lambda: AddPermission, .* StatusCode: 409, ResourceConflictException",
}


@cases
def test_making_one_that_is_there_fails_unless_it_is_put_whole(
    kind: str, row: Row, engine: Engine, world: ProviderWorld
) -> None:
    first, changed = row.inputs(world)
    engine.create(kind, first)
    if row.takes_over:
        engine.create(kind, changed)
        assert_applied(kind, world, {name: value for name, value in changed.items() if name != "tags"})
        return
    with pytest.raises(Aborted, match=EXISTS[kind]):
        engine.create(kind, first if kind == PERMISSION else changed)


REPLACING = {
    BUCKET: {"bucket", "bucketNamespace"},
    ENCRYPTION: {"bucket"},
    PRIVATE: {"bucket"},
    VERSIONING: {"bucket"},
    LIFECYCLE: {"bucket"},
    BUCKET_POLICY: {"bucket"},
    NOTIFICATION: {"bucket"},
    QUEUE: {"name"},
    QUEUE_POLICY: {"queueUrl"},
    TRAIL: {"name"},
    TABLE: {"name", "hashKey", "rangeKey"},
    ROLE: {"name", "path"},
    ROLE_POLICY: {"name", "role"},
    LOG_GROUP: {"name"},
    FUNCTION: {"name", "packageType"},
    INVOKE_CONFIG: {"functionName"},
    PERMISSION: {"action", "function", "principal", "sourceAccount", "sourceArn", "statementId"},
    RULE: {"name"},
    TARGET: {"rule", "targetId"},
}


@kinds
def test_a_change_of_what_names_a_thing_replaces_it_and_no_other_does(kind: str, engine: Engine) -> None:
    for name in sorted(KINDS[kind].inputs):
        replaces = [name] if name in REPLACING[kind] else []
        assert engine.diff(kind, "id", {name: "old"}, {name: "new"}) == ([name], replaces)


@cases
def test_a_preview_makes_nothing_and_knows_no_output_yet(
    kind: str, row: Row, engine: Engine, world: ProviderWorld
) -> None:
    first, changed = row.inputs(world)
    identity, outputs = engine.create(kind, first, preview=True)
    later = {name for name, value in outputs.items() if value == UNKNOWN}
    assert identity == ""
    assert later == KINDS[kind].outputs
    if not row.takes_over and kind != PERMISSION:
        identity, made = engine.create(kind, first)
        planned = engine.update(kind, identity, made, changed, preview=True)
        assert {name for name, value in planned.items() if value == UNKNOWN} == set(KINDS[kind].follows)
        assert_applied(kind, world, first)
