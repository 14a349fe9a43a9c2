"""When the operator checks again: after a failure, for drift, and for changes that Kubernetes does not report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ingestion_operator.model.spec import DriftMode, Spec
from ingestion_operator.model.status import Status


@dataclass(frozen=True)
class Backoff:
    """The pauses after failures. They double from `base_seconds` to `cap_seconds`.

    After `maximum` failures in a row a change that was never applied is given up. For what worked before, the pauses double on
    to `slowest_seconds`.
    """

    base_seconds: float = 5.0
    cap_seconds: float = 300.0
    maximum: int = 12
    slowest_seconds: float = 3600.0
    waiting_seconds: float = 15.0
    poll_seconds: float = 30.0
    """Time between two checks of what is not watched: Secrets, and code in S3 that may be replaced."""

    def delay(self, failures: int, jitter: float) -> timedelta:
        """Time until the next attempt after so many failures; `jitter` in [0, 1) shortens it by up to a quarter."""
        full = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 30))
        return timedelta(seconds=full * (1 - jitter / 4))

    def delay_of_what_worked(self, failures: int, jitter: float) -> timedelta:
        """The same for what worked before. After the last fast attempt, `jitter` shortens the time by up to a half.

        An outage hits many pipelines at once, so their attempts have to drift apart.
        """
        if failures < self.maximum:
            return self.delay(failures, jitter)
        full = min(self.slowest_seconds, self.cap_seconds * 2.0 ** min(failures - self.maximum + 1, 30))
        return timedelta(seconds=full * (1 - jitter / 2))


@dataclass(frozen=True)
class Timing:
    """The time of a pass, and the values that the time of the next pass depends on."""

    now: datetime
    jitter: float = 0.0
    backoff: Backoff = Backoff()


def next_drift_check(spec: Spec | None, status: Status) -> datetime | None:
    """When the operator compares AWS with the state again. None if the spec says never, or nothing is built yet."""
    checked = status.drift.checked_time if status.drift else None
    if spec is None or spec.reconcile.drift.mode is DriftMode.IGNORE or checked is None:
        return None
    return checked + timedelta(seconds=spec.reconcile.drift.interval_seconds)


def next_look(spec: Spec, status: Status, at: Timing) -> datetime | None:
    """When the operator next checks a pipeline that works: for drift, or for what it polls."""
    return poll_or(next_drift_check(spec, status), spec, at)


def poll_or(due: datetime | None, spec: Spec | None, at: Timing) -> datetime | None:
    """The earlier of `due` and the next poll of what Kubernetes does not report. None if there is neither."""
    poll = at.now + timedelta(seconds=at.backoff.poll_seconds) if spec is not None and _must_poll(spec) else None
    return min((time for time in (due, poll) if time is not None), default=None)


def _must_poll(spec: Spec) -> bool:
    replaceable = spec.processor.code.s3 is not None and not spec.processor.code.s3.version_id
    return replaceable or any(v.value_from for v in spec.processor.environment)
