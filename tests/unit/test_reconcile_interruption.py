"""The use case against the fakes: the next operator finishes what one that died left half done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ingestion_operator.errors import Interrupted, UpdateFailed
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from unit.pipeline_under_test import BACKOFF, DATA_BUCKET, INLINE, PipelineUnderTest
from unit.reconcile_fixtures import WITH_TABLE, built, pipeline

__all__ = ["built", "pipeline"]


def test_a_creation_that_the_operator_did_not_survive_is_finished_by_the_next(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.cloud.left = {"role": "r"}
    pipeline.crash()
    assert pipeline.status.operation is not None
    pipeline.reconcile()
    request = pipeline.last_call.update
    assert (request.create, request.refresh) == (True, True)
    assert request.adopt == {"source-bucket": DATA_BUCKET, "role": "r"}
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    assert pipeline.status.operation is None


def test_a_change_that_the_operator_did_not_survive_is_finished_by_the_next(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.reconcile()
    assert (built.last_call.update.create, built.last_call.update.refresh) == (False, True)
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_that_was_interrupted_and_taken_back_is_looked_after(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.change(tags={})
    built.reconcile()
    assert built.last_call.update.refresh
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_an_interrupted_operation_is_remembered_while_the_spec_is_wrong(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.change(tags={}, processor={**INLINE, "memoryMiB": 1})
    built.reconcile()
    built.change(processor=INLINE)
    built.reconcile()
    assert built.last_call.update is not None
    assert built.last_call.update.refresh


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
    assert built.last_call.update.refresh


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
    pipeline: PipelineUnderTest,
) -> None:
    """A leftover function is deleted, and its waiting events with it. A function that works is not a leftover."""
    pipeline.build()
    asked: list[tuple[str, ...]] = []
    leave = pipeline.cloud.claim_leftovers

    def record(blueprint: Any) -> Mapping[str, str]:
        asked.append(tuple(r.name for r in blueprint.resources))
        return leave(blueprint)

    pipeline.cloud.claim_leftovers = record  # type: ignore[method-assign]
    pipeline.annotate(RECONCILE_REQUESTED_AT, "now")
    pipeline.crash()
    pipeline.reconcile()
    assert pipeline.is_ready
    assert pipeline.last_call.update.refresh
    (names,) = asked
    assert names == ()


def test_an_interrupted_exchange_of_the_code_may_have_left_another_function(pipeline: PipelineUnderTest) -> None:
    pipeline.build()
    asked: list[tuple[str, ...]] = []

    def record(blueprint: Any) -> Mapping[str, str]:
        asked.append(tuple(r.name for r in blueprint.resources))
        return {}

    pipeline.cloud.claim_leftovers = record  # type: ignore[method-assign]
    pipeline.change(processor={"code": {"inline": "def handler(event, context): return 1"}}, **WITH_TABLE)
    pipeline.crash()
    pipeline.reconcile()
    assert pipeline.is_ready
    assert asked == [("results-table", "function")]
