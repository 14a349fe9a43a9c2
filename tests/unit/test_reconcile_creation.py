"""The use case against the fakes: a pipeline is created, left alone and changed."""

from __future__ import annotations

from datetime import timedelta

from builders import KEY, OWNER
from ingestion_operator.model.status import Status
from ingestion_operator.ports.engine import Scope
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import DATA_BUCKET, PipelineUnderTest
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]


def test_a_new_pipeline_is_built_and_says_so(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.reconcile()

    assert pipeline.conditions == {"Ready": ("True", "Provisioned"), "Synced": ("True", "InSync")}
    assert pipeline.events == [Reason.CREATED]
    assert (pipeline.last_call.update.create, pipeline.last_call.update.scope) == (True, Scope.LEFTOVERS)
    status = pipeline.status
    assert status.observed_generation == 1
    assert status.operation is None
    assert status.outputs is not None
    assert status.outputs.bucket_name == DATA_BUCKET
    assert [r.name for r in status.resources] == [r.name for r in pipeline.last_call.update.blueprint.resources]
    assert pipeline.cloud.buckets[DATA_BUCKET].tags == OWNER.tags()


def test_what_a_deletion_needs_is_written_before_the_engine_is_first_called(pipeline: PipelineUnderTest) -> None:
    seen: list[Status] = []
    pipeline.engine.during = lambda: seen.append(pipeline.status)
    pipeline.create()
    pipeline.reconcile()

    assert seen[0].workings is not None
    assert (seen[0].workings.name, seen[0].workings.data_buckets) == (pipeline.last_call.stack.name, (DATA_BUCKET,))
    assert seen[0].operation is not None


def test_progress_is_written_while_it_goes_on(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.reconcile()
    progress = [p["operation"].get("progress") for p in pipeline.cluster.patches if p.get("operation")]
    total = len(pipeline.last_call.update.blueprint.resources)
    assert (progress[1], progress[-1]) == (f"0/{total}", f"{total}/{total}")


def test_an_unchanged_pipeline_costs_no_engine_call_and_no_write(built: PipelineUnderTest) -> None:
    patches = len(built.cluster.patches)
    with built.no_engine_call():
        for _ in range(3):
            built.reconcile(timedelta(seconds=60))
    assert len(built.cluster.patches) == patches


def test_a_pipeline_that_is_gone_is_nothing_to_do(pipeline: PipelineUnderTest) -> None:
    with pipeline.no_engine_call():
        pipeline.reconciler.reconcile(KEY)
        pipeline.reconciler.remove(KEY, "uid-1")


def test_a_pipeline_that_is_being_deleted_is_left_to_its_removal(built: PipelineUnderTest) -> None:
    built.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    built.change(tags={"team": "search"})
    with built.no_engine_call():
        built.reconcile()


# Change.


def test_a_change_is_applied(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.reconcile()

    assert (built.last_call.update.create, built.last_call.update.scope) == (False, Scope.CHANGES)
    assert built.events[-1] is Reason.UPDATED
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.status.observed_generation == 2
    assert built.cloud.buckets.keys() == {DATA_BUCKET}


def test_a_change_that_does_not_reach_aws_costs_no_engine_call(built: PipelineUnderTest) -> None:
    built.change(deletion={"policy": "Delete"})
    with built.no_engine_call():
        built.reconcile()
    assert built.status.observed_generation == 2
    assert {c.observed_generation for c in built.status.conditions if c.type == "Ready"} == {2}


def test_the_stack_keeps_the_name_that_the_status_says(built: PipelineUnderTest) -> None:
    built.body["status"]["workings"]["name"] = "as-an-older-version-named-it"
    built.engine.stacks["as-an-older-version-named-it"] = built.engine.stacks.popitem()[1]
    built.change(tags={"team": "search"})
    built.reconcile()
    assert built.last_call.stack.name == "as-an-older-version-named-it"


def test_a_bucket_once_made_is_remembered_when_the_spec_no_longer_names_it(pipeline: PipelineUnderTest) -> None:
    pipeline.create(results={"bucket": {}})
    pipeline.reconcile()
    assert pipeline.status.workings is not None
    both = pipeline.status.workings.data_buckets
    pipeline.body["spec"].pop("results")
    pipeline.change()
    pipeline.reconcile()
    assert len(both) == 2
    assert pipeline.status.workings.data_buckets == both


def test_a_lost_state_is_never_taken_for_a_new_stack(built: PipelineUnderTest) -> None:
    built.engine.stacks.clear()
    built.change(tags={"team": "search"})
    built.reconcile()
    assert built.conditions["Stalled"] == ("True", "StateUnreadable")
    assert not built.engine.stacks
