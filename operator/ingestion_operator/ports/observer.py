"""Who is told what goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.status import Condition, Operation
from ingestion_operator.reasons import Reason


class Observer(Protocol):
    """Is told what goes on, for metrics and for health. Called from any thread; never raises."""

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        """An operation begins, which ends within that time, or hangs."""

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        """It has ended; `reason` says why it failed, None that it did not."""

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        """The status of a pipeline says this now."""

    def drifted(self, resources: int) -> None:
        """So many resources had been changed in AWS and were put back."""

    def broke_lock(self) -> None:
        """The lock of a process that was gone was broken."""


class Unobserved:
    """An `Observer` that takes no notice."""

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
