"""One base for all that the local environment starts and stops: it cleans up after a start that fails half way."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from ingestion_local.processes import LocalEnvironmentError


class Startable:
    """What runs from `start` to `stop`, or inside a `with` block. It can be started again after it was stopped.

    A subclass starts its parts in `_start`. It tells `_started` how to stop a part as soon as that part runs.
    """

    def __init__(self) -> None:
        self._started = ExitStack()

    def start(self) -> None:
        """Start it, and return when it is ready.

        Raises LocalEnvironmentError when a part does not start. Everything that was started is stopped then.
        """
        try:
            self._start_or_clean_up()
        except LocalEnvironmentError:
            if not self._is_worth_another_start():
                raise
            self._start_or_clean_up()

    def stop(self) -> None:
        """Stop all parts, the last one first. Stopping it twice succeeds."""
        self._started.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        raise NotImplementedError

    def _is_worth_another_start(self) -> bool:
        """Whether a start that has just failed may succeed the next time. It is asked once."""
        return False

    def _start_or_clean_up(self) -> None:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
