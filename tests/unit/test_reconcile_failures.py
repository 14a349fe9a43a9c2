"""The use case against the fakes: what fails is retried, waited for or reported."""

from __future__ import annotations

from datetime import timedelta

from fakes import Announcement
from ingestion_operator.errors import (
    CredentialsMissing,
    LockHeld,
    UpdateFailed,
)
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import BACKOFF, LONGEST_BACKOFF, PipelineUnderTest
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]


def test_a_failure_is_tried_again_at_the_time_that_it_says(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.engine.failures.append(UpdateFailed("role: Throttling"))
    pipeline.reconcile()

    assert pipeline.conditions == {"Ready": ("False", "Failed"), "Reconciling": ("True", "RetryingAfterFailure")}
    due = pipeline.status.next_check_time
    assert due is not None
    assert timedelta(seconds=6) <= due - pipeline.now <= timedelta(seconds=8)
    with pipeline.no_engine_call():
        pipeline.reconcile()
        pipeline.tick(timedelta(seconds=5))
    pipeline.tick(due - pipeline.now)
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    assert pipeline.last_call.refreshed, "a creation that failed may have left what the state does not know"
    assert pipeline.last_call.update.create


def test_a_failure_is_announced_once_however_often_it_comes(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.engine.failures += [UpdateFailed("role: Throttling"), UpdateFailed("role: Throttling")]
    pipeline.reconcile()
    pipeline.tick(LONGEST_BACKOFF)
    pipeline.tick(LONGEST_BACKOFF)
    assert pipeline.events == [Reason.RETRYING_AFTER_FAILURE, Reason.CREATED]
    assert pipeline.cluster.events[0] == Announcement(Reason.RETRYING_AFTER_FAILURE, "role: Throttling", warning=True)


def test_retries_end_and_begin_again_when_somebody_asks(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.engine.failures += [UpdateFailed("no")] * BACKOFF.maximum
    pipeline.reconcile()
    for _ in range(BACKOFF.maximum - 1):
        pipeline.tick(LONGEST_BACKOFF)

    assert pipeline.conditions["Stalled"] == ("True", "RetriesExhausted")
    with pipeline.no_engine_call():
        pipeline.tick(timedelta(days=1))
        pipeline.reconcile()
    pipeline.annotate(RECONCILE_REQUESTED_AT, "now")
    pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_does_not_wait_for_the_time_of_a_retry(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.engine.failures.append(UpdateFailed("no"))
    pipeline.reconcile()
    pipeline.change(tags={"team": "search"})
    pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_that_failed_and_is_taken_back_is_looked_after(built: PipelineUnderTest) -> None:
    built.engine.failures.append(UpdateFailed("no"))
    built.change(tags={"team": "search"})
    built.reconcile()
    built.change(tags={})
    built.reconcile()
    assert built.last_call.refreshed
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_a_held_lock_is_waited_for(built: PipelineUnderTest) -> None:
    built.engine.failures.append(LockHeld("somebody else"))
    built.change(tags={"team": "search"})
    built.reconcile()
    assert built.conditions["Reconciling"] == ("True", "LockHeld")
    built.tick(timedelta(seconds=15))
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_what_is_applied_but_not_yet_to_be_seen_is_not_ready(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.cloud.faults.append(("rule r is not enabled",))
    pipeline.reconcile()
    assert pipeline.conditions["Reconciling"] == ("True", "Propagating")
    assert pipeline.conditions["Ready"][0] == "False"
    pipeline.tick(timedelta(seconds=15))
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_missing_credentials_are_reported_and_asked_for_again(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.cloud.failures.append(CredentialsMissing("no credentials"))
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "CredentialsMissing")
    pipeline.tick(timedelta(seconds=15))
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_a_pipeline_that_worked_comes_back_after_an_outage_of_a_month(built: PipelineUnderTest) -> None:
    outage = UpdateFailed("no such host")
    built.engine.failures += [outage] * 1000
    built.tick(timedelta(hours=1))
    end = built.now + timedelta(days=30)
    while built.now < end:
        due = built.status.next_check_time
        assert due is not None
        assert due - built.now <= timedelta(hours=1)
        built.tick(due - built.now)
    built.restart()
    attempts = 1000 - len(built.engine.failures)
    assert attempts >= 30 * 24
    built.engine.failures.clear()
    built.tick(timedelta(hours=1))
    assert built.is_ready


def test_a_pipeline_that_an_older_operator_gave_up_although_it_had_worked_comes_back(
    built: PipelineUnderTest,
) -> None:
    last = {
        "result": "Failed",
        "failures": BACKOFF.maximum,
        "reason": "RetryingAfterFailure",
        "message": "no such host",
    }
    built.body["status"]["lastOperation"] |= last
    built.reconcile()
    assert built.last_call.refreshed
    assert built.is_ready
