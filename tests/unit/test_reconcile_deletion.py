"""The use case against the fakes: a pipeline is deleted as its policy says, and no data goes unconfirmed."""

from __future__ import annotations

from typing import Any

import pytest

from fakes import Crash, FakeBucket
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    LockHeld,
    PipelineError,
    StateUnreadable,
    UpdateFailed,
    UpdateTimedOut,
)
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.disposal import COUNT_LIMIT
from ingestion_operator.status.outcomes import CONFIRMATION_SECONDS
from unit.pipeline_under_test import BACKOFF, DATA_BUCKET, PipelineUnderTest
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]


ENGINE_ERRORS = [UpdateFailed, UpdateTimedOut, LockHeld, AccessDenied, StateUnreadable, BucketNameTaken]


@pytest.mark.parametrize(
    ("policy", "objects", "verbs", "buckets_left", "event"),
    [
        pytest.param("RetainData", 0, ["destroy"], 1, Reason.DESTROYED, id="RetainData keeps an empty bucket"),
        pytest.param("RetainData", 9, ["destroy"], 1, Reason.DESTROYED, id="RetainData keeps a full bucket"),
        pytest.param("Delete", 0, ["destroy"], 0, Reason.DESTROYED, id="Delete takes an empty bucket"),
        pytest.param("Retain", 0, ["forget"], 1, Reason.RETAINED, id="Retain leaves everything"),
        pytest.param("Retain", 9, ["forget"], 1, Reason.RETAINED, id="Retain leaves everything and its objects"),
        pytest.param("nonsense", 9, ["destroy"], 1, Reason.DESTROYED, id="an unreadable policy is the careful one"),
    ],
)
def test_a_deletion_does_what_its_policy_says(
    built: PipelineUnderTest, policy: str, objects: int, verbs: list[str], buckets_left: int, event: Reason
) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = objects
    built.change(deletion={"policy": policy})
    built.remove()
    assert built.verbs[1:] == verbs
    assert len(built.cloud.buckets) == buckets_left
    assert built.events[-1] is event
    assert not built.engine.stacks


def test_what_is_kept_is_said(built: PipelineUnderTest) -> None:
    built.remove()
    assert built.cluster.events[-1].message.endswith(f"kept with their data: {DATA_BUCKET}")


def test_delete_takes_nothing_down_while_a_bucket_holds_objects(built: PipelineUnderTest) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.change(deletion={"policy": "Delete"})
    with built.no_engine_call():
        refusal = built.refused_removal()
    assert f"{DATA_BUCKET} holds 3 objects and versions" in str(refusal)
    assert f"{CONFIRM_PURGE}={DATA_BUCKET}" in str(refusal)
    assert refusal.delay_seconds == CONFIRMATION_SECONDS
    assert built.conditions["Stalled"] == ("True", "BucketNotEmpty")
    assert built.conditions["Ready"] == ("False", "Deleting")


@pytest.mark.parametrize(
    ("objects", "said"),
    [(1, "1 object or version:"), (COUNT_LIMIT + 1, f"{COUNT_LIMIT} or more objects and versions:")],
)
def test_a_count_reads_well(built: PipelineUnderTest, objects: int, said: str) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = objects
    built.change(deletion={"policy": "Delete"})
    assert said in str(built.refused_removal())


def test_a_confirmed_purge_deletes_the_objects_and_the_bucket(built: PipelineUnderTest) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.change(deletion={"policy": "Delete"})
    built.refused_removal()
    built.annotate(CONFIRM_PURGE, f" other, {DATA_BUCKET} ")
    built.remove()
    assert built.cloud.buckets == {}


def test_the_confirmation_of_another_bucket_confirms_nothing(built: PipelineUnderTest) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.change(deletion={"policy": "Delete"})
    built.annotate(CONFIRM_PURGE, "other")
    with built.no_engine_call():
        built.refused_removal()
    assert built.cloud.buckets[DATA_BUCKET].objects == 3


def test_a_confirmation_does_not_delete_data_that_the_policy_keeps(built: PipelineUnderTest) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.annotate(CONFIRM_PURGE, DATA_BUCKET)
    built.remove()
    assert built.cloud.buckets[DATA_BUCKET].objects == 3


def test_objects_that_arrive_during_a_deletion_are_kept_until_it_is_confirmed(built: PipelineUnderTest) -> None:
    def arrive() -> None:
        built.cloud.buckets[DATA_BUCKET].objects = 1

    built.change(deletion={"policy": "Delete"})
    built.engine.during = arrive
    assert "arrived" in str(built.refused_removal())
    assert DATA_BUCKET in built.cloud.buckets
    built.annotate(CONFIRM_PURGE, DATA_BUCKET)
    built.remove()
    assert built.cloud.buckets == {}


def test_a_bucket_that_is_no_longer_the_pipelines_is_never_purged(built: PipelineUnderTest) -> None:
    built.cloud.buckets[DATA_BUCKET] = FakeBucket({}, objects=3)
    built.change(deletion={"policy": "Delete"})
    built.annotate(CONFIRM_PURGE, DATA_BUCKET)
    built.remove()
    assert built.cloud.buckets[DATA_BUCKET].objects == 3
    assert "left alone, because they do not carry this pipeline's tags" in built.cluster.events[-1].message


