"""What to do with a live pipeline: an ordered list of named checks on values, without any I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ingestion_operator.model.status import OperationResult, OperationType
from ingestion_operator.observe.observed import Observed
from ingestion_operator.status.schedule import next_drift_check


class Action(StrEnum):
    """What a reconcile does."""

    SKIP = "Skip"
    SUSPEND = "Suspend"
    REPORT = "Report"
    HOLD = "Hold"
    APPLY = "Apply"
    REFRESH = "Refresh"


@dataclass(frozen=True)
class Decision:
    """An action and, in a few words, why."""

    action: Action
    why: str


Check = Callable[[Observed, datetime], Decision | None]


def decide(observed: Observed, now: datetime) -> Decision:
    """The first check that has something to say decides."""
    for check in CHECKS:
        decision = check(observed, now)
        if decision is not None:
            return decision
    return Decision(Action.SKIP, "nothing changed")


def is_suspended(observed: Observed, _now: datetime) -> Decision | None:
    """A suspended pipeline is left alone, whatever else is the case."""
    if observed.spec is not None and observed.spec.reconcile.suspend:
        return Decision(Action.SUSPEND, "spec.reconcile.suspend is true")
    return None


def has_a_problem(observed: Observed, _now: datetime) -> Decision | None:
    """Without a blueprint there is nothing to apply."""
    if observed.problem is not None:
        return Decision(Action.REPORT, str(observed.problem))
    return None


def was_interrupted(observed: Observed, _now: datetime) -> Decision | None:
    """An operation that is still in the status although nobody works on it: the operator died in the middle of it."""
    if observed.identity.status.operation is not None:
        return Decision(Action.REFRESH if _applied(observed) else Action.APPLY, "the last operation was interrupted")
    return None


def must_back_off(observed: Observed, now: datetime) -> Decision | None:
    """After a failure the same input is not tried again before its time, unless somebody asks for it."""
    last = observed.last_operation
    if last is None or last.result is OperationResult.SUCCEEDED or observed.requested or not _attempted(observed):
        return None
    if last.next_retry_time is None:
        return Decision(Action.HOLD, "retries are exhausted")
    if now < last.next_retry_time:
        return Decision(Action.HOLD, f"the next attempt is at {last.next_retry_time:%H:%M:%S}")
    return None


def differs_from_what_is_applied(observed: Observed, _now: datetime) -> Decision | None:
    """The input of the last successful update is not the input of now."""
    return None if _applied(observed) else Decision(Action.APPLY, "the pipeline changed")


def last_attempt_failed(observed: Observed, _now: datetime) -> Decision | None:
    """A look that failed (nothing in the input changed) is repeated."""
    last = observed.last_operation
    if last is not None and last.result is OperationResult.FAILED:
        return Decision(Action.REFRESH, "the last operation failed")
    return None


def was_requested(observed: Observed, _now: datetime) -> Decision | None:
    """The annotation reconcile-requested-at has a value that was not acted on yet."""
    return Decision(Action.REFRESH, f"requested at {observed.requested}") if observed.requested else None


def drift_check_is_due(observed: Observed, now: datetime) -> Decision | None:
    """It is time to look whether AWS is still what was applied."""
    due = next_drift_check(observed.spec, observed.identity.status)
    return Decision(Action.REFRESH, "time to look for drift") if due is not None and due <= now else None


CHECKS: tuple[Check, ...] = (
    is_suspended,
    has_a_problem,
    was_interrupted,
    must_back_off,
    differs_from_what_is_applied,
    last_attempt_failed,
    was_requested,
    drift_check_is_due,
)


def _applied(observed: Observed) -> bool:
    return (
        observed.stack is not None
        and observed.blueprint is not None
        and observed.stack.fingerprint == observed.blueprint.fingerprint
    )


def _attempted(observed: Observed) -> bool:
    return (
        observed.stack is not None
        and observed.blueprint is not None
        and observed.stack.attempted == observed.blueprint.fingerprint
    )


def operation_type(observed: Observed, decision: Decision) -> OperationType:
    """What the operation is called in the status."""
    if not observed.identity.status.is_built:
        return OperationType.CREATE
    return OperationType.REFRESH if decision.action is Action.REFRESH else OperationType.UPDATE
