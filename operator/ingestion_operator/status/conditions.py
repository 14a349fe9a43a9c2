"""All conditions of a pipeline, and of an AWSAccount: each constructor returns the complete set.

The set always contains `Ready`. It contains `Reconciling` only while work or a retry is under way, and `Stalled` only while
a person must act.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ingestion_operator.model.status import Condition, ConditionStatus
from ingestion_operator.reasons import ConditionType, Reason
from ingestion_operator.wording import shorten

Conditions = tuple[Condition, ...]


@dataclass(frozen=True)
class _Claim:
    type: ConditionType
    status: ConditionStatus
    reason: str
    """A `Reason`, or a reason that another version of the operator wrote into the status."""
    message: str


class Conditioned(Protocol):
    """A status, of a pipeline or of an AWSAccount."""

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""


@dataclass(frozen=True)
class ConditionSet:
    """Builds the complete set of conditions that follows a status, for one generation, at one time."""

    previous: Conditioned
    generation: int
    now: datetime

    def provisioned(self, message: str) -> Conditions:
        """This generation is applied and the wiring was read back."""
        return self._set(_ready(ConditionStatus.TRUE, Reason.PROVISIONED, message), synced=_in_sync())

    def drift_corrected(self, message: str) -> Conditions:
        """Like `provisioned`, after AWS differed from the state and the operator corrected it."""
        return self._set(
            _ready(ConditionStatus.TRUE, Reason.PROVISIONED, message), synced=_in_sync("drift was corrected")
        )

    def progressing(self, reason: Reason, message: str) -> Conditions:
        """An operation is under way. A pipeline that works stays ready while the operator only compares it with AWS."""
        before = self.previous.condition(ConditionType.READY.value)
        looked_at_only = reason is Reason.REFRESHING and before is not None and before.status is ConditionStatus.TRUE
        ready = (
            _Claim(ConditionType.READY, before.status, before.reason, before.message)
            if before is not None and looked_at_only
            else _ready(ConditionStatus.FALSE, Reason.PROGRESSING, message)
        )
        return self._set(ready, reconciling=(reason, message))

    def waiting(self, reason: str, message: str) -> Conditions:
        """Something outside the operator must happen first. The operator checks again by itself."""
        of_ready: dict[str, Reason] = {
            Reason.PROPAGATING: Reason.PROPAGATING,
            Reason.LOCK_HELD: Reason.PROGRESSING,
            Reason.STATE_HEALED: Reason.PROGRESSING,
        }
        ready = _ready(ConditionStatus.FALSE, of_ready.get(reason, Reason.DEPENDENCY_NOT_READY), message)
        return self._set(ready, reconciling=(reason, message))

    def retrying(self, reason: str, message: str) -> Conditions:
        """The operation failed, and the operator will try again."""
        return self._set(_ready(ConditionStatus.FALSE, Reason.FAILED, message), reconciling=(reason, message))

    def stalled(self, reason: str, message: str) -> Conditions:
        """A person must act."""
        return self._set(_ready(ConditionStatus.FALSE, Reason.FAILED, message), stalled=(reason, message))

    def looking_failed(self, reason: str, message: str) -> Conditions:
        """The operator could not find out what to do. `Ready` stays as it is, because what is built may work."""
        before = self.previous.condition(ConditionType.READY.value)
        kept = (
            _Claim(ConditionType.READY, before.status, before.reason, before.message)
            if before is not None
            else _ready(ConditionStatus.FALSE, Reason.FAILED, message)
        )
        return self._set(kept, reconciling=(reason, message))

    def assumed(self, message: str) -> Conditions:
        """The role of an AWSAccount was assumed."""
        return self._set(_ready(ConditionStatus.TRUE, Reason.ASSUMED, message))

    def refused(self, reason: str, message: str) -> Conditions:
        """An AWSAccount is useless until a person acts. `Ready` has the same reason, because an account does no other work."""
        return self._set(_ready(ConditionStatus.FALSE, reason, message), stalled=(reason, message))

    def suspended(self) -> Conditions:
        """The operator does nothing until spec.reconcile.suspend is false."""
        return self._set(
            _ready(ConditionStatus.FALSE, Reason.SUSPENDED, "set spec.reconcile.suspend to false to go on")
        )

    def deleting(self, message: str, *, stalled: Reason | None = None, retrying: Reason | None = None) -> Conditions:
        """The pipeline is being deleted."""
        ready = _ready(ConditionStatus.FALSE, Reason.DELETING, message)
        if stalled:
            return self._set(ready, stalled=(stalled, message))
        return self._set(ready, reconciling=(retrying or Reason.DESTROYING, message))

    def _set(
        self,
        ready: _Claim,
        *,
        reconciling: tuple[str, str] | None = None,
        stalled: tuple[str, str] | None = None,
        synced: _Claim | None = None,
    ) -> Conditions:
        claims = [ready]
        if reconciling:
            claims.append(_Claim(ConditionType.RECONCILING, ConditionStatus.TRUE, *reconciling))
        if stalled:
            claims.append(_Claim(ConditionType.STALLED, ConditionStatus.TRUE, *stalled))
        return (*(self._condition(claim) for claim in claims), *self._synced(synced))

    def _synced(self, claim: _Claim | None) -> Iterable[Condition]:
        if claim is not None:
            return [self._condition(claim)]
        kept = self.previous.condition(ConditionType.SYNCED.value)
        return [kept] if kept else []

    def _condition(self, claim: _Claim) -> Condition:
        before = self.previous.condition(claim.type.value)
        moved = before is None or before.status is not claim.status
        return Condition(
            type=claim.type.value,
            status=claim.status,
            reason=str(claim.reason),
            message=shorten(claim.message),
            observed_generation=self.generation,
            last_transition_time=self.now if moved or before is None else before.last_transition_time,
        )


def _ready(status: ConditionStatus, reason: str, message: str) -> _Claim:
    return _Claim(ConditionType.READY, status, reason, message)


def _in_sync(message: str = "AWS matches the pipeline") -> _Claim:
    return _Claim(ConditionType.SYNCED, ConditionStatus.TRUE, Reason.IN_SYNC, message)
