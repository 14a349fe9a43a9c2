"""The threads that reconcile, and how much work is running and waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers(ThreadPoolExecutor):
    """A pool of threads that knows how much work is running and waiting."""

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(count, thread_name_prefix="reconcile")
        self.count = count
        self._clock = clock
        self._guard = threading.Lock()
        self._waiting: dict[object, float] = {}
        self._busy = 0

    @property
    def busy(self) -> int:
        """How many threads are working."""
        return self._busy

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        return len(self._waiting)

    def oldest_waiting_seconds(self) -> float:
        """How long the oldest waiting piece of work has waited. 0 if no work waits."""
        with self._guard:
            return max((self._clock() - since for since in self._waiting.values()), default=0.0)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See the base class."""
        ticket = object()
        with self._guard:
            self._waiting[ticket] = self._clock()

        def work() -> T:
            with self._guard:
                self._waiting.pop(ticket, None)
                self._busy += 1
            try:
                return fn(*args, **kwargs)
            finally:
                with self._guard:
                    self._busy -= 1

        try:
            future = super().submit(work)
        except RuntimeError:  # the pool is shut down
            self._forget(ticket)
            raise
        # Cancelled work never starts, so it cannot remove its own ticket.
        future.add_done_callback(lambda _: self._forget(ticket))
        return future

    def _forget(self, ticket: object) -> None:
        with self._guard:
            self._waiting.pop(ticket, None)
