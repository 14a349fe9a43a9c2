"""The use case against the fakes: buckets that others own or may own, and buckets that they share with the pipeline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import OWNER
from fakes import FakeBucket
from ingestion_operator.blueprint.ownership import Tag
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import DATA_BUCKET, WAITING, PipelineUnderTest
from unit.reconcile_fixtures import DELETE, HOUR, OTHERS, SHARED, pipeline, shared, workings_of

__all__ = ["pipeline", "shared"]


def test_a_bucket_of_somebody_else_is_not_touched_and_nothing_is_built(pipeline: PipelineUnderTest) -> None:
    theirs = FakeBucket({"owner": "somebody"}, objects=7)
    pipeline.cloud.buckets["shared"] = theirs
    pipeline.create(source={"bucket": {"name": "shared"}})
    pipeline.reconcile()
    assert list(pipeline.engine.stacks.values()) == [{}]
    assert pipeline.conditions["Stalled"] == ("True", "BucketNameTaken")
    assert "choose another source.bucket.name" in pipeline.message("Stalled")
    assert theirs == FakeBucket({"owner": "somebody"}, objects=7)


def test_a_bucket_kept_from_an_earlier_life_is_taken_over_with_its_objects(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.buckets[DATA_BUCKET] = FakeBucket({**OWNER.tags(), "ingestion-operator.io/uid": "uid-0"}, objects=3)
    pipeline.create()
    pipeline.reconcile()
    assert pipeline.last_call.adopted == {"source-bucket": DATA_BUCKET}
    assert pipeline.cloud.buckets[DATA_BUCKET] == FakeBucket(OWNER.tags(), objects=3)
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_a_bucket_that_was_created_and_never_tagged_is_taken_over(pipeline: PipelineUnderTest) -> None:
    """AWS creates a bucket first and tags it then: the operator may die between the two, or AWS may refuse the tags."""
    pipeline.cloud.buckets[DATA_BUCKET] = FakeBucket()
    pipeline.create()
    pipeline.reconcile()
    assert pipeline.last_call.adopted == {"source-bucket": DATA_BUCKET}
    assert pipeline.cloud.buckets[DATA_BUCKET] == FakeBucket(OWNER.tags())


@pytest.mark.parametrize(
    ("name", "bucket"),
    [
        (DATA_BUCKET, FakeBucket({"owner": "somebody"})),
        (DATA_BUCKET, FakeBucket(objects=1)),
        (DATA_BUCKET, FakeBucket(account="210987654321")),
        ("chosen", FakeBucket()),
    ],
    ids=["with tags", "with objects", "of another account", "with a name that the spec chose"],
)
def test_any_other_bucket_without_the_ownership_tags_is_of_others(
    pipeline: PipelineUnderTest, name: str, bucket: FakeBucket
) -> None:
    pipeline.cloud.buckets[name] = bucket
    before = replace(bucket, tags=dict(bucket.tags))
    pipeline.create(source={"bucket": {"name": "" if name == DATA_BUCKET else name}})
    pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "BucketNameTaken")
    assert pipeline.cloud.buckets[name] == before


RAW, IN = ({**SHARED, "filter": {"prefixes": [prefix]}} for prefix in ("raw/", "in/"))


def test_an_existing_bucket_that_is_missing_is_named_and_waited_for(pipeline: PipelineUnderTest) -> None:
    pipeline.create(source=SHARED)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.message("Ready") == "bucket shared, named by source.bucket.name, does not exist"
    pipeline.cloud.regions["shared"] = "eu-west-1"
    pipeline.tick(WAITING)
    assert pipeline.is_ready


def test_events_of_an_existing_bucket_are_switched_on_recorded_and_off_again(shared: PipelineUnderTest) -> None:
    shared.build(source=SHARED)
    assert shared.cloud.sending == {"shared"}
    assert workings_of(shared).switched_on == "shared"
    assert "shared" not in shared.cluster.patches[0].get("workings", {}).get("switchedOn", ""), (
        "recorded when it is done"
    )
    shared.remove()
    assert shared.cloud.sending == set()


def test_a_bucket_that_sent_its_events_before_goes_on_sending_them(shared: PipelineUnderTest) -> None:
    shared.cloud.sending.add("shared")
    shared.build(source=SHARED)
    assert workings_of(shared).switched_on == ""
    shared.remove()
    assert shared.cloud.sending == {"shared"}


def test_events_that_somebody_switched_off_are_switched_on_by_the_next_look_for_drift(
    shared: PipelineUnderTest,
) -> None:
    shared.build(source=SHARED)
    shared.cloud.sending.clear()
    shared.tick(HOUR)
    assert shared.cloud.sending == {"shared"}


def test_events_stay_on_while_a_rule_of_others_listens(shared: PipelineUnderTest) -> None:
    shared.build(source=SHARED)
    shared.cloud.listened_to.add("shared")
    shared.remove()
    assert shared.cloud.sending == {"shared"}


def test_events_stay_on_under_retain(shared: PipelineUnderTest) -> None:
    shared.build(source=SHARED, deletion={"policy": "Retain"})
    shared.remove()
    assert shared.verbs == ["update", "forget"]
    assert shared.cloud.sending == {"shared"}


@pytest.mark.parametrize("first", [0, 1], ids=["the one that switched on goes first", "the other one goes first"])
def test_the_last_of_two_pipelines_switches_off(shared: PipelineUnderTest, first: int) -> None:
    other = shared.neighbour("other")
    shared.build(source=RAW)
    other.build(source=IN)
    assert [workings_of(w).switched_on for w in (shared, other)] == ["shared", "shared"]
    going = [shared, other] if first == 0 else [other, shared]
    going[0].remove()
    assert shared.cloud.sending == {"shared"}
    del shared.cluster.pipelines_by_key[going[0].key]
    going[1].remove()
    assert shared.cloud.sending == set()


def test_neither_of_two_switches_off_what_was_on_before(shared: PipelineUnderTest) -> None:
    shared.cloud.sending.add("shared")
    other = shared.neighbour("other")
    shared.build(source=RAW)
    other.build(source=IN)
    shared.remove()
    other.remove()
    assert shared.cloud.sending == {"shared"}


@pytest.mark.parametrize("policy", ["RetainData", "Delete", "Retain"])
@pytest.mark.parametrize("status", ["kept", "lost"])
@pytest.mark.parametrize("objects", [0, 7], ids=["empty", "full"])
def test_an_existing_bucket_is_never_made_tagged_emptied_or_deleted(
    shared: PipelineUnderTest, policy: str, status: str, objects: int
) -> None:
    shared.cloud.buckets["shared"].objects = objects
    shared.build(source=SHARED, deletion={"policy": policy})
    shared.annotate(CONFIRM_PURGE, "shared")
    assert not any("s3/bucket" in r.type for r in shared.last_call.update.blueprint.resources)
    assert workings_of(shared).data_buckets == ()
    if status == "lost":
        shared.body["status"] = {}
    shared.remove()
    assert shared.cloud.buckets["shared"] == FakeBucket(OTHERS, objects=objects)


@pytest.mark.parametrize("status", ["known", "lost"])
def test_a_bucket_kept_from_an_earlier_life_and_used_as_existing_is_never_deleted(
    pipeline: PipelineUnderTest, status: str
) -> None:
    pipeline.cloud.regions["docs"] = "eu-west-1"
    pipeline.cloud.buckets["docs"] = FakeBucket({**OWNER.tags(), Tag.UID.value: "uid-0"}, objects=7)
    pipeline.build(source={"bucket": {"name": "docs", "management": "Existing"}}, deletion=DELETE)
    pipeline.annotate(CONFIRM_PURGE, "docs")
    if status == "lost":
        pipeline.body["status"] = {}
    pipeline.remove()
    assert pipeline.cloud.buckets["docs"].objects == 7


OVERLAP = "some objects of bucket shared are also processed by {}: narrow source.filter if this is not intended"


def test_two_pipelines_that_share_objects_are_told_once_and_no_longer_when_the_filter_is_narrowed(
    shared: PipelineUnderTest,
) -> None:
    other = shared.neighbour("other")
    shared.build(source=SHARED)
    assert shared.events == [Reason.CREATED]
    other.build(source=RAW)
    assert shared.events.count(Reason.FILTER_OVERLAPS) == 1
    assert shared.cluster.events[-1].message == OVERLAP.format("team-a/words")
    assert other.message("Ready").endswith(f"; note: {OVERLAP.format('team-a/words')}")

    shared.reconcile()
    assert shared.message("Ready").endswith(f"; note: {OVERLAP.format('team-a/other')}")
    assert shared.events.count(Reason.FILTER_OVERLAPS) == 2, "each pipeline has its own Event"
    for _ in range(3):
        shared.reconcile()
        shared.tick(HOUR)
        other.reconcile()
    assert shared.events.count(Reason.FILTER_OVERLAPS) == 2

    shared.change(source=IN)
    shared.reconcile()
    other.reconcile()
    assert "note" not in shared.message("Ready") + other.message("Ready")
    assert shared.is_ready
    assert other.is_ready


def test_a_pipeline_that_is_going_is_no_longer_told_of(shared: PipelineUnderTest) -> None:
    other = shared.neighbour("other")
    shared.build(source=SHARED)
    other.build(source=SHARED)
    other.remove()
    shared.reconcile()
    assert "note" not in shared.message("Ready")
