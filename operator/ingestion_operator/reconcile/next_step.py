"""The rule: what may be done next with the stack of a pipeline, from what was recorded and what is observed.

`next_step` is the only place that decides whether an operation waits, refreshes or adopts
(docs/adr/0015-one-rule-for-the-next-step.md has the table). `decide` says whether a live pipeline needs an operation at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ingestion_operator.model.status import LastOperation, OperationResult, Status, Unfinished
from ingestion_operator.ports.engine import Scope
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason


class Presence(StrEnum):
    """What is known about the pod of an operation whose end was never written."""

    HERE = "here"
    """It is this operator's pod, or there are no pods. The engine recognizes a lock of this host by the process ids."""
    ALIVE = "alive"
    """It is another pod, and it exists."""
    GONE = "gone"
    """It is another pod, and it certainly no longer runs."""
    UNKNOWN = "unknown"
    """It is another pod, and it cannot be looked up."""


@dataclass(frozen=True)
class Wait:
    """An operation is under way: nothing may begin."""

    pod: Pod
    operation: Unfinished

    @property
    def why(self) -> str:
        """What the user is told."""
        return (
            f"the operator pod {self.pod.namespace}/{self.pod.name} works on this pipeline ({self.operation.type.value}): the "
            "operator goes on when that operation has ended, or when Kubernetes no longer has the pod"
        )


@dataclass(frozen=True)
class Go:
    """An operation may begin."""

    scope: Scope
    why: str = ""
    """Why the scope is more than the changes."""
    departed: tuple[str, ...] = ()
    """The hosts that may hold the stack's lock although they certainly no longer run. The engine may break their locks."""


Step = Wait | Go


@dataclass(frozen=True)
class Situation:
    """What the rule depends on."""

    status: Status
    presence: Mapping[str, Presence] = field(default_factory=dict)
    """By the pod, as the status names it."""
    looks: bool = False
    """Whether the operator must compare AWS with the state anyway: a person requested it, or a drift check is due."""

    @property
    def unfinished(self) -> tuple[Unfinished, ...]:
        """The operations whose end was never written."""
        workings = self.status.workings
        return tuple(workings.unfinished.values()) if workings else ()

    def pods(self, presence: Presence) -> tuple[tuple[Pod, Unfinished], ...]:
        """The other pods of unfinished operations of which this is known."""
        named = ((Pod.parse(operation.pod), operation) for operation in self.unfinished)
        return tuple((pod, op) for pod, op in named if pod is not None and self.presence.get(str(pod)) is presence)


def next_step(situation: Situation) -> Step:
    """Whether an operation may begin, and how much it must look at. Deleting a pipeline follows the same table."""
    if alive := situation.pods(Presence.ALIVE):
        return Wait(*alive[0])
    scope, why = _scope(situation)
    departed = (pod.host for pod, _ in situation.pods(Presence.GONE))
    return Go(scope, why, tuple(dict.fromkeys(departed)))


def _scope(situation: Situation) -> tuple[Scope, str]:
    """The first row that applies."""
    status, last = situation.status, situation.status.last_operation
    if situation.unfinished:
        return Scope.LEFTOVERS, "the last operation was interrupted"
    if not status.is_built:
        # An attempt may have failed, the status may have been lost, or an earlier pipeline may have left something.
        return Scope.LEFTOVERS, "nothing was applied yet"
    if _failed(last) and not _only_propagates(last):
        # The operation may have been cut off, and another process may have had the lock.
        return Scope.LEFTOVERS, "the last operation failed"
    if _failed(last):
        return Scope.DRIFT, "AWS did not show what was applied"
    if situation.looks:
        return Scope.DRIFT, "AWS is compared with what was applied"
    return Scope.CHANGES, ""


def _failed(last: LastOperation | None) -> bool:
    return last is not None and last.result is not OperationResult.SUCCEEDED


def _only_propagates(last: LastOperation | None) -> bool:
    """Whether the engine succeeded, so that the state has everything."""
    return last is not None and last.reason == Reason.PROPAGATING.value
