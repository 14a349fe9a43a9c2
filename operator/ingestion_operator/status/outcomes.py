"""What an error means for the status."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingestion_operator.errors import PipelineError, Stalled, Waiting
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.reasons import Reason
from ingestion_operator.status.conditions import Conditions, Moment
from ingestion_operator.status.schedule import Moments


def outcome(
    error: PipelineError, failures: int, message: str, moment: Moment, at: Moments
) -> tuple[datetime | None, Conditions]:
    """When a live pipeline is looked at again after an error, and what its conditions say until then."""
    if isinstance(error, Waiting):
        return at.now + timedelta(seconds=at.backoff.waiting_seconds), moment.waiting(error.reason, message)
    if isinstance(error, Stalled):
        return at.now + timedelta(seconds=at.backoff.cap_seconds), moment.stalled(error.reason, message)
    if failures >= at.backoff.maximum:
        return None, moment.stalled(Reason.RETRIES_EXHAUSTED, gave_up(failures, message))
    return at.now + at.backoff.delay(failures, at.jitter), moment.retrying(error.reason, message)


def _reasons(kind: type[PipelineError]) -> set[Reason]:
    return {sub.reason for sub in kind.__subclasses__()}.union(*(_reasons(sub) for sub in kind.__subclasses__()))


STALLING = _reasons(Stalled)
WAITING = _reasons(Waiting)


def gave_up(failures: int, message: str) -> str:
    """What is said once no further attempt will be made."""
    return (
        f"gave up after {failures} attempts; change the spec or set the annotation {RECONCILE_REQUESTED_AT}: {message}"
    )
