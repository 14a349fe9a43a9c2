"""How the demo writes: coloured and live on a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

from ingestion_local.processes import LocalEnvironmentError

INTERVAL_SECONDS = 0.1


class Narrator:
    """Writes what the demo does and shows."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._step = 0

    def step(self, title: str) -> None:
        """Begin a new step of the demo."""
        self._step += 1
        self.console.print(f"\n[bold cyan]{self._step}. {escape(title)}[/]")

    def command(self, line: str, output: str = "") -> None:
        """Show a command as the user would type it, and its output."""
        self.console.print(f"[bold]$ {escape(line)}[/]")
        for text in output.rstrip().splitlines():
            self.console.print(f"  {escape(text)}")

    def say(self, text: str) -> None:
        """Show a remark."""
        self.console.print(f"  {escape(text)}")

    def checked(self, text: str) -> None:
        """Show something that the demo verified."""
        self.console.print(f"  [green]ok[/] {escape(text)}")

    def failed(self, text: str) -> None:
        """Show why the demo failed."""
        self.console.print(f"\n[bold red]failed:[/] {escape(text)}")

    def watch(self, what: str, look: Callable[[], tuple[str, Any]], timeout_seconds: float = 120.0) -> Any:
        """Call `look` until its second value is true, and return that value. Show its text each time it changes.

        Raises LocalEnvironmentError when the time is up.
        """
        deadline, last = time.monotonic() + timeout_seconds, ""
        while True:
            text, value = look()
            if text and text != last:
                self.console.print(f"  [dim]{escape(text)}[/]")
                last = text
            if value:
                return value
            if time.monotonic() > deadline:
                raise LocalEnvironmentError(f"{what} did not happen within {timeout_seconds:g} s; last seen: {last}")
            time.sleep(INTERVAL_SECONDS)