def test_a_results_bucket_of_somebody_else_is_never_part_of_a_deletion(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.buckets["theirs"] = FakeBucket({}, objects=3)
    pipeline.create(results={"bucket": {"name": "theirs"}}, deletion={"policy": "Delete"})
    pipeline.reconcile()
    pipeline.annotate(CONFIRM_PURGE, "theirs")
    pipeline.remove()
    assert pipeline.cloud.buckets == {"theirs": FakeBucket({}, objects=3)}


@pytest.mark.parametrize(
    "spec",
    [{}, {"processor": 3}, {"deletion": "x"}, {"deletion": {"policy": 3}}, {"source": {"bucket": {"name": 5}}}],
    ids=str,
)
def test_a_pipeline_with_an_invalid_spec_can_be_deleted(built: PipelineUnderTest, spec: dict[str, Any]) -> None:
    built.body["spec"] = spec
    built.remove()
    assert built.verbs[1:] == ["destroy"]
    assert built.cloud.buckets.keys() == {DATA_BUCKET}


@pytest.mark.parametrize("policy", ["RetainData", "Delete", "Retain"])
def test_a_pipeline_without_a_status_is_looked_for_by_its_deterministic_names(
    pipeline: PipelineUnderTest, policy: str
) -> None:
    pipeline.create(deletion={"policy": policy})
    pipeline.remove()
    assert pipeline.verbs == ["forget" if policy == "Retain" else "destroy"], "the status may have been lost"


def test_a_pipeline_whose_status_was_lost_leaves_nothing_behind(built: PipelineUnderTest) -> None:
    built.change(deletion={"policy": "Delete"})
    built.body["status"] = {}
    built.remove()
    assert not built.engine.stacks
    assert not built.cloud.buckets


def test_a_status_of_another_version_still_names_the_stack(built: PipelineUnderTest) -> None:
    built.body["status"]["operation"] = {"type": "Nope"}
    built.remove()
    assert not built.engine.stacks


def test_a_pipeline_that_was_refused_a_foreign_bucket_can_be_deleted(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.buckets["shared"] = FakeBucket({"o": "x"}, objects=7)
    pipeline.create(source={"bucket": {"name": "shared"}}, deletion={"policy": "Delete"})
    pipeline.reconcile()
    pipeline.annotate(CONFIRM_PURGE, "shared")
    pipeline.remove()
    assert pipeline.cloud.buckets["shared"].objects == 7


def test_a_suspended_pipeline_can_be_deleted(built: PipelineUnderTest) -> None:
    built.change(reconcile={"suspend": True})
    built.reconcile()
    built.remove()
    assert built.verbs[1:] == ["destroy"]


def test_a_creation_that_was_interrupted_can_be_deleted(pipeline: PipelineUnderTest) -> None:
    pipeline.create(deletion={"policy": "Delete"})
    pipeline.crash()
    pipeline.remove()
    assert pipeline.cloud.buckets == {}
    assert not pipeline.engine.stacks


@pytest.mark.parametrize("policy", ["RetainData", "Delete", "Retain"])
@pytest.mark.parametrize("error", ENGINE_ERRORS, ids=lambda e: e.__name__)
def test_whatever_the_engine_raises_a_deletion_is_only_still_under_way(
    built: PipelineUnderTest, error: type[PipelineError], policy: str
) -> None:
    built.change(deletion={"policy": policy})
    # After AccessDenied the engine reads first what is there, because IAM says the same of what is gone.
    twice = error is AccessDenied and policy != "Retain"
    built.engine.failures += [error("it did not work")] * (2 if twice else 1)
    refusal = built.refused_removal()
    assert str(refusal) == "it did not work"
    assert refusal.delay_seconds > 0
    assert built.conditions["Ready"] == ("False", "Deleting")
    assert DATA_BUCKET in built.cloud.buckets
    built.remove()
    assert not built.engine.stacks


def test_a_deletion_that_goes_on_failing_is_never_given_up_and_announced_once(built: PipelineUnderTest) -> None:
    built.engine.failures += [UpdateFailed("no")] * (BACKOFF.maximum + 2)
    delays = [built.refused_removal().delay_seconds for _ in range(BACKOFF.maximum + 2)]
    assert delays == sorted(delays)
    assert built.events.count(Reason.RETRYING_AFTER_FAILURE) == 1
    assert built.status.last_operation is not None
    assert built.status.last_operation.failures == BACKOFF.maximum + 2
    built.remove()
    assert not built.engine.stacks


def test_a_deletion_that_was_interrupted_is_finished(built: PipelineUnderTest) -> None:
    built.engine.failures.append(Crash())
    with pytest.raises(Crash):
        built.remove()
    built.restart()
    built.remove()
    assert not built.engine.stacks


def test_another_object_of_the_name_is_never_taken_down(built: PipelineUnderTest) -> None:
    """The deletion waited for a worker. Meanwhile the finalizer was removed by hand and the manifest was applied again."""
    built.body["metadata"]["uid"] = "uid-2"
    with built.no_engine_call():
        built.reconciler.remove(built.key, "uid-1")
    built.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    with built.no_engine_call():
        built.reconciler.remove(built.key, "uid-1")
    built.reconciler.remove(built.key, "uid-2")
    assert not built.engine.stacks


def test_a_role_that_is_gone_does_not_hold_a_deletion_up(built: PipelineUnderTest) -> None:
    """IAM answers AccessDenied for it, because the right is limited by the path of a role, and an absent one has no path."""
    (live,) = built.cloud.live.values()
    del live["role"]
    built.remove()
    assert [call.refreshed for call in built.engine.calls[-2:]] == [False, True]
    assert not built.engine.stacks


def test_a_deletion_that_was_interrupted_reads_first_what_is_there(built: PipelineUnderTest) -> None:
    built.engine.failures.append(Crash())
    with pytest.raises(Crash):
        built.remove()
    built.restart()
    built.remove()
    assert built.last_call.refreshed
    assert not built.engine.stacks
