"""The stand-in for pulumi-resource-aws applies every input that it declares, for every type that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ingestion_local.provider.catalogue import KINDS
from ingestion_local.provider.properties import UNKNOWN, Document
from ingestion_operator.code import CodeBundle
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.spec import Spec
from ingestion_operator.naming import Owner
from ingestion_operator.resources import Archive, Place, Ref, blueprint
from integration.provider_compute_rows import (
    FUNCTION,
    INVOKE_CONFIG,
    LOG_GROUP,
    PERMISSION,
    ROLE,
    ROLE_POLICY,
    RULE,
    TARGET,
)
from integration.provider_engine import Aborted, Engine
from integration.provider_fixtures import engine, world
from integration.provider_rows import ROWS, assert_applied, kinds
from integration.provider_storage_rows import (
    BUCKET,
    BUCKET_POLICY,
    ENCRYPTION,
    LIFECYCLE,
    NOTIFICATION,
    PRIVATE,
    QUEUE,
    QUEUE_POLICY,
    TABLE,
    VERSIONING,
)
from integration.provider_world import ACCOUNT, World, same_text

__all__ = ["engine", "world"]

# AWS always has them in some state: deleting them puts back the default.
NEVER_ABSENT = {NOTIFICATION, VERSIONING, ENCRYPTION}


def least(kind: str, inputs: Document) -> Document:
    return {key: value for key, value in inputs.items() if key in KINDS[kind].inputs.required}


def test_every_kind_has_a_row() -> None:
    assert set(ROWS) == set(KINDS)


@kinds
def test_the_row_of_a_kind_gives_and_changes_all_inputs_that_it_declares(kind: str, world: World) -> None:
    first, changed = ROWS[kind].inputs(world)
    declared = set(KINDS[kind].inputs)
    assert set(first) == set(changed) == declared
    fixed = ROWS[kind].fixed | (set() if kind == PERMISSION else KINDS[kind].replaces)
    assert {name for name in declared if first[name] != changed[name]} == declared - fixed


@kinds
def test_every_input_is_applied_when_made_and_when_changed(kind: str, engine: Engine, world: World) -> None:
    first, changed = ROWS[kind].inputs(world)

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


@pytest.mark.parametrize("kind", [pytest.param(k, id=k.rpartition(":")[2]) for k in ROWS if k != PERMISSION])
def test_inputs_that_are_taken_away_leave_what_one_made_without_them_has(
    kind: str, engine: Engine, world: World
) -> None:
    row, declared = ROWS[kind], KINDS[kind]
    first, _ = row.inputs(world)
    # The emulator does not know the call that takes a log group's key away.
    first.pop("kmsKeyId", None)
    small = {key: value for key, value in first.items() if key in declared.inputs.required | declared.replaces}

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


@kinds
def test_the_least_inputs_are_enough_and_one_less_is_named(kind: str, engine: Engine, world: World) -> None:
    first, _ = ROWS[kind].inputs(world)
    small = least(kind, first)
    assert engine.failures(kind, small) == []
    for name in small:
        less = {key: value for key, value in small.items() if key != name}
        assert engine.failures(kind, less) == [f"input {name} of {kind}: is missing"]


EXISTS = {
    BUCKET: "CreateBucket, .* StatusCode: 409, BucketAlreadyOwnedByYou",
    QUEUE: "CreateQueue, .* StatusCode: 400, QueueAlreadyExists",
    TABLE: "CreateTable, .* StatusCode: 400, ResourceInUseException",
    ROLE: "IAM: CreateRole, .* StatusCode: 409, EntityAlreadyExists",
    LOG_GROUP: "CloudWatch Logs: CreateLogGroup, .* StatusCode: 400, ResourceAlreadyExistsException",
    FUNCTION: "Lambda: CreateFunction, https response error StatusCode: 409, ResourceConflictException",
    PERMISSION: "Lambda: AddPermission, .* StatusCode: 409, ResourceConflictException",
}


@kinds
def test_making_one_that_is_there_fails_unless_it_is_put_whole(kind: str, engine: Engine, world: World) -> None:
    first, changed = ROWS[kind].inputs(world)
    engine.create(kind, first)
    if ROWS[kind].takes_over:
        engine.create(kind, changed)
        assert_applied(kind, world, {name: value for name, value in changed.items() if name != "tags"})
        return
    with pytest.raises(Aborted, match=EXISTS[kind]):
        engine.create(kind, first if kind == PERMISSION else changed)


REPLACING = {
    BUCKET: {"bucket"},
    ENCRYPTION: {"bucket"},
    PRIVATE: {"bucket"},
    VERSIONING: {"bucket"},
    LIFECYCLE: {"bucket"},
    BUCKET_POLICY: {"bucket"},
    NOTIFICATION: {"bucket"},
    QUEUE: {"name"},
    QUEUE_POLICY: {"queueUrl"},
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


@kinds
def test_a_preview_makes_nothing_and_knows_no_output_yet(kind: str, engine: Engine, world: World) -> None:
    first, changed = ROWS[kind].inputs(world)
    identity, outputs = engine.create(kind, first, preview=True)
    later = {name for name, value in outputs.items() if value == UNKNOWN}
    assert identity == ""
    assert later == KINDS[kind].outputs
    if not ROWS[kind].takes_over and kind != PERMISSION:
        identity, made = engine.create(kind, first)
        planned = engine.update(kind, identity, made, changed, preview=True)
        assert {name for name, value in planned.items() if value == UNKNOWN} == set(KINDS[kind].follows)
        assert_applied(kind, world, first)


EVERYTHING = Spec.model_validate(
    {
        "tags": {"team": "a"},
        "source": {"filter": {"prefixes": ["raw/"], "suffixes": [".txt"]}},
        "processor": {"code": {"inline": "x"}, "environment": [{"name": "MODE", "value": "a"}]},
        "results": {"bucket": {"prefix": "out/"}},
    }
)


def test_every_type_and_every_input_of_a_pipeline_is_applied_by_the_stand_in(engine: Engine, world: World) -> None:
    code = CodeBundle.of({"index.py": "def handler(event, context): pass\n"})
    plan = blueprint(
        EVERYTHING, Owner("test", PipelineKey("default", "whole"), "uid"), Place(ACCOUNT, "us-east-1"), code
    )
    archive, _ = world.archive("def handler(event, context): pass\n")
    made: dict[str, Document] = {}
    for resource in plan.resources:
        inputs = {camel(key): resolved(value, made, archive) for key, value in resource.inputs.items()}
        identity, outputs = engine.create(resource.type, inputs)
        made[resource.name] = outputs
        assert engine.read(resource.type, identity, inputs)[1] == inputs
        seen = ROWS[resource.type].seen(world, inputs)
        assert {key: same_text(value) for key, value in seen.items() if key in inputs} == {
            key: same_text(value) for key, value in inputs.items()
        }
    assert {resource.type for resource in plan.resources} <= set(KINDS)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def resolved(value: Any, made: Mapping[str, Document], archive: Document) -> Any:
    """An input as the engine sends it: references resolved, names as they are on the wire."""
    if isinstance(value, Ref):
        return made[value.resource][value.attribute]
    if isinstance(value, Archive):
        return archive
    if isinstance(value, list | tuple):
        return [resolved(inner, made, archive) for inner in value]
    if isinstance(value, Mapping):
        # Keys of tags and of variables are data; every other key is a name.
        free = any(not key.isidentifier() or key != key.lower() or "/" in key for key in value)
        return {key if free else camel(key): resolved(inner, made, archive) for key, inner in value.items()}
    return value
