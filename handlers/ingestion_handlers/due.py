"""Which keys are due, as values: a set of keys that wait, and one heap of due times. It has no thread, no clock and no I/O.

A key is due because something changed, or because its time has come. Whoever works takes one key at a time, and nobody else gets
that key until the work is done. A key that becomes due meanwhile is due once more afterwards, however often it was marked.

The cost of waiting is one heap entry for each key with a due time. Nothing is done for a key before its time.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

# A periodic look that has waited this long is as urgent as a change. Otherwise a stream of changes would keep it waiting forever.
PATIENCE_SECONDS = 600.0
# The heap may hold this many outdated entries, and as many as it holds valid ones, before it is built again.
SLACK = 64


class Key(Hashable, Protocol):
    """What is worked on. Keys of the same namespace share a turn."""

    @property
    def namespace(self) -> str:
        """Whose turn it uses."""


K = TypeVar("K", bound=Key)


@dataclass(frozen=True)
class Work(Generic[K]):
    """One key that somebody works on."""

    key: K
    urgent: bool
    """Whether something changed. False for a periodic look."""
    failures: int = 0
    """How often in a row the work was put back because it failed."""


@dataclass(frozen=True)
class Result:
    """How the work on a key ended."""

    after_seconds: float | None
    """When the key is due next. None: only a change makes it due."""
    failed: bool = False
    """The work is not done: it is as urgent as before, and its next failure counts as one more in a row."""


@dataclass(frozen=True)
class _Later:
    number: int
    """The number of the heap entry that is valid for the key. Every other entry of the key is outdated."""
    urgent: bool


class DueKeys(Generic[K]):
    """The keys that wait, that are worked on, and that will be due later. Times are seconds of one clock that never goes back."""

    def __init__(self) -> None:
        self._urgent: dict[str, dict[K, float]] = {}
        self._periodic: dict[str, dict[K, float]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._later: dict[K, _Later] = {}
        self._working: dict[K, float] = {}
        self._again: dict[K, tuple[bool, float]] = {}
        self._failures: Counter[K] = Counter()
        self._busy: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._numbers = 0

    def mark(self, key: K, now: float, *, urgent: bool = True) -> None:
        """The key is due. If somebody works on it, it is due once more when that work is done."""
        if key in self._working:
            before, since = self._again.get(key, (False, now))
            self._again[key] = (before or urgent, since)
        else:
            self._line_up(key, now, urgent=urgent)

    def take(self, now: float) -> Work[K] | None:
        """The key to work on next. None if no key is due that nobody works on.

        Changes come before periodic looks. Among these, namespaces take turns: the one that was served longest ago comes first. A
        namespace with several keys in work comes after the others, but one key that hangs costs its namespace no turn. A
        namespace's own keys come in the order in which they became due.
        """
        self._ring(now)
        for lines, urgent in ((self._urgent, True), (self._periodic, False)):
            if lines:
                namespace = min(lines, key=lambda name: (max(1, self._busy[name]), self._served.get(name, 0)))
                key = next(iter(lines[namespace]))
                _leave(lines, key)
                self._later.pop(key, None)
                self._begin(key, now)
                return Work(key, urgent, self._failures[key])
        return None

    def finish(self, work: Work[K], now: float, result: Result) -> None:
        """The work on a key ended."""
        key = work.key
        del self._working[key]
        self._busy[key.namespace] -= 1
        self._busy += Counter()  # drops what is zero
        if result.failed:
            self._failures[key] += 1
        else:
            self._failures.pop(key, None)
        if key in self._again:
            urgent, since = self._again.pop(key)
            self._line_up(key, since, urgent=urgent or (result.failed and work.urgent))
        elif result.after_seconds is not None:
            self._set_alarm(key, now + result.after_seconds, urgent=result.failed and work.urgent)

    def seconds_until_due(self, now: float) -> float | None:
        """How long nothing becomes due by itself. 0 if a key is due already, None if no key has a due time."""
        self._ring(now)
        if self._urgent or self._periodic:
            return 0.0
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    @property
    def waiting(self) -> int:
        """How many keys are due and wait for somebody."""
        return sum(len(line) for lines in (self._urgent, self._periodic) for line in lines.values())

    @property
    def working(self) -> Mapping[K, float]:
        """The keys that somebody works on, and since when."""
        return dict(self._working)

    def oldest_waiting_seconds(self, now: float) -> float:
        """How long the key has waited that became due first. 0 if none waits."""
        return max((now - since for since in self._waiting_since()), default=0.0)

    def _waiting_since(self) -> Iterator[float]:
        for lines in (self._urgent, self._periodic):
            for line in lines.values():
                yield from line.values()

    def _line_up(self, key: K, since: float, *, urgent: bool) -> None:
        if key in self._urgent.get(key.namespace, ()):
            return
        looks = self._periodic.get(key.namespace, {})
        later = self._later.get(key)
        # What failed stays urgent. In the line of the looks, the alarm only says how long the key lets others overtake it.
        if urgent or (key not in looks and later is not None and later.urgent):
            since = min(since, looks.get(key, since))
            _leave(self._periodic, key)
            self._later.pop(key, None)
            self._urgent.setdefault(key.namespace, {})[key] = since
        elif key not in looks:
            self._periodic.setdefault(key.namespace, {})[key] = since
            self._set_alarm(key, since + PATIENCE_SECONDS, urgent=True)

    def _begin(self, key: K, now: float) -> None:
        self._working[key] = now
        self._busy[key.namespace] += 1
        self._numbers += 1
        self._served[key.namespace] = self._numbers
        if not self._urgent and not self._periodic:
            # Nobody waits, so it does not matter who was served when. Namespaces come and go.
            self._served.clear()

    def _set_alarm(self, key: K, due: float, *, urgent: bool) -> None:
        self._numbers += 1
        self._later[key] = _Later(self._numbers, urgent)
        heapq.heappush(self._heap, (due, self._numbers, key))
        if len(self._heap) > 2 * len(self._later) + SLACK:
            self._heap = [entry for entry in self._heap if self._is_valid(entry)]
            heapq.heapify(self._heap)

    def _ring(self, now: float) -> None:
        """Line up the keys whose time has come, and drop outdated entries from the top of the heap."""
        while self._heap and (self._heap[0][0] <= now or not self._is_valid(self._heap[0])):
            entry = heapq.heappop(self._heap)
            if self._is_valid(entry):
                due, _, key = entry
                self._line_up(key, due, urgent=self._later.pop(key).urgent)

    def _is_valid(self, entry: tuple[float, int, K]) -> bool:
        _, number, key = entry
        later = self._later.get(key)
        return later is not None and later.number == number


def _leave(lines: dict[str, dict[K, float]], key: K) -> None:
    line = lines.get(key.namespace, {})
    line.pop(key, None)
    if not line:
        lines.pop(key.namespace, None)
