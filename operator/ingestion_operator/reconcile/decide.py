"""What to do with a live pipeline: an ordered list of named checks on values, without any I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT, PipelineRecord
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import LastOperation, OperationResult, OperationType, Workings
from ingestion_operator.observe.observed import Buildable, Observed, Unbuildable
from ingestion_operator.reconcile.next_step import Go, Presence, Situation, Wait, next_step
from ingestion_operator.status.schedule import next_drift_check


@dataclass(frozen=True)
class Suspend:
    """Leave the pipeline alone until a person resumes it."""

    why: str


@dataclass(frozen=True)
class Report:
    """Say why nothing can be applied."""

    unbuildable: Unbuildable

    @property
    def problem(self) -> PipelineError:
        """Why there is no blueprint."""
        return self.unbuildable.problem

    @property
    def why(self) -> str:
        """The problem in words."""
        return str(self.problem)


@dataclass(frozen=True)
class Hold:
    """Wait for the next attempt, or for a person if no attempt is left."""

    last: LastOperation
    spec: Spec
    why: str


@dataclass(frozen=True)
class Skip:
    """Change nothing in AWS, because what is wanted is applied already."""

    wanted: Buildable
    why: str = "nothing changed"


@dataclass(frozen=True)
class Yield:
    """Change nothing while another pod works on the pipeline."""

    wait: Wait
    spec: Spec

    @property
    def why(self) -> str:
        """Which pod works on it."""
        return self.wait.why


@dataclass(frozen=True)
class Operate:
    """Run the engine."""

    wanted: Buildable
    type: OperationType
    go: Go
    why: str


Decision = Suspend | Report | Hold | Skip | Yield | Operate


@dataclass(frozen=True)
class Case:
    """A pipeline that can be built, at a point in time."""

    record: PipelineRecord
    wanted: Buildable
    now: datetime
    presence: Mapping[str, Presence]

    @property
    def begun(self) -> Workings | None:
        """What the status records about the stack; None before the first operation."""
        return self.record.status.begun

    @property
    def last_operation(self) -> LastOperation | None:
        """The operation that ended last."""
        return self.record.status.last_operation

    @property
    def requested(self) -> str:
        """The value of the annotation that asks for a reconcile; empty if the operator has acted on it."""
        value = self.record.annotations.get(RECONCILE_REQUESTED_AT, "")
        return "" if self.begun is not None and value == self.begun.handled_request else value

    @property
    def is_applied(self) -> bool:
        """Whether the last successful update had the current input."""
        return self.begun is not None and self.begun.fingerprint == self.wanted.blueprint.fingerprint

    @property
    def type(self) -> OperationType:
        """What an operation would be called in the status."""
        if not self.record.status.is_built:
            return OperationType.CREATE
        return OperationType.REFRESH if self.is_applied else OperationType.UPDATE

    @property
    def situation(self) -> Situation:
        """What the rule depends on."""
        looks = bool(self.requested) or self.is_drift_check_due
        return Situation(self.record.status, self.presence, looks=looks)

    @property
    def is_drift_check_due(self) -> bool:
        """Whether it is time to compare AWS with what was applied. The time of a wrong clock, in the future, says nothing."""
        due, drift = next_drift_check(self.wanted.spec, self.record.status), self.record.status.drift
        checked = drift.checked_time if drift else None
        return due is not None and (due <= self.now or (checked is not None and self.now < checked))

    def operate(self, why: str) -> Decision:
        """Run the engine, unless the rule says that nothing may begin."""
        step = next_step(self.situation)
        return Yield(step, self.wanted.spec) if isinstance(step, Wait) else Operate(self.wanted, self.type, step, why)

    @property
    def is_attempted(self) -> bool:
        """Whether the last update, successful or not, had the current input."""
        return self.begun is not None and self.begun.attempted == self.wanted.blueprint.fingerprint


Check = Callable[[Case], Decision | None]


def decide(observed: Observed, now: datetime, presence: Mapping[str, Presence] = MappingProxyType({})) -> Decision:
    """Suspension comes first, then a problem. If neither applies, the first check that returns a decision wins.

    `presence` says what is known about the pods of operations whose end was never written.
    """
    wanted = observed.wanted
    if wanted.spec is not None and wanted.spec.reconcile.suspend:
        return Suspend("spec.reconcile.suspend is true")
    if isinstance(wanted, Unbuildable):
        return Report(wanted)
    case = Case(observed.record, wanted, now, presence)
    return next((decision for check in CHECKS if (decision := check(case)) is not None), Skip(wanted))


def was_interrupted(case: Case) -> Decision | None:
    """The end of an operation was never written: the operator died, or another one is at work.

    After an operation that failed since, `must_back_off` says when the next one begins.
    """
    last, unfinished = case.last_operation, case.situation.unfinished
    tried_since = last is not None and last.result is not OperationResult.SUCCEEDED
    begun = (operation.start_time for operation in unfinished if operation.start_time is not None)
    if not unfinished or (tried_since and last is not None and all(time < last.end_time for time in begun)):
        return None
    return case.operate("the last operation was interrupted")


def must_back_off(case: Case) -> Decision | None:
    """After a failure, the same input is tried again only when the retry is due, or when a user requests it."""
    last = case.last_operation
    if last is None or last.result is OperationResult.SUCCEEDED or case.requested or not case.is_attempted:
        return None
    if last.next_retry_time is None and case.is_applied:
        return None  # an older operator gave up what had worked
    if last.next_retry_time is None:
        return Hold(last, case.wanted.spec, "retries are exhausted")
    # A failure that is yet to come was written by an operator with a wrong clock: its times mean nothing.
    if last.end_time <= case.now < last.next_retry_time:
        return Hold(last, case.wanted.spec, f"the next attempt is at {last.next_retry_time:%H:%M:%S}")
    return None


def differs_from_what_is_applied(case: Case) -> Decision | None:
    """The current input differs from the input of the last successful update."""
    return None if case.is_applied else case.operate("the pipeline changed")


def last_attempt_failed(case: Case) -> Decision | None:
    """The last drift check failed. The operator repeats it, although the input did not change."""
    if case.last_operation is None or case.last_operation.result is OperationResult.SUCCEEDED:
        return None
    return case.operate("the last operation failed")


def was_requested(case: Case) -> Decision | None:
    """The annotation reconcile-requested-at has a value that the operator has not acted on."""
    return case.operate(f"requested at {case.requested}") if case.requested else None


def drift_check_is_due(case: Case) -> Decision | None:
    """It is time to compare AWS with what was applied."""
    return case.operate("a drift check is due") if case.is_drift_check_due else None


CHECKS: tuple[Check, ...] = (
    was_interrupted,
    must_back_off,
    differs_from_what_is_applied,
    last_attempt_failed,
    was_requested,
    drift_check_is_due,
)
