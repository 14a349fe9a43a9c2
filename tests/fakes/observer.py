"""An observer that remembers what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.status import Condition, Operation
from ingestion_operator.reasons import Reason


@dataclass
class FakeObserver:
    """Remembers what it was told, in order."""

    told: list[tuple[Any, ...]] = field(default_factory=list)
    written: dict[PipelineKey, list[tuple[str, str, str]]] = field(default_factory=dict)

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        self.told.append(("began", key, operation.type, longest_seconds))

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(("ended", operation.type, reason))

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        self.written[key] = [(c.type, c.status.value, c.reason) for c in conditions]

    def drifted(self, resources: int) -> None:
        self.told.append(("drifted", resources))

    def broke_lock(self) -> None:
        self.told.append(("broke a lock",))
