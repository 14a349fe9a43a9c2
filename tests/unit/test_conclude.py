"""From what happened to the status: conditions, retries, and when to look again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from builders import NOW, make_blueprint, make_operation, make_record, make_spec, make_workings
from ingestion_operator.errors import (
    AccessDenied,
    BucketNotEmpty,
    DependencyNotReady,
    LockFate,
    LockHeld,
    PipelineError,
    SpecInvalid,
    UpdateFailed,
)
from ingestion_operator.model.pipeline import PipelineRecord
from ingestion_operator.model.status import Changes, Operation, OperationResult, OperationType, Status, Unfinished
from ingestion_operator.observe.observed import Buildable, Unbuildable
from ingestion_operator.ports.engine import EngineResult, StackRef
from ingestion_operator.status import conclude, deletion
from ingestion_operator.status.outcomes import CONFIRMATION_SECONDS
from ingestion_operator.status.schedule import Backoff, Timing

BLUEPRINT = make_blueprint()
AT = Timing(NOW, 0.0, Backoff(base_seconds=5, cap_seconds=300, maximum=3, waiting_seconds=15))
OPERATION = Operation(type=OperationType.UPDATE, id="x", start_time=NOW)
STACK = StackRef("s", "eu-west-1")
SPEC = make_spec()
WANTED = Buildable(SPEC, BLUEPRINT)


def conditions(status: Status) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status.value, c.reason) for c in status.conditions}


def begun(status: Status | None = None) -> tuple[PipelineRecord, Status]:
    record = make_record(status)
    return record, conclude.started(record, BLUEPRINT, STACK, OPERATION, "why")


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [(1, 0.0, 5), (2, 0.0, 10), (3, 0.0, 20), (7, 0.0, 300), (1000, 0.0, 300), (1, 1.0, 3.75)],
)
def test_failures_are_spaced_more_and_more_up_to_a_cap(failures: int, jitter: float, seconds: float) -> None:
    assert Backoff(5, 300, 12, 15).delay(failures, jitter) == timedelta(seconds=seconds)


def test_what_is_begun_is_written_down_before_it_is_begun() -> None:
    _, status = begun()
    assert conditions(status) == {"Ready": ("False", "Progressing"), "Reconciling": ("True", "Updating")}
    assert status.workings is not None
    assert status.workings.data_buckets == BLUEPRINT.names.data_buckets
    assert status.workings.attempted == BLUEPRINT.fingerprint
    assert status.workings.fingerprint == ""


def test_a_look_does_not_make_a_ready_pipeline_unready() -> None:
    record, running = begun()
    done = conclude.succeeded(record, running, WANTED, OPERATION, EngineResult(), AT)
    look = Operation(type=OperationType.REFRESH, id="y", start_time=NOW)
    again = conclude.started(make_record(done), BLUEPRINT, STACK, look, "why")
    assert conditions(again)["Ready"] == ("True", "Provisioned")


def test_success_is_ready_and_in_sync_and_looked_at_again_after_the_interval() -> None:
    record, running = begun()
    result = EngineResult(Changes(create=2, same=1), (), ("a", "b"), 2)
    status = conclude.succeeded(record, running, WANTED, OPERATION, result, AT)

    assert conditions(status) == {"Ready": ("True", "Provisioned"), "Synced": ("True", "InSync")}
    assert status.operation is None
    assert status.workings is not None
    assert status.workings.fingerprint == BLUEPRINT.fingerprint
    assert status.next_check_time == NOW + timedelta(seconds=3600)
    assert status.last_operation is not None
    assert "(2 created, 1 unchanged)" in status.last_operation.message
    assert status.drift is not None
    assert status.drift.resources == (), "what an update changes is no drift"


def test_what_a_look_changed_was_drift() -> None:
    record, running = begun()
    look = Operation(type=OperationType.REFRESH, id="y", start_time=NOW)
    result = EngineResult(changed=("rule",))
    status = conclude.succeeded(record, running, WANTED, look, result, AT)
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
    record, running = begun(Status(workings=make_workings(None, BLUEPRINT), last_operation=last))

    status = conclude.failed(record, running, SPEC, OPERATION, error, AT)

    kind, reason = expected
    assert conditions(status)[kind] == ("True", reason)
    assert conditions(status)["Ready"][0] == "False"
    retry = None if retry_seconds is None else NOW + timedelta(seconds=retry_seconds)
    assert status.next_check_time == retry
    assert status.operation is None


def test_a_changed_spec_begins_to_count_anew() -> None:
    last = make_operation(OperationResult.FAILED, 2)
    other = make_blueprint(tags={"a": "b"})
    record, running = begun(Status(workings=make_workings(None, other), last_operation=last))
    status = conclude.failed(record, running, SPEC, OPERATION, UpdateFailed("x"), AT)
    assert status.last_operation is not None
    assert status.last_operation.failures == 1


def test_a_wrong_spec_waits_for_a_person_and_a_missing_thing_for_itself() -> None:
    wrong = conclude.reported(make_record(), Unbuildable(SpecInvalid("x")), AT)
    assert conditions(wrong) == {"Ready": ("False", "Failed"), "Stalled": ("True", "SpecInvalid")}
    assert wrong.next_check_time is None
    unfitting = conclude.reported(make_record(), Unbuildable(SpecInvalid("x"), SPEC), AT)
    assert unfitting.next_check_time == NOW + timedelta(seconds=AT.backoff.cap_seconds), (
        "what it does not fit may change"
    )
    missing = conclude.reported(make_record(), Unbuildable(DependencyNotReady("x"), SPEC), AT)
    assert conditions(missing)["Ready"] == ("False", "DependencyNotReady")
    assert missing.next_check_time == NOW + timedelta(seconds=15)


def test_a_condition_moves_only_when_its_status_does() -> None:
    first = conclude.suspended(make_record(), AT)
    later = Timing(NOW + timedelta(hours=1))
    second = conclude.suspended(make_record(first), later)
    assert second.conditions[0].last_transition_time == NOW


def test_a_deletion_that_is_held_up_says_by_what() -> None:
    error = BucketNotEmpty("b holds 3 objects")
    status = deletion.held_up(make_record(), Status(), None, error, AT)
    assert conditions(status) == {"Ready": ("False", "Deleting"), "Stalled": ("True", "BucketNotEmpty")}
    retrying = deletion.held_up(make_record(), Status(), None, UpdateFailed("x"), AT)
    assert conditions(retrying)["Reconciling"] == ("True", "RetryingAfterFailure")
    assert deletion.delay_seconds(status, error, AT) == CONFIRMATION_SECONDS


EARLIER = Unfinished(type=OperationType.CREATE, pod="n/earlier/u", start_time=NOW - timedelta(hours=1))
MINE = Unfinished(type=OperationType.UPDATE, start_time=NOW)


@pytest.mark.parametrize(
    ("lock", "left"),
    [
        pytest.param(LockFate.RELEASED, {}, id="it had the lock: nothing is open any more"),
        pytest.param(LockFate.NOT_HAD, {"earlier": EARLIER}, id="it never had the lock: the others stay"),
        pytest.param(LockFate.LEFT, {"earlier": EARLIER, "x": MINE}, id="it died with the lock: all stay"),
    ],
)
def test_the_record_of_what_is_unfinished_goes_only_with_the_lock(lock: LockFate, left: dict[str, Unfinished]) -> None:
    before = make_workings(BLUEPRINT).model_copy(update={"unfinished": {"earlier": EARLIER}})
    record, running = begun(Status(workings=before))
    assert running.workings
    assert running.workings.unfinished == {"earlier": EARLIER, "x": MINE}
    error = UpdateFailed("x", "", lock)
    failed = conclude.failed(record, running, SPEC, OPERATION, error, AT)
    destroying = deletion.taking_down(record, OPERATION, AT)
    held_up = deletion.held_up(record, destroying, OPERATION, error, AT)
    for status in (failed, held_up):
        assert status.workings
        assert status.workings.unfinished == left
        assert status.operation is None


def test_a_success_leaves_nothing_unfinished() -> None:
    before = make_workings(BLUEPRINT).model_copy(update={"unfinished": {"earlier": EARLIER}})
    record, running = begun(Status(workings=before))
    status = conclude.succeeded(record, running, WANTED, OPERATION, EngineResult(), AT)
    assert status.workings
    assert status.workings.unfinished == {}


def test_a_question_before_a_deletion_changes_nothing_of_the_record() -> None:
    before = make_workings(BLUEPRINT).model_copy(update={"unfinished": {"earlier": EARLIER}})
    record = make_record(Status(workings=before, operation=OPERATION))
    status = deletion.held_up(record, record.status, None, BucketNotEmpty("x"), AT)
    assert (status.workings, status.operation) == (before, OPERATION)
