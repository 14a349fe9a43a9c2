"""What each outcome of an error means: one table, for a live pipeline, for one that is being deleted, and for an AWSAccount.

An outcome comes from the error itself, or from the reason that the status stored for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingestion_operator.errors import Outcome, PipelineError, outcome_of
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import LastOperation
from ingestion_operator.reasons import Reason
from ingestion_operator.status.conditions import Conditions, ConditionSet
from ingestion_operator.status.schedule import Timing

# A person who has just confirmed a purge is waiting for it.
CONFIRMATION_SECONDS = 3.0

Claim = Callable[[ConditionSet, str, str], Conditions]
Pause = Callable[[Timing, int], timedelta]
"""The time until the next attempt, after so many failures in a row."""


def _waiting(at: Timing, _failures: int) -> timedelta:
    return timedelta(seconds=at.backoff.waiting_seconds)


def _longest(at: Timing, _failures: int) -> timedelta:
    return timedelta(seconds=at.backoff.cap_seconds)


def _growing(at: Timing, failures: int) -> timedelta:
    return at.backoff.delay(max(1, failures), at.jitter)


def _confirming(at: Timing, _failures: int) -> timedelta:
    return timedelta(seconds=min(CONFIRMATION_SECONDS, at.backoff.waiting_seconds))


@dataclass(frozen=True)
class Treatment:
    """What the conditions say and when the operator tries again, by where the error occurred."""

    after_operation: Claim
    """What the conditions say if an operation of the engine failed."""
    pause_after_operation: Pause
    before_operation: Claim
    """What the conditions say if the spec, or what it refers to, allows no operation."""
    pause_before_operation: Pause
    stalls_deletion: bool
    """Whether a deletion waits for a person."""
    pause_in_deletion: Pause
    of_account: Claim
    """What the conditions of an AWSAccount say if the check of its role failed."""


_WAITS = Treatment(
    after_operation=ConditionSet.waiting,
    pause_after_operation=_waiting,
    before_operation=ConditionSet.waiting,
    pause_before_operation=_waiting,
    stalls_deletion=False,
    pause_in_deletion=_waiting,
    of_account=ConditionSet.looking_failed,
)

_STALLED = Treatment(
    after_operation=ConditionSet.stalled,
    pause_after_operation=_longest,
    before_operation=ConditionSet.stalled,
    pause_before_operation=_waiting,
    stalls_deletion=True,
    pause_in_deletion=_growing,
    of_account=ConditionSet.refused,
)

TREATMENTS: Mapping[Outcome, Treatment] = {
    Outcome.WAITS: _WAITS,
    Outcome.HOLDS_DATA: replace(_WAITS, stalls_deletion=True, pause_in_deletion=_confirming),
    Outcome.STALLS: _STALLED,
    Outcome.NEEDS_ANOTHER_SPEC: replace(_STALLED, pause_before_operation=_longest),
    Outcome.RETRIES: Treatment(
        after_operation=ConditionSet.retrying,
        pause_after_operation=_growing,
        before_operation=ConditionSet.looking_failed,
        pause_before_operation=_waiting,
        stalls_deletion=False,
        pause_in_deletion=_growing,
        of_account=ConditionSet.looking_failed,
    ),
}


def after_failure(
    error: PipelineError, failures: int, message: str, conditions: ConditionSet, at: Timing, *, worked: bool
) -> tuple[datetime | None, Conditions]:
    """When the operator tries again after a failed operation (None: it has given up), and what the conditions say.

    `worked` says whether the same input was applied before. Then the operator never gives up.
    """
    treatment = TREATMENTS[error.outcome]
    pause = treatment.pause_after_operation(at, failures)
    if error.outcome is Outcome.RETRIES and worked:
        pause = at.backoff.delay_of_what_worked(failures, at.jitter)
    elif error.outcome is Outcome.RETRIES and failures >= at.backoff.maximum:
        return None, conditions.stalled(Reason.RETRIES_EXHAUSTED, _gave_up(failures, message))
    return at.now + pause, treatment.after_operation(conditions, error.reason, message)


def still_failed(last: LastOperation, conditions: ConditionSet) -> Conditions:
    """What the conditions say between a failed operation and the next attempt."""
    if last.next_retry_time is None:
        return conditions.stalled(Reason.RETRIES_EXHAUSTED, _gave_up(last.failures, last.message))
    return TREATMENTS[outcome_of(last.reason)].after_operation(conditions, last.reason, last.message)


def before_operation(
    problem: PipelineError, spec: Spec | None, conditions: ConditionSet, at: Timing
) -> tuple[datetime | None, Conditions]:
    """When the operator tries again to apply a pipeline, and what the conditions say.

    The time is None for a spec that cannot be read (`spec` is None): only a change heals it, and Kubernetes reports the change.
    """
    treatment = TREATMENTS[problem.outcome]
    only_a_change_heals = problem.outcome is Outcome.NEEDS_ANOTHER_SPEC and spec is None
    again = None if only_a_change_heals else at.now + treatment.pause_before_operation(at, 0)
    return again, treatment.before_operation(conditions, problem.reason, str(problem))


def _gave_up(failures: int, message: str) -> str:
    return (
        f"gave up after {failures} attempts to apply this change; change the spec or set the annotation "
        f"{RECONCILE_REQUESTED_AT}: {message}"
    )
