"""A part of the local environment that fails during its start leaves nothing running."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingestion_local.lifecycle import Startable
from ingestion_local.processes import LocalEnvironmentError


class Pair(Startable):
    """Two parts, and what happens before the second one: a list of failures, one for each start."""

    def __init__(self, *failures: BaseException | None, again: bool = False) -> None:
        super().__init__()
        self.told: list[str] = []
        self.running: list[str] = []
        self._failures = list(failures)
        self._again = again

    def _start(self) -> None:
        self._start_part("first")
        if self._failures and (failure := self._failures.pop(0)):
            raise failure
        self._start_part("second")

    def _is_worth_another_start(self) -> bool:
        return self._again

    def _start_part(self, name: str) -> None:
        self.told.append(f"start {name}")
        self.running.append(name)
        self._started.callback(self._stopping(name))

    def _stopping(self, name: str) -> Callable[[], None]:
        def stop() -> None:
            self.told.append(f"stop {name}")
            self.running.remove(name)

        return stop


def test_the_last_part_is_stopped_first() -> None:
    with Pair() as pair:
        assert pair.running == ["first", "second"]
    assert pair.told == ["start first", "start second", "stop second", "stop first"]


@pytest.mark.parametrize("failure", [LocalEnvironmentError("no port"), KeyboardInterrupt()])
def test_a_start_that_fails_half_way_stops_what_runs(failure: BaseException) -> None:
    pair = Pair(failure)
    with pytest.raises(type(failure)):
        pair.start()
    assert pair.told == ["start first", "stop first"]


def test_stopping_twice_stops_once() -> None:
    pair = Pair()
    pair.start()
    pair.stop()
    pair.stop()
    assert pair.told[2:] == ["stop second", "stop first"]


def test_it_can_be_started_again() -> None:
    pair = Pair()
    pair.start()
    pair.stop()
    pair.start()
    assert pair.running == ["first", "second"]


def test_a_start_that_is_worth_it_is_repeated_once() -> None:
    with Pair(LocalEnvironmentError("port taken"), again=True) as pair:
        assert pair.running == ["first", "second"]
    failing = Pair(LocalEnvironmentError("port taken"), LocalEnvironmentError("still taken"), again=True)
    with pytest.raises(LocalEnvironmentError, match="still taken"):
        failing.start()
    assert failing.running == []


def test_an_interrupted_start_is_not_repeated() -> None:
    pair = Pair(KeyboardInterrupt(), again=True)
    with pytest.raises(KeyboardInterrupt):
        pair.start()
    assert pair.told == ["start first", "stop first"]
