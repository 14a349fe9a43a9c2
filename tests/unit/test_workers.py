"""The threads around the queue: each key once at a time, nothing lost, and what the liveness probe hears."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from builders import KEY
from ingestion_handlers.due import Result, Work
from ingestion_handlers.workers import STUCK_SECONDS, Workers
from ingestion_local.processes import wait_until
from ingestion_operator.model.pipeline import PipelineKey

NEIGHBOUR = PipelineKey(KEY.namespace, "neighbour")
DONE = Result(None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def soon(what: str, check: Callable[[], object]) -> None:
    wait_until(what, check, timeout_seconds=30, interval_seconds=0.002)


@contextmanager
def started(workers: Workers[PipelineKey], act: Callable[[Work[PipelineKey]], Result]) -> Iterator[None]:
    workers.start(act)
    try:
        yield
    finally:
        workers.stop()
        workers.join()


def test_many_threads_and_many_marks_work_on_each_key_once_at_a_time_and_lose_nothing() -> None:
    workers: Workers[PipelineKey] = Workers(8)
    keys = [PipelineKey(f"n{number % 7}", str(number)) for number in range(50)]
    guard, inside, wrong = threading.Lock(), Counter[PipelineKey](), []
    wanted, applied = Counter[PipelineKey](), Counter[PipelineKey]()

    def act(work: Work[PipelineKey]) -> Result:
        with guard:
            inside[work.key] += 1
            wrong.extend([work.key] if inside[work.key] > 1 else [])
            read = wanted[work.key]
        with guard:
            applied[work.key] = read
            inside[work.key] -= 1
        return DONE

    def change() -> None:
        for key in keys * 20:
            with guard:
                wanted[key] += 1
            workers.mark(key)

    with started(workers, act):
        changers = [threading.Thread(target=change) for _ in range(4)]
        for changer in changers:
            changer.start()
        for changer in changers:
            changer.join()
        soon("the last change of each key", lambda: applied == wanted)
        soon("rest", lambda: (workers.busy, workers.waiting) == (0, 0))
    assert wrong == []


def test_one_key_never_takes_a_second_worker_and_others_go_on() -> None:
    workers, go, done = Workers[PipelineKey](2), threading.Event(), []

    def act(work: Work[PipelineKey]) -> Result:
        done.append(work.key)
        if work.key == KEY:
            go.wait(30)
        return DONE

    with started(workers, act):
        workers.mark(KEY)
        soon("the first", lambda: workers.busy == 1)
        for _ in range(3):
            workers.mark(KEY)
        workers.mark(NEIGHBOUR)
        soon("the neighbour", lambda: NEIGHBOUR in done)
        assert (list(workers.working()), workers.waiting) == ([KEY], 0)
        go.set()
        soon("once more", lambda: done.count(KEY) == 2)


def test_a_due_time_is_met_although_the_thread_that_waited_for_it_is_busy() -> None:
    workers, go, done = Workers[PipelineKey](2), threading.Event(), []
    third = PipelineKey("b", "hangs")

    def act(work: Work[PipelineKey]) -> Result:
        done.append(work.key)
        if work.key == third:
            go.wait(30)
        return Result(0.2 if done.count(KEY) < 2 and work.key == KEY else None)

    with started(workers, act):
        workers.mark(KEY)
        soon("the first look", lambda: done == [KEY])
        workers.mark(third)
        soon("the second look", lambda: done.count(KEY) == 2)
        go.set()


def test_an_error_that_nobody_catches_costs_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    workers, done = Workers[PipelineKey](1), []

    def act(work: Work[PipelineKey]) -> Result:
        done.append(work.key)
        if work.key == KEY:
            raise ZeroDivisionError("a bug")
        return DONE

    with started(workers, act):
        workers.mark(KEY)
        workers.mark(NEIGHBOUR)
        soon("the neighbour", lambda: done == [KEY, NEIGHBOUR])
        assert workers.faults() == []
    assert "ZeroDivisionError: a bug" in caplog.text


def test_after_a_stop_nothing_begins_and_the_work_under_way_ends() -> None:
    workers, go, ended = Workers[PipelineKey](1), threading.Event(), []

    def act(work: Work[PipelineKey]) -> Result:
        go.wait(30)
        ended.append(work.key)
        return DONE

    workers.start(act)
    workers.mark(KEY)
    soon("the first", lambda: workers.busy == 1)
    workers.mark(NEIGHBOUR)
    workers.stop()
    go.set()
    workers.join()
    assert ended == [KEY]
    assert workers.faults() == []


def test_the_probe_hears_of_a_dead_worker() -> None:
    class End(BaseException):
        """Nothing catches it."""

    def act(work: Work[PipelineKey]) -> Result:
        raise End

    workers: Workers[PipelineKey] = Workers(2)
    previous, threading.excepthook = threading.excepthook, lambda _: None
    try:
        workers.start(act)
        workers.mark(KEY)
        soon("the end of a thread", lambda: workers.faults() == ["1 of 2 workers have ended"])
    finally:
        threading.excepthook = previous
        workers.stop()
        workers.join()


def test_the_probe_hears_of_a_queue_that_no_longer_moves() -> None:
    clock = Clock()
    workers: Workers[PipelineKey] = Workers(2, clock)
    workers.mark(KEY)
    clock.now = STUCK_SECONDS
    assert workers.faults() == []
    clock.now = STUCK_SECONDS + 1
    assert workers.faults() == ["no worker takes the keys that are due"]
    assert workers.oldest_waiting_seconds() == STUCK_SECONDS + 1


def test_a_queue_waits_without_a_fault_while_every_worker_is_busy() -> None:
    clock, go = Clock(), threading.Event()
    workers: Workers[PipelineKey] = Workers(1, clock)

    def act(work: Work[PipelineKey]) -> Result:
        go.wait(30)
        return DONE

    with started(workers, act):
        workers.mark(KEY)
        soon("the first", lambda: workers.busy == 1)
        workers.mark(NEIGHBOUR)
        clock.now = 10 * STUCK_SECONDS
        assert workers.faults() == []
        assert workers.working() == {KEY: 10 * STUCK_SECONDS}
        go.set()
