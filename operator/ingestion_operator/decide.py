"""What to do with a live pipeline: an ordered list of named checks on values, without any I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ingestion_operator.advice import Advice
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT, Identity
from ingestion_operator.model.spec import DriftMode, Spec
from ingestion_operator.model.status import LastOperation, OperationResult, StackStatus, Status
from ingestion_operator.resources import Blueprint


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


@dataclass(frozen=True)
class Observed:
    """All that was gathered before deciding."""

    identity: Identity
    spec: Spec | None = None
    blueprint: Blueprint | None = None
    problem: PipelineError | None = None
    """Why there is no blueprint: an invalid spec, code that does not compile, a missing ConfigMap."""
    advice: tuple[Advice, ...] = ()
    """What the user should know although it works."""

    @property
    def stack(self) -> StackStatus | None:
        """The stack as recorded in the status."""
        return self.identity.status.stack

    @property
    def last_operation(self) -> LastOperation | None:
        """The operation that ended last."""
        return self.identity.status.last_operation

    @property
    def requested(self) -> str:
        """The value of the annotation that asks for a reconcile, if it was not acted on yet."""
        value = self.identity.annotations.get(RECONCILE_REQUESTED_AT, "")
        return "" if self.stack is not None and value == self.stack.handled_request else value


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


def next_drift_check(spec: Spec | None, status: Status) -> datetime | None:
    """When AWS is to be looked at for drift; None if it is not to be, or there is nothing to be looked at yet."""
    checked = status.drift.checked_time if status.drift else None
    if spec is None or spec.reconcile.drift.mode is DriftMode.IGNORE or checked is None:
        return None
    return checked + timedelta(seconds=spec.reconcile.drift.interval_seconds)


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
