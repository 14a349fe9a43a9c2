"""An operator takes over an earlier pod's lock only when that pod is certainly gone, however often the operator has to ask."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion_operator.errors import LockHeld, UpdateFailed
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.ports.engine import Scope
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import DATA_BUCKET, LONGEST_BACKOFF, PipelineUnderTest
from unit.reconcile_fixtures import DELETE

FIRST = Pod("system", "operator-abc-1", "uid-1")
SECOND = Pod("system", "operator-abc-2", "uid-2")


HELD = "created by ingestion@operator-abc-1"


@pytest.fixture
def pipeline() -> PipelineUnderTest:
    """The first pod died during an update of the pipeline, and Kubernetes has it no longer. Now the second pod runs."""
    made = PipelineUnderTest()
    made.context.pod = FIRST
    made.cluster.pods = {FIRST, SECOND}
    made.build()
    assert holders(made) == []
    made.change(tags={"team": "search"})
    made.crash()
    assert holders(made) == [str(FIRST)]
    assert made.status.operation
    assert made.status.operation.pod == str(FIRST)
    made.context.pod = SECOND
    made.cluster.pods.discard(FIRST)
    return made


def holders(pipeline: PipelineUnderTest) -> list[str]:
    assert pipeline.status.workings
    return [entry.pod for entry in pipeline.status.workings.unfinished.values()]


def test_the_lock_of_a_pod_that_is_gone_may_be_broken(pipeline: PipelineUnderTest) -> None:
    pipeline.reconcile()
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)
    assert pipeline.is_ready
    assert holders(pipeline) == []


def test_a_pod_that_exists_is_waited_for_and_named(pipeline: PipelineUnderTest) -> None:
    pipeline.cluster.pods.add(FIRST)
    with pipeline.no_engine_call():
        for _ in range(3):
            pipeline.tick(timedelta(seconds=60))
            pipeline.reconcile()
    assert pipeline.conditions["Reconciling"] == ("True", "LockHeld")
    assert "operator pod system/operator-abc-1 " in pipeline.message("Reconciling")
    assert pipeline.events.count(Reason.LOCK_HELD) == 1
    assert holders(pipeline) == [str(FIRST)]

    pipeline.cluster.pods.discard(FIRST)
    pipeline.tick(timedelta(seconds=15))
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)
    assert pipeline.is_ready


def test_a_pod_that_cannot_be_looked_up_may_have_the_lock_which_the_engine_finds_out(
    pipeline: PipelineUnderTest,
) -> None:
    pipeline.cluster.is_blind = True
    pipeline.reconcile()
    assert pipeline.last_call.stack.departed == ()
    assert pipeline.is_ready


def test_it_is_remembered_until_an_operation_with_the_lock_has_ended(pipeline: PipelineUnderTest) -> None:
    """A held lock and a call to AWS that fails before the engine begins leave the record as it is."""
    for _ in range(2):
        pipeline.engine.failures.append(LockHeld(HELD))
        pipeline.tick(timedelta(seconds=60))
        pipeline.reconcile()
        assert pipeline.conditions["Reconciling"] == ("True", "LockHeld")
        assert holders(pipeline) == [str(FIRST)]
    pipeline.tick(timedelta(seconds=60))
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)
    assert pipeline.last_call.update.scope is Scope.LEFTOVERS
    assert holders(pipeline) == []
    assert pipeline.is_ready


def test_a_failure_with_the_lock_ends_the_record_and_the_next_attempt_is_as_thorough(
    pipeline: PipelineUnderTest,
) -> None:
    pipeline.engine.failures.append(UpdateFailed("no"))
    pipeline.reconcile()
    assert holders(pipeline) == []
    pipeline.tick(LONGEST_BACKOFF)
    assert pipeline.last_call.update.scope is Scope.LEFTOVERS
    assert pipeline.is_ready


def test_what_the_pod_itself_left_is_judged_by_its_processes(pipeline: PipelineUnderTest) -> None:
    pipeline.context.pod = FIRST
    pipeline.reconcile()
    assert pipeline.last_call.stack.departed == ()
    assert pipeline.is_ready


def test_a_deletion_takes_over_too(pipeline: PipelineUnderTest) -> None:
    pipeline.engine.failures.append(LockHeld(HELD))
    pipeline.refused_removal()
    assert holders(pipeline) == [str(FIRST)]
    pipeline.remove()
    assert (pipeline.last_call.verb, pipeline.last_call.refreshed) == ("destroy", True)
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)


def test_a_question_about_data_does_not_erase_who_may_hold_the_lock(pipeline: PipelineUnderTest) -> None:
    pipeline.change(deletion=DELETE)
    pipeline.cloud.buckets[DATA_BUCKET].objects = 1
    pipeline.refused_removal()
    assert pipeline.conditions["Stalled"] == ("True", "BucketNotEmpty")
    assert holders(pipeline) == [str(FIRST)]
    pipeline.annotate(CONFIRM_PURGE, DATA_BUCKET)
    pipeline.remove()
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)


@pytest.mark.parametrize("policy", ["Delete", "RetainData", "Retain"])
def test_a_deletion_waits_for_a_pod_that_exists_and_says_so(pipeline: PipelineUnderTest, policy: str) -> None:
    pipeline.cluster.pods.add(FIRST)
    pipeline.change(deletion={"policy": policy})
    before = pipeline.status
    with pipeline.no_engine_call():
        refusals = [pipeline.refused_removal() for _ in range(2)]
    assert all("operator pod system/operator-abc-1 " in str(refusal) for refusal in refusals)
    assert pipeline.conditions["Reconciling"] == ("True", "LockHeld")
    assert (pipeline.status.operation, pipeline.status.last_operation) == (before.operation, before.last_operation)
    assert holders(pipeline) == [str(FIRST)]
    pipeline.cluster.pods.discard(FIRST)
    pipeline.remove()
    assert not pipeline.engine.stacks


def test_of_two_pods_for_a_moment_neither_deletes_nor_forgets_what_the_other_does() -> None:
    """A drain: the new pod works on the same pipeline while the old one is in the middle of an update."""
    made = PipelineUnderTest()
    made.context.pod = FIRST
    made.cluster.pods = {FIRST, SECOND}
    made.build()
    other = made.neighbour(made.key.name)
    other.context.pod = SECOND
    made.change(processor={"code": {"inline": "def handler(event, context): return 2"}})
    calls = len(made.engine.calls)
    seen: list[list[str]] = []

    def meanwhile() -> None:
        other.reconcile()
        seen.append(holders(made))

    made.engine.during = meanwhile
    made.reconcile()
    assert len(made.engine.calls) == calls + 1
    assert seen == [[str(FIRST)]]
    assert made.is_ready
    assert holders(made) == []


def test_an_operator_outside_of_a_cluster_leaves_no_name() -> None:
    made = PipelineUnderTest()
    made.build()
    made.change(tags={"team": "search"})
    made.crash()
    assert holders(made) == [""]
    made.reconcile()
    assert made.last_call.stack.departed == ()
    assert made.is_ready


@pytest.mark.parametrize("text", ["", "a", "a/b", "a/b/", "a/b/c/d"])
def test_what_is_no_pod_is_none(text: str) -> None:
    assert Pod.parse(text) is None


def test_a_pod_is_read_as_it_is_written_and_its_host_name_has_no_more_than_63_characters() -> None:
    assert Pod.parse(str(FIRST)) == FIRST
    assert Pod("n", "a" * 62 + "-bcd", "u").host == "a" * 62
