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
from unit.pipeline_under_test import BACKOFF, DATA_BUCKET, PipelineUnderTest
from unit.reconcile_fixtures import CLOUD_TRAIL, DELETE, HOUR, OTHERS, RESULTS_BUCKET, TABLE, WITH_TABLE, pipeline

__all__ = ["pipeline"]


def test_a_table_kept_from_an_earlier_life_is_taken_over_with_its_items(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.tables[TABLE] = FakeBucket({**OWNER.tags(), Tag.UID.value: "uid-0"}, objects=3)
    pipeline.build(**WITH_TABLE)
    assert pipeline.last_call.adopted == {"results-table": TABLE}
    assert pipeline.cloud.tables[TABLE] == FakeBucket(OWNER.tags(), objects=3)


def test_a_table_of_somebody_else_is_not_touched_and_nothing_is_built(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.tables[TABLE] = FakeBucket(dict(OTHERS), objects=3)
    pipeline.create(**WITH_TABLE)
    pipeline.reconcile()
    assert list(pipeline.engine.stacks.values()) == [{}]
    assert pipeline.conditions["Stalled"] == ("True", "TableNameTaken")
    assert "write results.table.name to use it as it is" in pipeline.message("Stalled")
    assert pipeline.cloud.tables[TABLE] == FakeBucket(OTHERS, objects=3)


def test_a_table_of_others_is_used_as_it_is_and_stays(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.keys["theirs"] = ("id",)
    pipeline.cloud.tables["theirs"] = FakeBucket(dict(OTHERS), objects=3)
    pipeline.build(results={"table": {"name": "theirs"}}, deletion=DELETE)
    pipeline.annotate(CONFIRM_PURGE, "theirs")
    pipeline.remove()
    assert pipeline.cloud.tables == {"theirs": FakeBucket(OTHERS, objects=3)}


def test_a_table_that_others_make_anew_with_the_right_keys_is_taken_without_a_change(
    pipeline: PipelineUnderTest,
) -> None:
    pipeline.cloud.keys["theirs"] = ("other",)
    pipeline.create(results={"table": {"name": "theirs"}})
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "SpecInvalid")
    pipeline.cloud.keys["theirs"] = ("id",)
    pipeline.tick(timedelta(seconds=BACKOFF.cap_seconds))
    assert pipeline.is_ready


@pytest.mark.parametrize(
    ("policy", "items", "tables"),
    [("RetainData", 0, 1), ("RetainData", 5, 1), ("Delete", 0, 0), ("Retain", 5, 1)],
)
def test_a_deletion_does_with_a_table_what_its_policy_says(
    pipeline: PipelineUnderTest, policy: str, items: int, tables: int
) -> None:
    pipeline.build(**WITH_TABLE, deletion={"policy": policy})
    pipeline.cloud.tables[TABLE].objects = items
    pipeline.remove()
    assert len(pipeline.cloud.tables) == tables
    assert not pipeline.engine.stacks


def test_a_table_that_holds_items_waits_for_its_purge_to_be_confirmed(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**WITH_TABLE, deletion=DELETE)
    pipeline.cloud.tables[TABLE].objects = 1
    with pipeline.no_engine_call():
        refusal = str(pipeline.refused_removal())
    assert f"{TABLE} holds 1 item:" in refusal
    assert f"{CONFIRM_PURGE}={TABLE};" in refusal
    assert pipeline.conditions["Stalled"] == ("True", "TableNotEmpty")
    pipeline.annotate(CONFIRM_PURGE, TABLE)
    pipeline.remove()
    assert pipeline.cloud.tables == {}
    assert pipeline.cluster.events[-2].message == f"deleted the data in {TABLE} for good, as confirmed"


def test_bucket_and_table_are_named_in_one_message_and_confirmed_in_one_annotation(pipeline: PipelineUnderTest) -> None:
    pipeline.build(results={"bucket": {}, "table": {}}, deletion=DELETE)
    pipeline.cloud.buckets[RESULTS_BUCKET].objects = 2
    pipeline.cloud.tables[TABLE].objects = 4
    refusal = str(pipeline.refused_removal())
    assert f"{RESULTS_BUCKET} holds 2 objects and versions, {TABLE} holds 4 items" in refusal
    assert f"{CONFIRM_PURGE}={RESULTS_BUCKET},{TABLE};" in refusal
    assert pipeline.conditions["Stalled"] == ("True", "BucketNotEmpty")

    pipeline.annotate(CONFIRM_PURGE, RESULTS_BUCKET)
    assert str(pipeline.refused_removal()).startswith(f"{TABLE} holds 4 items")
    assert pipeline.cloud.buckets[RESULTS_BUCKET].objects == 2, "nothing goes before everything is confirmed"
    pipeline.annotate(CONFIRM_PURGE, f"{RESULTS_BUCKET}, {TABLE}")
    pipeline.remove()
    assert (pipeline.cloud.buckets, pipeline.cloud.tables) == ({}, {})


def test_items_that_arrive_during_a_deletion_are_kept_until_it_is_confirmed(pipeline: PipelineUnderTest) -> None:
    def arrive() -> None:
        pipeline.cloud.tables[TABLE].objects = 1

    pipeline.build(**WITH_TABLE, deletion=DELETE)
    pipeline.engine.during = arrive
    assert "items arrived" in str(pipeline.refused_removal())
    assert pipeline.cloud.tables[TABLE].objects == 1
    pipeline.annotate(CONFIRM_PURGE, TABLE)
    pipeline.remove()
    assert pipeline.cloud.tables == {}


def test_a_table_that_is_no_longer_the_pipelines_is_never_deleted(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**WITH_TABLE, deletion=DELETE)
    pipeline.cloud.tables[TABLE] = FakeBucket(dict(OTHERS), objects=3)
    pipeline.annotate(CONFIRM_PURGE, TABLE)
    pipeline.remove()
    assert pipeline.cloud.tables[TABLE].objects == 3
    assert f"left alone, because they do not carry this pipeline's tags: {TABLE}" in pipeline.cluster.events[-1].message


def test_what_is_kept_is_said_tables_too(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**WITH_TABLE)
    pipeline.remove()
    assert pipeline.cluster.events[-1].message.endswith(f"kept with their data: {DATA_BUCKET}, {TABLE}")


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
def test_a_pipeline_whose_status_was_lost_leaves_no_bucket_and_no_table(
    pipeline: PipelineUnderTest, source: dict[str, Any]
) -> None:
    pipeline.build(source=source, results={"bucket": {}, "table": {}}, deletion=DELETE)
    pipeline.body["status"] = {}
    pipeline.remove()
    assert (pipeline.cloud.buckets, pipeline.cloud.tables, pipeline.engine.stacks) == ({}, {}, {})


def test_data_found_without_a_status_is_to_be_confirmed_all_the_same(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**WITH_TABLE, deletion=DELETE)
    pipeline.cloud.tables[TABLE].objects = 4
    pipeline.body["status"] = {}
    assert f"{TABLE} holds 4 items" in str(pipeline.refused_removal())
    assert pipeline.cloud.tables[TABLE].objects == 4


def test_a_table_that_a_live_pipeline_gets_is_made_once_even_if_the_update_fails(pipeline: PipelineUnderTest) -> None:
    pipeline.build()
    pipeline.change(**WITH_TABLE)
    pipeline.engine.failures.append(UpdateFailed("no"))
    pipeline.reconcile()
    assert TABLE in pipeline.cloud.tables, "the fake fails when half of the work is done"
    pipeline.tick(HOUR)
    assert pipeline.is_ready
    assert len(pipeline.cloud.tables) == 1
