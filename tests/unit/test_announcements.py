"""A warning Event is new by its reason and its whole message, for as long as it is true."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion_operator.errors import AccessDenied, TrailMissing, UpdateFailed
from ingestion_operator.model.status import Status
from ingestion_operator.observe.advice import Advice
from ingestion_operator.reasons import Reason
from ingestion_operator.status.announcements import mark_of, warned
from ingestion_operator.wording import MESSAGE_LIMIT
from unit.pipeline_under_test import PipelineUnderTest
from unit.reconcile_fixtures import pipeline

__all__ = ["pipeline"]

LONG = "x" * MESSAGE_LIMIT
DENIED = AccessDenied("no")
ADVICE = Advice(Reason.WILDCARD_PERMISSION, "name the ARNs")


def marks(status: Status) -> tuple[str, ...] | None:
    """The remarks that a status remembers."""
    return status.workings.warned if status.workings else None


def test_a_remark_is_new_once() -> None:
    first = warned(Status(), Status(), (DENIED,))
    assert first.new == (DENIED,)
    again = warned(first.status, Status(), (AccessDenied("no"),))
    assert again.new == ()
    assert marks(again.status) == marks(first.status) == (mark_of(DENIED),)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(AccessDenied("no, still"), id="a longer message that begins the same"),
        pytest.param(AccessDenied("n"), id="a message that is a part of the first"),
        pytest.param(TrailMissing("no"), id="another reason with the same message"),
    ],
)
def test_another_reason_or_message_is_new(other: AccessDenied) -> None:
    first = warned(Status(), Status(), (DENIED,))
    assert warned(first.status, Status(), (other,)).new == (other,)


def test_messages_that_differ_only_where_a_condition_cuts_them_off_are_two() -> None:
    one, other = AccessDenied(LONG + "1"), AccessDenied(LONG + "2")
    first = warned(Status(), Status(), (one,))
    assert warned(first.status, Status(), (one,)).new == ()
    assert warned(first.status, Status(), (other,)).new == (other,)


def test_what_is_true_no_more_is_forgotten_and_new_when_it_returns() -> None:
    first = warned(Status(), Status(), (DENIED, ADVICE))
    mended = warned(first.status, Status(), (ADVICE,))
    assert mended.new == ()
    assert marks(mended.status) == (mark_of(ADVICE),)
    assert warned(mended.status, Status(), (DENIED,)).new == (DENIED,)


def test_advice_that_is_still_true_is_not_repeated_after_a_failure() -> None:
    first = warned(Status(), Status(), (ADVICE,))
    failed = warned(first.status, Status(), (DENIED,), still_true=(ADVICE,))
    assert failed.new == (DENIED,)
    assert warned(failed.status, Status(), (ADVICE,)).new == ()


def test_advice_that_was_never_given_is_not_remembered_by_a_failure() -> None:
    failed = warned(Status(), Status(), (DENIED,), still_true=(ADVICE,))
    assert marks(failed.status) == (mark_of(DENIED),)


def test_the_same_remark_twice_is_one_event() -> None:
    assert warned(Status(), Status(), (ADVICE, ADVICE)).new == (ADVICE,)


def test_a_failure_whose_message_is_too_long_for_a_condition_is_one_event(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    for _ in range(2):
        pipeline.engine.failures.append(UpdateFailed(LONG + " in the end"))
        pipeline.reconcile(after=timedelta(minutes=10))
    assert pipeline.status.last_operation
    assert pipeline.status.last_operation.failures == 2
    assert pipeline.events == [Reason.RETRYING_AFTER_FAILURE]


def test_a_failure_that_returns_after_a_success_is_a_new_event(pipeline: PipelineUnderTest) -> None:
    pipeline.build()
    for number in range(2):
        pipeline.change(tags={"number": str(number)})
        pipeline.engine.failures.append(UpdateFailed("no"))
        pipeline.reconcile(after=timedelta(minutes=10))
        pipeline.reconcile(after=timedelta(minutes=10))
        assert pipeline.is_ready
    assert pipeline.events.count(Reason.RETRYING_AFTER_FAILURE) == 2


def test_a_failure_that_is_still_there_after_a_suspension_is_a_new_event(pipeline: PipelineUnderTest) -> None:
    pipeline.create(processor={"code": {"configMapRef": {"name": "absent"}}})
    pipeline.reconcile()
    pipeline.change(reconcile={"suspend": True})
    pipeline.reconcile()
    assert marks(pipeline.status) is None
    pipeline.change(reconcile={"suspend": False})
    for _ in range(2):
        pipeline.reconcile()
    assert pipeline.events == [Reason.DEPENDENCY_NOT_READY] * 2
