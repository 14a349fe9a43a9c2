"""How a long step reports its progress: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

LINE_EVERY_SECONDS = 15.0


class Reporter(Protocol):
    """Receives reports about steps, one after the other. `advance` may be called many times a second."""

    def begin(self, step: str) -> None:
        """A step starts."""

    def advance(self, state: str, done: int | None = None, total: int | None = None) -> None:
        """The step is in this state: `done` parts of `total` are ready, if the numbers are known."""

    def end(self, result: str) -> None:
        """The step is done."""

    def close(self) -> None:
        """No more steps come. This is also called after a failure in the middle of a step."""


class LineReporter:
    """Writes a line at the start and end of each step, and at most every `every_seconds` in between."""

    def __init__(self, stream: IO[str] | None = None, every_seconds: float = LINE_EVERY_SECONDS) -> None:
        self._stream = stream or sys.stderr
        self._every_seconds = every_seconds
        self._step = ""
        self._started = self._written = 0.0

    def begin(self, step: str) -> None:
        """Write that the step starts."""
        self._step = step
        self._started = time.monotonic()
        self._write("started")

    def advance(self, state: str, done: int | None = None, total: int | None = None) -> None:  # noqa: ARG002
        """Write the state if the last line is old enough. `state` already has the numbers in it."""
        if time.monotonic() - self._written >= self._every_seconds:
            self._write(f"{state}, {time.monotonic() - self._started:.0f} s so far")

    def end(self, result: str) -> None:
        """Write the result."""
        self._write(result)

    def close(self) -> None:
        """Do nothing: all lines are written already."""

    def _write(self, text: str) -> None:
        self._written = time.monotonic()
        self._stream.write(f"{self._step}: {text}\n")
        self._stream.flush()


class TerminalReporter:
    """One live line with a bar, and a line that stays for each finished step."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._step = ""
        self._task: TaskID | None = None

    def begin(self, step: str) -> None:
        """Show the step as the live line."""
        self._step = step
        self._progress.start()
        self._task = self._progress.add_task(step, total=None, state="")

    def advance(self, state: str, done: int | None = None, total: int | None = None) -> None:
        """Show the state and move the bar."""
        if self._task is not None:
            self._progress.update(self._task, state=state, completed=done, total=total)

    def end(self, result: str) -> None:
        """Replace the live line with one that stays."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._progress.console.print(f"{self._step}: {result}", highlight=False)

    def close(self) -> None:
        """Remove the live line."""
        self._progress.stop()


def default_reporter() -> Reporter:
    """The reporter that suits standard error. Standard output is for results."""
    console = Console(stderr=True)
    return TerminalReporter(console) if console.is_terminal else LineReporter()
