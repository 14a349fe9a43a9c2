"""What an error means for the status: one row for each outcome, and one way from a stored reason to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from builders import NOW, make_operation
from ingestion_operator.errors import (
    ERRORS,
    AccessDenied,
    BucketNotEmpty,
    DependencyNotReady,
    LockFate,
    LockHeld,
    Outcome,
    PipelineError,
    SpecInvalid,
    UpdateFailed,
    outcome_of,
)
from ingestion_operator.model.status import OperationResult, Status
from ingestion_operator.reasons import Reason
from ingestion_operator.status.conditions import Conditions, ConditionSet
from ingestion_operator.status.outcomes import TREATMENTS, after_failure, before_operation, still_failed
from ingestion_operator.status.schedule import Backoff, Timing
from unit.spec_strategies import planned

AT = Timing(NOW, 0.0, Backoff(base_seconds=5, cap_seconds=300, maximum=3, waiting_seconds=15))
BEFORE = ConditionSet(Status(), 1, NOW)


def leaves(kind: type[PipelineError]) -> Iterator[type[PipelineError]]:
    below = kind.__subclasses__()
    yield from (leaf for sub in below for leaf in leaves(sub)) if below else (kind,)


def said(conditions: Conditions) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status.value, c.reason) for c in conditions}


def test_every_error_that_can_be_raised_is_in_the_list() -> None:
    assert {kind.__name__ for kind in leaves(PipelineError)} == {kind.__name__ for kind in ERRORS}
    assert len({kind.reason for kind in ERRORS}) == len(ERRORS) - 1, "only the two transient errors share a reason"


@pytest.mark.parametrize("kind", ERRORS)
def test_the_stored_reason_leads_to_the_outcome_of_the_class(kind: type[PipelineError]) -> None:
    assert outcome_of(kind.reason) is kind.outcome


def test_a_reason_that_no_error_has_is_tried_again() -> None:
    assert outcome_of(Reason.FAILED) is Outcome.RETRIES


def test_every_outcome_has_a_treatment() -> None:
    assert set(TREATMENTS) == set(Outcome)


FAILURES = [
    pytest.param(DependencyNotReady("x"), 1, "Reconciling", 15, id="what waits is looked at soon"),
    pytest.param(DependencyNotReady("x"), 99, "Reconciling", 15, id="for as long as it takes"),
    pytest.param(BucketNotEmpty("x"), 1, "Reconciling", 15, id="data that holds something up waits too"),
    pytest.param(AccessDenied("x"), 1, "Stalled", 300, id="what stalls is looked at rarely"),
    pytest.param(SpecInvalid("x"), 1, "Stalled", 300, id="so is a spec that does not work"),
    pytest.param(UpdateFailed("x"), 1, "Reconciling", 5, id="what fails is tried again"),
    pytest.param(UpdateFailed("x"), 2, "Reconciling", 10, id="later and later"),
]


@pytest.mark.parametrize(("error", "failures", "condition", "seconds"), FAILURES)
def test_after_a_failed_operation(error: PipelineError, failures: int, condition: str, seconds: int) -> None:
    again, conditions = after_failure(error, failures, "x", BEFORE, AT, worked=False)
    assert said(conditions)[condition] == ("True", error.reason.value)
    assert again == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(("error", "failures", "condition", "seconds"), FAILURES)
def test_between_the_attempts_the_status_says_the_same(
    error: PipelineError, failures: int, condition: str, seconds: int
) -> None:
    again, conditions = after_failure(error, failures, "x", BEFORE, AT, worked=False)
    last = make_operation(OperationResult.FAILED, failures, again)
    last = last.model_copy(update={"reason": error.reason.value, "message": "x"})
    assert still_failed(last, BEFORE) == conditions


def test_retries_end_and_say_so_for_ever() -> None:
    again, conditions = after_failure(UpdateFailed("x"), AT.backoff.maximum, "x", BEFORE, AT, worked=False)
    assert again is None
    assert said(conditions)["Stalled"] == ("True", "RetriesExhausted")
    last = make_operation(OperationResult.FAILED, AT.backoff.maximum, None)
    last = last.model_copy(update={"reason": UpdateFailed.reason.value, "message": "x"})
    assert still_failed(last, BEFORE) == conditions


SPEC = planned({"processor": {"code": {"inline": "def handler(event, context): ..."}}}).spec


@pytest.mark.parametrize(
    ("problem", "readable", "expected", "seconds"),
    [
        pytest.param(DependencyNotReady("x"), True, {"Reconciling": "DependencyNotReady"}, 15, id="what is missing"),
        pytest.param(AccessDenied("x"), True, {"Stalled": "AccessDenied"}, 15, id="what is forbidden"),
        pytest.param(SpecInvalid("x"), True, {"Stalled": "SpecInvalid"}, 300, id="what does not fit"),
        pytest.param(SpecInvalid("x"), False, {"Stalled": "SpecInvalid"}, None, id="what cannot be read"),
        pytest.param(UpdateFailed("x"), True, {"Reconciling": "RetryingAfterFailure"}, 15, id="what does not answer"),
    ],
)
def test_before_an_operation(
    problem: PipelineError, readable: bool, expected: dict[str, str], seconds: int | None
) -> None:
    again, conditions = before_operation(problem, SPEC if readable else None, BEFORE, AT)
    found = {c.type: c.reason for c in conditions if c.type != "Ready"}
    assert found == expected
    assert again == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("error", "stalls", "seconds"),
    [
        pytest.param(LockHeld("x"), False, 15, id="another process"),
        pytest.param(BucketNotEmpty("x"), True, 3, id="data: a person who confirms is waiting"),
        pytest.param(AccessDenied("x"), True, 20, id="a missing right: later and later"),
        pytest.param(UpdateFailed("x"), False, 20, id="a failure: later and later"),
    ],
)
def test_in_a_deletion(error: PipelineError, stalls: bool, seconds: int) -> None:
    treatment = TREATMENTS[error.outcome]
    assert treatment.stalls_deletion is stalls
    assert treatment.pause_in_deletion(AT, 3) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("failures", "longest", "shortest"),
    [(1, 5, 3.75), (2, 10, 7.5), (3, 600, 300), (4, 1200, 600), (6, 3600, 1800), (10**6, 3600, 1800)],
    ids=["as fast as any", "and the second", "slower after the last fast one", "and slower", "hourly", "for ever"],
)
def test_what_worked_before_is_never_given_up_and_many_drift_apart(
    failures: int, longest: float, shortest: float
) -> None:
    for jitter, seconds in ((0.0, longest), (1.0, shortest)):
        at = Timing(NOW, jitter, AT.backoff)
        again, conditions = after_failure(UpdateFailed("x"), failures, "x", BEFORE, at, worked=True)
        assert again == NOW + timedelta(seconds=seconds)
        assert said(conditions)["Reconciling"] == ("True", "RetryingAfterFailure")


def test_what_worked_before_is_waited_for_and_stalls_as_anything_else() -> None:
    for error, seconds in ((LockHeld("x"), 15), (AccessDenied("x"), 300)):
        assert after_failure(error, 99, "x", BEFORE, AT, worked=True)[0] == NOW + timedelta(seconds=seconds)


def test_an_error_with_a_salt_is_the_same_error() -> None:
    error = UpdateFailed("no")
    assert error.lock is LockFate.NOT_HAD
    salted = error.after("v1:abc", LockFate.LEFT)
    assert (type(salted), str(salted), salted.encryption_salt) == (UpdateFailed, "no", "v1:abc")
    assert salted.lock is LockFate.LEFT
    assert error.encryption_salt == ""
    with pytest.raises(AttributeError):
        salted.encryption_salt = "v1:other"  # type: ignore[misc]
