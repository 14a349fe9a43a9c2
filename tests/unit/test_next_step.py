"""The rule: one row for each situation that was recorded and observed, for an update and for a deletion."""

from __future__ import annotations

from typing import Any

import pytest

from builders import NOW, make_blueprint, make_operation, make_workings
from ingestion_operator.errors import AccessDenied, BucketNotEmpty, LockHeld, Propagating, UpdateFailed
from ingestion_operator.model.status import Operation, OperationResult, OperationType, Status, Unfinished
from ingestion_operator.ports.engine import Scope
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reconcile.next_step import Go, Presence, Situation, Wait, next_step

FIRST, SECOND = Pod("system", "operator-1", "uid-1"), Pod("system", "operator-2", "uid-2")
BUILT = make_blueprint()


def status(*pods: Pod | None, built: bool = True, failed: type[Exception] | None = None) -> Status:
    unfinished = {
        str(number): Unfinished(type=OperationType.UPDATE, pod=str(pod or ""), start_time=NOW)
        for number, pod in enumerate(pods)
    }
    workings = make_workings(BUILT if built else None, BUILT).model_copy(update={"unfinished": unfinished})
    last = make_operation(OperationResult.FAILED) if failed else make_operation()
    reason: Any = getattr(failed, "reason", "Provisioned")
    return Status(workings=workings, last_operation=last.model_copy(update={"reason": str(reason)}))


HERE = {str(FIRST): Presence.HERE}
ALIVE = {str(FIRST): Presence.ALIVE}
GONE = {str(FIRST): Presence.GONE}
UNKNOWN = {str(FIRST): Presence.UNKNOWN}
HOST = (FIRST.host,)


@pytest.mark.parametrize(
    ("situation", "scope", "departed"),
    [
        pytest.param(Situation(status()), Scope.CHANGES, (), id="all is well"),
        pytest.param(Situation(status(), looks=True), Scope.DRIFT, (), id="somebody asks, or a drift check is due"),
        pytest.param(Situation(Status()), Scope.LEFTOVERS, (), id="nothing is recorded"),
        pytest.param(Situation(status(built=False)), Scope.LEFTOVERS, (), id="nothing was ever applied"),
        pytest.param(Situation(status(failed=Propagating)), Scope.DRIFT, (), id="AWS does not show it yet"),
        pytest.param(Situation(status(failed=UpdateFailed)), Scope.LEFTOVERS, (), id="the last operation failed"),
        pytest.param(Situation(status(failed=AccessDenied)), Scope.LEFTOVERS, (), id="it was refused"),
        pytest.param(Situation(status(failed=LockHeld)), Scope.LEFTOVERS, (), id="the lock was first found held"),
        pytest.param(Situation(status(failed=BucketNotEmpty)), Scope.LEFTOVERS, (), id="a question hides a failure"),
        pytest.param(Situation(status(None)), Scope.LEFTOVERS, (), id="interrupted, and there are no pods"),
        pytest.param(Situation(status(FIRST), HERE), Scope.LEFTOVERS, (), id="interrupted in this pod"),
        pytest.param(Situation(status(FIRST), UNKNOWN), Scope.LEFTOVERS, (), id="interrupted, and the lock will tell"),
        pytest.param(Situation(status(FIRST), GONE), Scope.LEFTOVERS, HOST, id="interrupted in a pod that is gone"),
        pytest.param(
            Situation(status(FIRST, SECOND, FIRST), {**GONE, str(SECOND): Presence.GONE}),
            Scope.LEFTOVERS,
            (*HOST, SECOND.host),
            id="interrupted twice: either may hold the lock",
        ),
        pytest.param(
            Situation(status(FIRST, failed=LockHeld), GONE, looks=True),
            Scope.LEFTOVERS,
            HOST,
            id="the most thorough row wins",
        ),
    ],
)
def test_what_may_begin(situation: Situation, scope: Scope, departed: tuple[str, ...]) -> None:
    step = next_step(situation)
    assert isinstance(step, Go)
    assert (step.scope, step.departed) == (scope, departed)
    assert bool(step.why) is (scope is not Scope.CHANGES)


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("more", [(), (None,), (SECOND,)])
def test_another_pod_that_exists_is_waited_for_and_named(more: tuple[Pod | None, ...], looks: bool) -> None:
    presence = {**ALIVE, str(SECOND): Presence.GONE}
    step = next_step(Situation(status(*more, FIRST), presence, looks=looks))
    assert isinstance(step, Wait)
    assert "the operator pod system/operator-1 works on this pipeline (Update)" in step.why


OLD = {"name": "s", "region": "r", "fingerprint": BUILT.fingerprint, "lockHolder": str(FIRST)}
RUNNING = Operation(type=OperationType.CREATE, id="x", start_time=NOW)


@pytest.mark.parametrize("operation", [None, RUNNING, RUNNING.model_copy(update={"pod": str(FIRST)})])
def test_what_an_older_operator_recorded_of_an_interruption_counts(operation: Operation | None) -> None:
    step = next_step(Situation(Status(stack=OLD, operation=operation).moved(), GONE))
    assert step == Go(Scope.LEFTOVERS, "the last operation was interrupted", HOST)
