"""A code check that finds what the test says, and remembers what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.model.processor import Processor


@dataclass
class FakeCodeCheck:
    """Knows the fault of some texts. All other code has none."""

    faults: dict[str, str] = field(default_factory=dict)
    asked: list[CodeBundle] = field(default_factory=list)

    def fault(self, bundle: CodeBundle, processor: Processor) -> str:
        self.asked.append(bundle)
        return next((self.faults[text] for _, text in bundle.files if text in self.faults), "")
