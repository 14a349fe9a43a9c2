"""The use case against the fakes: the next operator finishes what one that died left half done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from ingestion_operator.errors import DiskFull, PipelineError, StateHealed
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import DATA_BUCKET, INLINE, PipelineUnderTest
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
    pipeline.cloud.left = {"role": "r"}
    pipeline.reconcile(timedelta(seconds=400))
    assert pipeline.last_call.update.refresh
    assert pipeline.last_call.update.adopt == {"source-bucket": DATA_BUCKET, "role": "r"}
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    pipeline.change(tags={})
    pipeline.reconcile()
    assert not pipeline.last_call.update.refresh, "once is enough"


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
