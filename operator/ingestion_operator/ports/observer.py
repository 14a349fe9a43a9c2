"""Where the core reports what it does, for metrics and for health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.status import Condition, Operation
from ingestion_operator.reasons import Reason


class Observer(Protocol):
    """Receives the reports. Any thread may call it, and it never raises."""

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        """An operation begins. It hangs if it has not ended after `longest_seconds`."""

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        """An operation ended after `seconds`. `reason` says why it failed; None means that it succeeded."""

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        """The status of a pipeline was written and has these conditions now."""

    def drifted(self, resources: int) -> None:
        """The operator corrected this many resources that had been changed in AWS."""

    def broke_lock(self) -> None:
        """The engine broke the lock of a process that no longer exists."""


class Unobserved:
    """An `Observer` that ignores every report."""

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        """See the port."""

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        """See the port."""

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        """See the port."""

    def drifted(self, resources: int) -> None:
        """See the port."""

    def broke_lock(self) -> None:
        """See the port."""
