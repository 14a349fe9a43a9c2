"""The use case against the fakes: tables and their items."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import OWNER
from fakes import FakeBucket
from ingestion_operator.blueprint.ownership import Tag
from ingestion_operator.errors import UpdateFailed
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from unit.reconcile_fixtures import CLOUD_TRAIL, DELETE, HOUR, OTHERS, RESULTS_BUCKET, TABLE, WITH_TABLE, world
from unit.reconcile_world import BACKOFF, DATA_BUCKET, World

__all__ = ["world"]


def test_a_table_kept_from_an_earlier_life_is_taken_over_with_its_items(world: World) -> None:
    world.cloud.tables[TABLE] = FakeBucket({**OWNER.tags(), Tag.UID.value: "uid-0"}, objects=3)
    world.build(**WITH_TABLE)
    assert world.last_call.update.adopt == {"results-table": TABLE}
    assert world.cloud.tables[TABLE] == FakeBucket(OWNER.tags(), objects=3)


def test_a_table_of_somebody_else_is_not_touched_and_the_engine_is_never_called(world: World) -> None:
    world.cloud.tables[TABLE] = FakeBucket(dict(OTHERS), objects=3)
    world.create(**WITH_TABLE)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "TableNameTaken")
    assert "write results.table.name to use it as it is" in world.message("Stalled")
    assert world.cloud.tables[TABLE] == FakeBucket(OTHERS, objects=3)


def test_a_table_of_others_is_used_as_it_is_and_stays(world: World) -> None:
    world.cloud.keys["theirs"] = ("id",)
    world.cloud.tables["theirs"] = FakeBucket(dict(OTHERS), objects=3)
    world.build(results={"table": {"name": "theirs"}}, deletion=DELETE)
    world.annotate(CONFIRM_PURGE, "theirs")
    world.remove()
    assert world.cloud.tables == {"theirs": FakeBucket(OTHERS, objects=3)}


def test_a_table_that_others_make_anew_with_the_right_keys_is_taken_without_a_change(world: World) -> None:
    world.cloud.keys["theirs"] = ("other",)
    world.create(results={"table": {"name": "theirs"}})
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "SpecInvalid")
    world.cloud.keys["theirs"] = ("id",)
    world.tick(timedelta(seconds=BACKOFF.cap_seconds))
    assert world.is_ready


@pytest.mark.parametrize(
    ("policy", "items", "tables"),
    [("RetainData", 0, 1), ("RetainData", 5, 1), ("Delete", 0, 0), ("Retain", 5, 1)],
)
def test_a_deletion_does_with_a_table_what_its_policy_says(world: World, policy: str, items: int, tables: int) -> None:
    world.build(**WITH_TABLE, deletion={"policy": policy})
    world.cloud.tables[TABLE].objects = items
    world.remove()
    assert len(world.cloud.tables) == tables
    assert not world.engine.stacks


def test_a_table_that_holds_items_waits_for_its_purge_to_be_confirmed(world: World) -> None:
    world.build(**WITH_TABLE, deletion=DELETE)
    world.cloud.tables[TABLE].objects = 1
    with world.no_engine_call():
        refusal = str(world.refused_removal())
    assert f"{TABLE} holds 1 item:" in refusal
    assert f"{CONFIRM_PURGE}={TABLE};" in refusal
    assert world.conditions["Stalled"] == ("True", "TableNotEmpty")
    world.annotate(CONFIRM_PURGE, TABLE)
    world.remove()
    assert world.cloud.tables == {}
    assert world.cluster.events[-2].message == f"deleted for good, as confirmed: the data in {TABLE}"


def test_bucket_and_table_are_named_in_one_message_and_confirmed_in_one_annotation(world: World) -> None:
    world.build(results={"bucket": {}, "table": {}}, deletion=DELETE)
    world.cloud.buckets[RESULTS_BUCKET].objects = 2
    world.cloud.tables[TABLE].objects = 4
    refusal = str(world.refused_removal())
    assert f"{RESULTS_BUCKET} holds 2 objects and versions, {TABLE} holds 4 items" in refusal
    assert f"{CONFIRM_PURGE}={RESULTS_BUCKET},{TABLE};" in refusal
    assert world.conditions["Stalled"] == ("True", "BucketNotEmpty")

    world.annotate(CONFIRM_PURGE, RESULTS_BUCKET)
    assert str(world.refused_removal()).startswith(f"{TABLE} holds 4 items")
    assert world.cloud.buckets[RESULTS_BUCKET].objects == 2, "nothing goes before everything is confirmed"
    world.annotate(CONFIRM_PURGE, f"{RESULTS_BUCKET}, {TABLE}")
    world.remove()
    assert (world.cloud.buckets, world.cloud.tables) == ({}, {})


def test_items_that_arrive_during_a_deletion_are_kept_until_it_is_confirmed(world: World) -> None:
    def arrive() -> None:
        world.cloud.tables[TABLE].objects = 1

    world.build(**WITH_TABLE, deletion=DELETE)
    world.engine.during = arrive
    assert "items arrived" in str(world.refused_removal())
    assert world.cloud.tables[TABLE].objects == 1
    world.annotate(CONFIRM_PURGE, TABLE)
    world.remove()
    assert world.cloud.tables == {}


def test_a_table_that_is_no_longer_the_pipelines_is_never_deleted(world: World) -> None:
    world.build(**WITH_TABLE, deletion=DELETE)
    world.cloud.tables[TABLE] = FakeBucket(dict(OTHERS), objects=3)
    world.annotate(CONFIRM_PURGE, TABLE)
    world.remove()
    assert world.cloud.tables[TABLE].objects == 3
    assert f"left alone, because they do not carry this pipeline's tags: {TABLE}" in world.cluster.events[-1].message


def test_what_is_kept_is_said_tables_too(world: World) -> None:
    world.build(**WITH_TABLE)
    world.remove()
    assert world.cluster.events[-1].message.endswith(f"kept with their data: {DATA_BUCKET}, {TABLE}")


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"bucket": {"name": "docs"}},
        {"bucket": {"naming": "AccountRegional"}},
        {"bucket": {"naming": "AccountRegional", "name": "docs"}},
        CLOUD_TRAIL,
    ],
    ids=["generated", "named", "regional", "regional and named", "with a trail"],
)
def test_a_pipeline_whose_status_was_lost_leaves_no_bucket_and_no_table(world: World, source: dict[str, Any]) -> None:
    world.build(source=source, results={"bucket": {}, "table": {}}, deletion=DELETE)
    world.body["status"] = {}
    world.remove()
    assert (world.cloud.buckets, world.cloud.tables, world.engine.stacks) == ({}, {}, {})


def test_data_found_without_a_status_is_to_be_confirmed_all_the_same(world: World) -> None:
    world.build(**WITH_TABLE, deletion=DELETE)
    world.cloud.tables[TABLE].objects = 4
    world.body["status"] = {}
    assert f"{TABLE} holds 4 items" in str(world.refused_removal())
    assert world.cloud.tables[TABLE].objects == 4


def test_a_table_that_a_live_pipeline_gets_is_made_once_even_if_the_update_fails(world: World) -> None:
    world.build()
    world.change(**WITH_TABLE)
    world.engine.failures.append(UpdateFailed("no"))
    world.reconcile()
    assert TABLE in world.cloud.tables, "the fake fails when half of the work is done"
    world.tick(HOUR)
    assert world.is_ready
    assert len(world.cloud.tables) == 1
