"""The `CodeCheck` port: ruff and CPython in child processes, and their answers remembered by the hash of the code."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ruff

from ingestion_operator.adapters.code_check.processes import NoTime, run_limited
from ingestion_operator.adapters.code_check.verdict import Syntax, Version, syntax_error
from ingestion_operator.blueprint.function_code import CodeBundle, handler_module
from ingestion_operator.model.processor import Processor
from ingestion_operator.wording import few

logger = logging.getLogger(__name__)

REMEMBERED = 4096
AT_ONCE = 2
"""Checks that run at the same time. Each may take the CPU and the memory that `in_limits` allows."""
CHILD = Path(__file__).with_name("child.py")
OWN: Version = sys.version_info[:2]
# Ruff always reports what its parser refuses. These rules are the errors that the compiler of CPython finds after parsing.
# https://docs.astral.sh/ruff/rules/
COMPILER_RULES = "F404,F406,F407,F701,F702,F704,F706,F707,PLE0115,PLE0117,PLE0118,PLE1142"


class CodeChecker:
    """Asks two parsers, each in its own process with limits.

    An answer is remembered, also if a parser died. A process that got no time from the machine does not answer.
    """

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._guard = threading.Lock()
        self._answers: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def fault(self, bundle: CodeBundle, processor: Processor) -> str:
        """See the port."""
        key = (bundle.sha256, processor.runtime.value, processor.handler)
        with self._guard:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        try:
            with self._slots, tempfile.TemporaryDirectory(prefix="code-") as scratch:
                answer = _Files(bundle, processor, Path(scratch)).fault()
        except NoTime:
            logger.warning("the code of a function is deployed unchecked: the machine was too busy to check it in time")
            return ""
        with self._guard:
            self._answers[key] = answer
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return answer


class _Files:
    """The Python files of one bundle in a directory, under names of the checker's own."""

    def __init__(self, bundle: CodeBundle, processor: Processor, scratch: Path) -> None:
        self._directory, self._output = scratch / "code", scratch / "output"
        self._processor = processor
        self._names = {f"{number:06}.py": name for number, (name, _) in enumerate(bundle.files) if name.endswith(".py")}
        self._directory.mkdir()
        for number, (name, text) in enumerate(bundle.files):
            if name.endswith(".py"):
                (self._directory / f"{number:06}.py").write_text(text, encoding="utf-8", newline="")

    def fault(self) -> str:
        """See the port."""
        major, minor = map(int, self._processor.runtime.python_version.split("."))
        of_ruff, view = self._ruff((major, minor)), self._view()
        of_python = None if view is None else Syntax(self._error(view))
        if error := syntax_error((major, minor), OWN, of_ruff, of_python, partial(self._ruff, OWN)):
            return f"processor.code does not compile for {self._processor.runtime.value}: {error}"
        return self._missing_handler(view or {})

    def _ruff(self, version: Version) -> Syntax | None:
        target = f"py{version[0]}{version[1]}"
        options = ["--isolated", "--no-cache", "--ignore-noqa", "--target-version", target, "--select", COMPILER_RULES]
        command = [ruff.find_ruff_bin(), "check", *options, "--output-format", "json-lines", str(self._directory)]
        ended = run_limited(command, self._output)
        if ended.status == 0:
            return Syntax()
        first = _document(ended.output.partition(b"\n")[0])
        place = first.get("location") or {}
        error = {**place, **first, "file": Path(str(first.get("filename"))).name, "line": place.get("row")}
        # A line that was cut off is an error too, without its words.
        return Syntax(self._error(error)) if first else None

    def _view(self) -> Mapping[str, Any] | None:
        function = self._processor.handler.rpartition(".")[2]
        path = handler_module(self._processor.handler)
        file = next((number for number, name in self._names.items() if name == path), "")
        command = [sys.executable, "-I", "-S", str(CHILD), str(self._directory), file, function]
        ended = run_limited(command, self._output)
        return _document(ended.output) if ended.status == 0 else None

    def _error(self, error: Mapping[str, Any]) -> str:
        if not error.get("message"):
            return ""
        where = f"line {error['line']}, column {error['column']}: " if error.get("line") else ""
        message = "".join(letter if letter.isprintable() else "?" for letter in error["message"])
        return f"{self._names.get(error['file'], error['file'])}, {where}{message}"

    def _missing_handler(self, view: Mapping[str, Any]) -> str:
        if view.get("defined", True):
            return ""
        handler = self._processor.handler
        module, _, function = handler.rpartition(".")
        functions: Sequence[str] = view["functions"]
        advice = (
            f"it has {few(functions)}: write handler: {module}.{functions[0]}" if functions else "it has no function"
        )
        return f"processor.handler {handler!r} needs a function {function} in {handler_module(handler)}, but {advice}"


def _document(text: bytes) -> dict[str, Any]:
    """The JSON object in a child's output; empty if there is none, because the child died or wrote too much."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
