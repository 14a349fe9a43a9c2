"""An operator takes over an earlier pod's lock only when that pod is certainly gone, however often the operator has to ask."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion_operator.errors import LockHeld, UpdateFailed
from ingestion_operator.ports.pod import Pod
from unit.pipeline_under_test import PipelineUnderTest

FIRST = Pod("system", "operator-abc-1", "uid-1")
SECOND = Pod("system", "operator-abc-2", "uid-2")


@pytest.fixture
def pipeline() -> PipelineUnderTest:
    """The first pod died during an update of the pipeline. Now the second pod runs."""
    made = PipelineUnderTest()
    made.context.pod = FIRST
    made.cluster.pods = {FIRST, SECOND}
    made.build()
    assert holder(made) == ""
    made.change(tags={"team": "search"})
    made.crash()
    assert holder(made) == str(FIRST)
    assert made.status.operation
    assert made.status.operation.pod == str(FIRST)
    made.context.pod = SECOND
    return made


def holder(pipeline: PipelineUnderTest) -> str:
    assert pipeline.status.workings
    return pipeline.status.workings.lock_holder


def test_the_lock_of_a_pod_that_is_gone_may_be_broken(pipeline: PipelineUnderTest) -> None:
    pipeline.cluster.pods.discard(FIRST)
    pipeline.reconcile()
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)
    assert pipeline.is_ready
    assert holder(pipeline) == ""


def test_a_pod_that_is_there_may_still_be_at_work(pipeline: PipelineUnderTest) -> None:
    pipeline.reconcile()
    assert pipeline.last_call.stack.departed == ()


def test_it_is_remembered_until_it_is_gone(pipeline: PipelineUnderTest) -> None:
    for _ in range(2):
        pipeline.engine.failures.append(LockHeld("created by ingestion@operator-abc-1"))
        pipeline.tick(timedelta(seconds=60))
        pipeline.reconcile()
        assert pipeline.conditions["Reconciling"] == ("True", "LockHeld")
        assert holder(pipeline) == str(FIRST)

    pipeline.cluster.pods.discard(FIRST)
    pipeline.tick(timedelta(seconds=60))
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)
    assert pipeline.is_ready


def test_an_operation_that_ends_in_another_failure_has_had_the_lock_and_released_it(
    pipeline: PipelineUnderTest,
) -> None:
    pipeline.engine.failures.append(UpdateFailed("no"))
    pipeline.reconcile()
    assert holder(pipeline) == ""


def test_what_the_pod_itself_left_is_judged_by_its_processes(pipeline: PipelineUnderTest) -> None:
    pipeline.context.pod = FIRST
    pipeline.cluster.pods.discard(FIRST)
    pipeline.reconcile()
    assert pipeline.last_call.stack.departed == ()


def test_a_deletion_takes_over_too(pipeline: PipelineUnderTest) -> None:
    pipeline.engine.failures.append(LockHeld("created by ingestion@operator-abc-1"))
    pipeline.refused_removal()
    assert holder(pipeline) == str(FIRST)

    pipeline.cluster.pods.discard(FIRST)
    pipeline.remove()
    assert pipeline.last_call.verb == "destroy"
    assert pipeline.last_call.stack.departed == ("operator-abc-1",)


def test_an_operator_outside_of_a_cluster_leaves_no_name() -> None:
    made = PipelineUnderTest()
    made.build()
    made.change(tags={"team": "search"})
    made.crash()
    assert holder(made) == ""
    made.reconcile()
    assert made.last_call.stack.departed == ()


@pytest.mark.parametrize("text", ["", "a", "a/b", "a/b/", "a/b/c/d"])
def test_what_is_no_pod_is_none(text: str) -> None:
    assert Pod.parse(text) is None


def test_a_pod_is_read_as_it_is_written_and_its_host_name_has_no_more_than_63_characters() -> None:
    assert Pod.parse(str(FIRST)) == FIRST
    assert Pod("n", "a" * 62 + "-bcd", "u").host == "a" * 62
