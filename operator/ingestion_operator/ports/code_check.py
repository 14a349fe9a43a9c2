"""What the core needs to know about code that a user wrote, without parsing it in the operator's process."""

from __future__ import annotations

from typing import Protocol

from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.model.processor import Processor


class CodeCheck(Protocol):
    """Looks at the Python files of a function without running them."""

    def fault(self, bundle: CodeBundle, processor: Processor) -> str:
        """Why Lambda could not run these files with this runtime and handler; empty if nothing speaks against it.

        Code that nobody can parse has a fault. Code that could not be checked in time, because the machine is slow, has none.
        The answer comes within seconds, whatever the files contain.
        """
