"""The use case against the fakes: old runtimes and wide rights are reported as advice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fakes import Announcement
from ingestion_operator.errors import (
    UpdateFailed,
)
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import INLINE, PipelineUnderTest
from unit.reconcile_fixtures import HOUR, pipeline

__all__ = ["pipeline"]


def test_an_old_runtime_is_warned_of(pipeline: PipelineUnderTest) -> None:
    pipeline.create(processor={**INLINE, "runtime": "python3.10"})
    pipeline.reconcile()
    old = (
        "processor.runtime python3.10 was deprecated by AWS on 2026-10-31, and its functions cannot be updated from 2027-03-03 on: "
        "move to python3.11"
    )
    assert Announcement(Reason.RUNTIME_DEPRECATED, old, warning=True) in pipeline.cluster.events
    assert pipeline.message("Ready").endswith(f"; note: {old}")
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")

    pipeline.reconcile()
    assert pipeline.events.count(Reason.RUNTIME_DEPRECATED) == 1
    assert pipeline.message("Ready").endswith(f"; note: {old}")


# Runtimes.

OLD_RUNTIME = {**INLINE, "runtime": "python3.10"}
CREATION_BLOCKED, UPDATE_BLOCKED = datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 3, 3, tzinfo=UTC)


def test_a_runtime_that_aws_blocked_is_refused_for_a_new_pipeline(pipeline: PipelineUnderTest) -> None:
    pipeline.now = CREATION_BLOCKED
    pipeline.create(processor=OLD_RUNTIME)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "SpecInvalid")
    assert pipeline.message("Stalled") == (
        "processor.runtime python3.10 has been blocked by AWS since 2027-02-01: write python3.11"
    )
    pipeline.change(processor=INLINE)
    pipeline.reconcile()
    assert pipeline.is_ready


@pytest.mark.parametrize(
    ("today", "allowed"),
    [(CREATION_BLOCKED, True), (UPDATE_BLOCKED - timedelta(seconds=1), True), (UPDATE_BLOCKED, False)],
    ids=["creations are blocked", "the last second of updates", "updates are blocked"],
)
def test_a_runtime_that_aws_blocked_is_taken_for_an_existing_pipeline_while_it_can_be_updated(
    pipeline: PipelineUnderTest, today: datetime, allowed: bool
) -> None:
    pipeline.build(processor=OLD_RUNTIME)
    pipeline.now = today
    pipeline.change(tags={"team": "search"})
    pipeline.reconcile()
    assert pipeline.verbs == ["update"] * (2 if allowed else 1)
    assert pipeline.is_ready is allowed
    assert ("Stalled" in pipeline.conditions) is not allowed


def test_a_first_creation_that_failed_does_not_make_a_pipeline_an_existing_one(pipeline: PipelineUnderTest) -> None:
    pipeline.engine.failures.append(UpdateFailed("no"))
    pipeline.create(processor=OLD_RUNTIME)
    pipeline.reconcile()
    pipeline.now = CREATION_BLOCKED
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "SpecInvalid")


# Advice.


def test_a_right_on_everything_is_said_once_and_stays_in_the_condition_until_it_is_narrowed(
    pipeline: PipelineUnderTest,
) -> None:
    wild = {**INLINE, "permissions": [{"actions": ["textract:DetectDocumentText"], "resources": ["*"]}]}
    said = "processor.permissions allows textract:DetectDocumentText on every resource: name the ARNs"
    pipeline.build(processor=wild)
    assert [(e.message, e.warning) for e in pipeline.cluster.events if e.reason is Reason.WILDCARD_PERMISSION] == [
        (said, True)
    ]
    pipeline.tick(HOUR)
    pipeline.reconcile()
    assert pipeline.events.count(Reason.WILDCARD_PERMISSION) == 1
    assert pipeline.message("Ready").endswith(f"; note: {said}")
    assert pipeline.is_ready

    narrow = {"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:jobs"]}
    pipeline.change(processor={**INLINE, "permissions": [narrow]})
    pipeline.reconcile()
    assert "note" not in pipeline.message("Ready")


def test_two_pieces_of_advice_stand_beside_each_other(pipeline: PipelineUnderTest) -> None:
    wild = {"permissions": [{"actions": ["textract:DetectDocumentText"], "resources": ["*"]}]}
    pipeline.build(processor={**OLD_RUNTIME, **wild})
    assert pipeline.message("Ready").count("; note: ") == 2
    assert pipeline.events == [Reason.CREATED, Reason.RUNTIME_DEPRECATED, Reason.WILDCARD_PERMISSION]
