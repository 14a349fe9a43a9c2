"""From what happened to the status: conditions, retries, and when to look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, make_blueprint, make_observed, make_operation, make_stack
from ingestion_operator.errors import (
    AccessDenied,
    BucketNotEmpty,
    DependencyNotReady,
    LockHeld,
    PipelineError,
    SpecInvalid,
    UpdateFailed,
)
from ingestion_operator.model.status import Changes, Operation, OperationResult, OperationType, Status
from ingestion_operator.ports.engine import EngineResult, StackRef
from ingestion_operator.reconcile.decide import Action, Decision, operation_type
from ingestion_operator.status import conclude
from ingestion_operator.status.schedule import Backoff, Moments

BLUEPRINT = make_blueprint()
AT = Moments(NOW, 0.0, Backoff(base_seconds=5, cap_seconds=300, maximum=3, waiting_seconds=15))
OPERATION = Operation(type=OperationType.UPDATE, id="x", start_time=NOW)
STACK = StackRef("s", "eu-west-1")


def conditions(status: Status) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status.value, c.reason) for c in status.conditions}


def begun(observed: object = None) -> tuple[object, Status]:
    seen = observed or make_observed(wanted=BLUEPRINT)
    return seen, conclude.started(seen, BLUEPRINT, STACK, OPERATION, "why")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [(1, 0.0, 5), (2, 0.0, 10), (3, 0.0, 20), (7, 0.0, 300), (1000, 0.0, 300), (1, 1.0, 3.75)],
)
def test_failures_are_spaced_more_and_more_up_to_a_cap(failures: int, jitter: float, seconds: float) -> None:
    assert Backoff(5, 300, 12, 15).delay(failures, jitter) == timedelta(seconds=seconds)


def test_what_is_begun_is_written_down_before_it_is_begun() -> None:
    _, status = begun()
    assert conditions(status) == {"Ready": ("False", "Progressing"), "Reconciling": ("True", "Updating")}
    assert status.stack is not None
    assert status.stack.data_buckets == BLUEPRINT.names.data_buckets
    assert status.stack.attempted == BLUEPRINT.fingerprint
    assert status.stack.fingerprint == ""


def test_a_look_does_not_make_a_ready_pipeline_unready() -> None:
    observed, running = begun()
    done = conclude.succeeded(observed, running, BLUEPRINT, OPERATION, EngineResult(), AT)  # type: ignore[arg-type]
    look = Operation(type=OperationType.REFRESH, id="y", start_time=NOW)
    again = conclude.started(make_observed(done, wanted=BLUEPRINT), BLUEPRINT, STACK, look, "why")
    assert conditions(again)["Ready"] == ("True", "Provisioned")


def test_success_is_ready_and_in_sync_and_looked_at_again_after_the_interval() -> None:
    observed, running = begun()
    result = EngineResult(Changes(create=2, same=1), (), ("a", "b"), 2)
    status = conclude.succeeded(observed, running, BLUEPRINT, OPERATION, result, AT)  # type: ignore[arg-type]

    assert conditions(status) == {"Ready": ("True", "Provisioned"), "Synced": ("True", "InSync")}
    assert status.operation is None
    assert status.stack is not None
    assert status.stack.fingerprint == BLUEPRINT.fingerprint
    assert status.next_check_time == NOW + timedelta(seconds=3600)
    assert status.last_operation is not None
    assert "(2 created, 1 unchanged)" in status.last_operation.message
    assert status.drift is not None
    assert status.drift.resources == (), "what an update changes is no drift"


def test_what_a_look_changed_was_drift() -> None:
    observed, running = begun()
    look = Operation(type=OperationType.REFRESH, id="y", start_time=NOW)
    result = EngineResult(changed=("rule",))
    status = conclude.succeeded(observed, running, BLUEPRINT, look, result, AT)  # type: ignore[arg-type]
    assert status.drift is not None
    assert (status.drift.resources, status.drift.detected_time) == (("rule",), NOW)


@pytest.mark.parametrize(
    ("error", "before", "expected", "retry_seconds"),
    [
        pytest.param(UpdateFailed("x"), 0, ("Reconciling", "RetryingAfterFailure"), 5, id="a failure is tried again"),
        pytest.param(UpdateFailed("x"), 1, ("Reconciling", "RetryingAfterFailure"), 10, id="later the second time"),
        pytest.param(UpdateFailed("x"), 2, ("Stalled", "RetriesExhausted"), None, id="and given up at last"),
        pytest.param(LockHeld("x"), 0, ("Reconciling", "LockHeld"), 15, id="a held lock is waited for"),
        pytest.param(LockHeld("x"), 9, ("Reconciling", "LockHeld"), 15, id="however long"),
        pytest.param(AccessDenied("x"), 0, ("Stalled", "AccessDenied"), 300, id="a missing permission needs a person"),
    ],
)
def test_the_class_of_an_error_decides(
    error: PipelineError, before: int, expected: tuple[str, str], retry_seconds: int | None
) -> None:
    last = make_operation(OperationResult.FAILED, before) if before else None
    seen = make_observed(Status(stack=make_stack(None, BLUEPRINT), last_operation=last), wanted=BLUEPRINT)
    _, running = begun(seen)

    status = conclude.failed(seen, running, OPERATION, error, AT)

    kind, reason = expected
    assert conditions(status)[kind] == ("True", reason)
    assert conditions(status)["Ready"][0] == "False"
    retry = None if retry_seconds is None else NOW + timedelta(seconds=retry_seconds)
    assert status.next_check_time == retry
    assert status.operation is None


def test_a_changed_spec_begins_to_count_anew() -> None:
    last = make_operation(OperationResult.FAILED, 2)
    other = make_blueprint(tags={"a": "b"})
    seen = make_observed(Status(stack=make_stack(None, other), last_operation=last), wanted=BLUEPRINT)
    _, running = begun(seen)
    status = conclude.failed(seen, running, OPERATION, UpdateFailed("x"), AT)
    assert status.last_operation is not None
    assert status.last_operation.failures == 1


def test_a_wrong_spec_waits_for_a_person_and_a_missing_thing_for_itself() -> None:
    unreadable = replace(make_observed(problem=SpecInvalid("x")), spec=None)
    wrong = conclude.reported(unreadable, SpecInvalid("x"), AT)
    assert conditions(wrong) == {"Ready": ("False", "Failed"), "Stalled": ("True", "SpecInvalid")}
    assert wrong.next_check_time is None
    unfitting = conclude.reported(make_observed(problem=SpecInvalid("x")), SpecInvalid("x"), AT)
    assert unfitting.next_check_time == NOW + timedelta(seconds=AT.backoff.cap_seconds), (
        "what it does not fit may change"
    )
    missing = conclude.reported(make_observed(problem=DependencyNotReady("x")), DependencyNotReady("x"), AT)
    assert conditions(missing)["Ready"] == ("False", "DependencyNotReady")
    assert missing.next_check_time == NOW + timedelta(seconds=15)


def test_a_condition_moves_only_when_its_status_does() -> None:
    first = conclude.suspended(make_observed(), AT)
    later = Moments(NOW + timedelta(hours=1))
    second = conclude.suspended(make_observed(first), later)
    assert second.conditions[0].last_transition_time == NOW


def test_a_deletion_that_is_held_up_says_by_what() -> None:
    error = BucketNotEmpty("b holds 3 objects")
    status = conclude.deleting(make_observed(), None, str(error), AT, error)
    assert conditions(status) == {"Ready": ("False", "Deleting"), "Stalled": ("True", "BucketNotEmpty")}
    retrying = conclude.deleting(make_observed(), None, "x", AT, UpdateFailed("x"))
    assert conditions(retrying)["Reconciling"] == ("True", "RetryingAfterFailure")
    assert conclude.deletion_delay(status, error, AT) == conclude.CONFIRMATION_SECONDS


@pytest.mark.parametrize(
    ("stack", "action", "kind"),
    [
        (None, Action.APPLY, OperationType.CREATE),
        (make_stack(None, BLUEPRINT), Action.APPLY, OperationType.CREATE),
        (make_stack(BLUEPRINT), Action.APPLY, OperationType.UPDATE),
        (make_stack(BLUEPRINT), Action.REFRESH, OperationType.REFRESH),
    ],
    ids=["nothing yet", "a first attempt that failed", "a change", "a look"],
)
def test_an_operation_is_called_by_what_it_does(stack: object, action: Action, kind: OperationType) -> None:
    observed = make_observed(Status(stack=stack), wanted=BLUEPRINT)
    assert operation_type(observed, Decision(action, "")) is kind
