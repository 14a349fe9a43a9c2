"""The threads that work on due keys. `due.py` decides which key is next; this module adds the clock, the lock and the threads.

A worker never waits for another one: it works on a key that nobody else works on, or it waits for a key to become due.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic

from ingestion_handlers.due import DueKeys, K, Result, Work

logger = logging.getLogger(__name__)

# A worker takes a due key at once. If a key waits this long beside a free worker, the queue no longer moves.
STUCK_SECONDS = 60.0
# After an error that even the pass itself did not expect.
FALLBACK_SECONDS = 60.0

Act = Callable[[Work[K]], Result]
"""Works on one key. Any thread may call it, but never two for the same key."""


class Workers(Generic[K]):
    """A fixed number of threads, and the keys that they work on."""

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = count
        self._clock = clock
        self._due: DueKeys[K] = DueKeys()
        self._moved = threading.Condition()
        self._stopping = False
        self._moved_at = clock()
        self._threads: list[threading.Thread] = []

    def start(self, act: Act[K]) -> None:
        """Start the threads."""
        self._threads = [
            threading.Thread(target=self._work, args=(act,), name=f"reconcile-{number}", daemon=True)
            for number in range(self.count)
        ]
        for thread in self._threads:
            thread.start()

    def mark(self, key: K, *, urgent: bool = True) -> None:
        """The key is due now. `urgent` says that something changed. Never blocks for long."""
        with self._moved:
            self._due.mark(key, self._clock(), urgent=urgent)
            self._moved.notify()

    def stop(self) -> None:
        """No further key is taken. Returns at once; `join` waits for the keys in work."""
        with self._moved:
            self._stopping = True
            self._moved.notify_all()

    def join(self) -> None:
        """Wait until every thread has ended its work."""
        for thread in self._threads:
            thread.join()

    @property
    def busy(self) -> int:
        """How many threads work on a key."""
        return len(self.working())

    @property
    def waiting(self) -> int:
        """How many keys are due and wait for a thread."""
        with self._moved:
            return self._due.waiting

    def oldest_waiting_seconds(self) -> float:
        """How long the oldest due key has waited for a thread. 0 if none waits."""
        with self._moved:
            return self._due.oldest_waiting_seconds(self._clock())

    def working(self) -> Mapping[K, float]:
        """The keys in work, and for how many seconds."""
        with self._moved:
            now = self._clock()
            return {key: now - since for key, since in self._due.working.items()}

    def faults(self) -> list[str]:
        """What is wrong with the threads, one message each. Empty if keys are worked on as they should be."""
        with self._moved:
            if self._stopping:
                return []
            now = self._clock()
            still = min(self._due.oldest_waiting_seconds(now), now - self._moved_at) > STUCK_SECONDS
            stuck = still and len(self._due.working) < self.count
        dead = sum(not thread.is_alive() for thread in self._threads)
        messages = {f"{dead} of {self.count} workers have ended": dead, "no worker takes the keys that are due": stuck}
        return [message for message, wrong in messages.items() if wrong]

    def _work(self, act: Act[K]) -> None:
        done: tuple[Work[K], Result] | None = None
        while (work := self._next(done)) is not None:
            try:
                done = work, act(work)
            except Exception:
                logger.exception("%s: unexpected", work.key)
                done = work, Result(FALLBACK_SECONDS, failed=True)

    def _next(self, done: tuple[Work[K], Result] | None) -> Work[K] | None:
        """Hand in what is done, and wait for the next key to work on. None when the workers stop."""
        with self._moved:
            if done is not None:
                self._due.finish(done[0], self._clock(), done[1])
                self._moved_at = self._clock()
            while not self._stopping:
                if (work := self._due.take(self._clock())) is not None:
                    self._moved_at = self._clock()
                    # Another thread must wait for the next due time now, because this one no longer does.
                    self._moved.notify()
                    return work
                self._moved.wait(self._due.seconds_until_due(self._clock()))
            return None
