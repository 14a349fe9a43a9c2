"""The use case against the fakes: the next operator finishes what one that died left half done."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import DiskFull, Interrupted, LockHeld, PipelineError, StateHealed, UpdateFailed
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT, PipelineKey
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import BACKOFF, DATA_BUCKET, INLINE, LONGEST_BACKOFF, PipelineUnderTest
from unit.reconcile_fixtures import WITH_TABLE, built, pipeline

__all__ = ["built", "pipeline"]


def test_a_creation_that_the_operator_did_not_survive_is_finished_by_the_next(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.crash()
    assert pipeline.status.operation is not None
    # The operator died after AWS had made them, and before the state said so.
    (state,) = pipeline.engine.stacks.values()
    del state["source-bucket"], state["dead-letter-queue"]
    pipeline.reconcile()
    call = pipeline.last_call
    assert (call.update.create, call.refreshed) == (True, True)
    assert call.adopted == {"source-bucket": DATA_BUCKET, "dead-letter-queue": "dead-letter-queue-id"}
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    assert pipeline.status.operation is None


def test_a_change_that_the_operator_did_not_survive_is_finished_by_the_next(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.reconcile()
    assert (built.last_call.update.create, built.last_call.refreshed) == (False, True)
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_that_was_interrupted_and_taken_back_is_looked_after(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.change(tags={})
    built.reconcile()
    assert built.last_call.refreshed
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_an_interrupted_operation_is_remembered_while_the_spec_is_wrong(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.change(tags={}, processor={**INLINE, "memoryMiB": 1})
    built.reconcile()
    built.change(processor=INLINE)
    built.reconcile()
    assert built.last_call.update is not None
    assert built.last_call.refreshed


@pytest.mark.parametrize("error", [StateHealed("damaged"), DiskFull("no room")])
def test_after_an_operation_that_left_the_state_behind_the_next_compares_with_aws_and_adopts(
    pipeline: PipelineUnderTest, error: PipelineError
) -> None:
    pipeline.create()
    pipeline.reconcile()
    pipeline.change(tags={"team": "search"})
    pipeline.engine.failures.append(error)
    pipeline.reconcile()
    expected = Reason.PROGRESSING if isinstance(error, StateHealed) else Reason.FAILED
    assert pipeline.conditions["Ready"] == ("False", expected)
    assert pipeline.events[-1] == error.reason
    assert ("True", error.reason) in pipeline.conditions.values()
    (state,) = pipeline.engine.stacks.values()
    state.pop("role")
    pipeline.reconcile(timedelta(seconds=400))
    assert (pipeline.last_call.refreshed, pipeline.last_call.adopted) == (True, {"role": "role-id"})
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    pipeline.change(tags={})
    pipeline.reconcile()
    assert not pipeline.last_call.refreshed, "once is enough"


# A stop of the operator.


def test_an_update_that_the_operator_stopped_is_no_failure_and_the_next_operator_finishes_it(
    built: PipelineUnderTest,
) -> None:
    built.change(tags={"team": "search"})
    built.engine.failures.append(Interrupted("interrupted, because the operator stops"))
    with pytest.raises(Interrupted):
        built.reconcile()
    assert built.conditions["Reconciling"] == ("True", "Interrupted")
    assert built.message("Reconciling") == (
        "the operator stopped during the update; it goes on as soon as an operator runs again"
    )
    assert built.status.operation is not None
    assert built.status.last_operation is not None
    assert built.status.last_operation.failures == 0
    built.restart()
    built.reconcile()
    assert built.is_ready
    assert "Reconciling" not in built.conditions
    assert built.last_call.refreshed


def test_no_number_of_stops_makes_the_operator_give_up(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    for _ in range(BACKOFF.maximum + 1):
        built.engine.failures.append(Interrupted("interrupted, because the operator stops"))
        with pytest.raises(Interrupted):
            built.reconcile()
        built.restart()
    built.reconcile()
    assert built.is_ready


def test_a_look_that_the_operator_stopped_leaves_a_working_pipeline_ready(built: PipelineUnderTest) -> None:
    built.annotate(RECONCILE_REQUESTED_AT, "now")
    built.engine.failures.append(Interrupted("interrupted, because the operator stops"))
    with pytest.raises(Interrupted):
        built.reconcile()
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.conditions["Reconciling"] == ("True", "Interrupted")


def test_a_deletion_that_the_operator_stopped_says_so_and_is_finished_by_the_next(built: PipelineUnderTest) -> None:
    built.engine.failures.append(Interrupted("interrupted, because the operator stops"))
    with pytest.raises(Interrupted):
        built.remove()
    assert (built.conditions["Ready"], built.conditions["Reconciling"]) == (
        ("False", "Deleting"),
        ("True", "Interrupted"),
    )
    built.restart()
    built.remove()
    assert built.engine.stacks == {}


def test_a_stop_without_an_api_server_is_a_stop_all_the_same(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})

    def end(*_: object) -> None:
        built.cluster.unwritable = UpdateFailed("writing the status: 500")
        raise Interrupted("interrupted, because the operator stops")

    built.engine.during = end
    with pytest.raises(Interrupted):
        built.reconcile()
    assert built.status.operation is not None


# Interruption of a pipeline that works.


def test_an_interrupted_look_at_a_working_pipeline_takes_nothing_over_and_drops_nothing(
    built: PipelineUnderTest,
) -> None:
    built.annotate(RECONCILE_REQUESTED_AT, "now")
    built.crash()
    before = {name: dict(there) for name, there in built.cloud.live.items()}
    built.reconcile()
    assert built.is_ready
    assert (built.last_call.refreshed, built.last_call.adopted) == (True, {})
    assert built.cloud.live == before


def test_a_crash_in_an_edit_of_the_code_takes_the_live_function_over(built: PipelineUnderTest) -> None:
    """Its events wait in it, so it is never deleted."""
    built.change(processor={"code": {"inline": "def handler(event, context): return 2"}}, **WITH_TABLE)
    built.crash()
    (state,) = built.engine.stacks.values()
    for lost in ("function", "permission"):
        state.pop(lost, None)
    (live,) = built.cloud.live.values()
    assert "function" in live
    built.reconcile()
    assert built.is_ready
    assert built.last_call.adopted == {"function": "function-id", "permission": "permission-id"}


def test_a_call_that_fails_before_the_engine_erases_no_interruption(pipeline: PipelineUnderTest) -> None:
    """The account of the pipeline is being deleted, or AWS throttles: nothing was looked after yet."""
    pipeline.create()
    pipeline.crash()
    (state,) = pipeline.engine.stacks.values()
    del state["dead-letter-queue"]
    pipeline.engine.failures.append(LockHeld("somebody"))
    pipeline.reconcile()
    assert pipeline.status.workings
    assert len(pipeline.status.workings.unfinished) == 1
    claims = pipeline.cloud.claim_leftovers
    pipeline.cloud.claim_leftovers = throttled  # type: ignore[method-assign]
    pipeline.tick(LONGEST_BACKOFF)
    assert pipeline.conditions["Reconciling"] == ("True", "RetryingAfterFailure")
    pipeline.cloud.claim_leftovers = claims  # type: ignore[method-assign]
    pipeline.tick(LONGEST_BACKOFF)
    assert "dead-letter-queue" in pipeline.last_call.adopted
    assert pipeline.is_ready


def throttled(blueprint: Blueprint) -> Mapping[str, str]:
    raise UpdateFailed("looking for what an interrupted creation left: Throttling")


# The end of an operation is written, however often that takes.


@pytest.mark.parametrize("failure", [None, UpdateFailed("no")])
def test_the_end_of_an_operation_is_written_until_it_is_in(
    built: PipelineUnderTest, failure: UpdateFailed | None
) -> None:
    refusing(built, times=3)
    built.change(tags={"team": "search"})
    built.engine.failures += [failure] if failure else []
    built.reconcile()
    assert built.status.workings
    assert built.status.workings.unfinished == {}
    assert built.status.operation is None
    assert built.is_ready is (failure is None)


def test_an_operator_that_stops_leaves_the_end_to_the_next(built: PipelineUnderTest) -> None:
    refusing(built, times=1)
    built.context.stopping.set()
    built.change(tags={"team": "search"})
    with pytest.raises(UpdateFailed, match="leader changed"):
        built.reconcile()
    assert built.status.workings
    assert len(built.status.workings.unfinished) == 1
    built.reconcile()
    assert built.last_call.refreshed
    assert built.is_ready


def test_the_end_of_an_operation_on_a_pipeline_that_is_gone_is_nobodys(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.engine.during = built.cluster.pipelines_by_key.clear
    built.reconcile()


def test_progress_that_cannot_be_written_disturbs_no_operation(built: PipelineUnderTest) -> None:
    write = built.cluster.patch_status

    def patch_status(key: PipelineKey, patch: Mapping[str, Any]) -> None:
        if "progress" in (patch.get("operation") or {}) and "id" not in patch["operation"]:
            raise UpdateFailed("500 etcdserver: leader changed")
        write(key, patch)

    built.cluster.patch_status = patch_status  # type: ignore[method-assign]
    built.change(tags={"team": "search"})
    built.reconcile()
    assert built.is_ready
    assert built.status.operation is None


def refusing(built: PipelineUnderTest, times: int) -> None:
    """Refuse the next writes that end an operation. No pause between the attempts lasts."""
    write, left = built.cluster.patch_status, [UpdateFailed("500 etcdserver: leader changed")] * times
    built.context.stopping = Impatient()

    def patch_status(key: PipelineKey, patch: Mapping[str, Any]) -> None:
        if "lastOperation" in patch and left:
            raise left.pop()
        write(key, patch)

    built.cluster.patch_status = patch_status  # type: ignore[method-assign]


class Impatient(threading.Event):
    """An event for which nobody waits."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()
