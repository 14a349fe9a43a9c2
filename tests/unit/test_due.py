"""Which key is next: tables of stories, and what holds for every story."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from ingestion_handlers.due import PATIENCE_SECONDS, SLACK, DueKeys, Result, Work
from ingestion_operator.model.pipeline import PipelineKey

DONE = Result(None)


def key(text: str) -> PipelineKey:
    """`a/1`: the pipeline 1 in the namespace a."""
    return PipelineKey(*text.split("/"))


def order(due: DueKeys[PipelineKey], now: float = 100.0) -> list[str]:
    """The keys in the order in which one worker takes them."""
    found = []
    while (work := due.take(now)) is not None:
        found.append(str(work.key))
        due.finish(work, now, DONE)
    return found


def taken(due: DueKeys[PipelineKey], now: float = 0.0) -> Work[PipelineKey]:
    work = due.take(now)
    assert work is not None
    return work


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], []),
        (["a/1", "a/2", "a/3"], ["a/1", "a/2", "a/3"]),
        (["a/1", "a/2", "a/1", "a/1"], ["a/1", "a/2"]),
        (["a/1", "a/2", "a/3", "b/1", "b/2"], ["a/1", "b/1", "a/2", "b/2", "a/3"]),
        (["a/1 look", "a/2 look", "b/1 look", "b/9", "a/9"], ["b/9", "a/9", "b/1", "a/1", "a/2"]),
        (["a/1 look", "a/2 look", "a/2"], ["a/2", "a/1"]),
        (["a/1", "a/1 look"], ["a/1"]),
    ],
    ids=[
        "nothing",
        "the oldest comes first",
        "a key that is marked often is done once",
        "namespaces take turns",
        "changes overtake looks",
        "a change turns a look into something urgent",
        "a look leaves a change urgent",
    ],
)
def test_what_comes_next(marks: list[str], expected: list[str]) -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    for at, mark in enumerate(marks):
        name, _, look = mark.partition(" ")
        due.mark(key(name), float(at), urgent=not look)
    assert order(due) == expected
    assert (due.waiting, dict(due.working), due.oldest_waiting_seconds(100.0)) == (0, {}, 0.0)


def test_a_key_in_work_is_given_to_nobody_else_and_is_done_once_more_after() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    due.mark(key("a/1"), 0)
    work = taken(due)
    for at in range(1, 20):
        due.mark(key("a/1"), at)
    assert due.take(20) is None
    assert due.seconds_until_due(20) is None
    due.finish(work, 20, Result(3600))
    assert due.oldest_waiting_seconds(21) == 20.0
    again = taken(due, 21)
    assert again == Work(key("a/1"), urgent=True)
    due.finish(again, 22, DONE)
    assert due.take(22) is None


def test_a_pipeline_that_hangs_costs_one_worker_and_its_namespace_no_turn() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    due.mark(key("a/hangs"), 0)
    taken(due)
    for at in range(1, 7):
        due.mark(key("a/hangs"), at)
        due.mark(key(f"a/{at}"), at)
        due.mark(key(f"b/{at}"), at)
    assert order(due)[:4] == ["a/1", "b/1", "a/2", "b/2"]


def test_a_namespace_with_several_updates_under_way_lets_others_go_first() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    for name in ("a/1", "a/2", "a/3", "a/4"):
        due.mark(key(name), 0)
    for _ in range(2):
        taken(due)
    for name in ("b/1", "b/2", "b/3"):
        due.mark(key(name), 1)
    assert [str(taken(due, 1).key) for _ in range(2)] == ["b/1", "b/2"]


def test_what_failed_is_due_again_and_as_urgent_as_before_until_it_is_done() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    due.mark(key("a/1"), 0)
    due.finish(taken(due), 0, Result(2, failed=True))
    due.mark(key("a/2"), 1, urgent=False)
    assert due.seconds_until_due(1.0) == 0.0
    assert due.take(1.9) == Work(key("a/2"), urgent=False)
    second = taken(due, 2.0)
    assert second == Work(key("a/1"), urgent=True, failures=1)
    due.finish(second, 2, Result(4, failed=True))
    third = taken(due, 6.0)
    assert third.failures == 2
    due.finish(third, 6, Result(60))
    assert due.take(65.9) is None
    assert due.take(66.0) == Work(key("a/1"), urgent=False, failures=0)


def test_a_change_does_not_wait_for_the_pause_after_a_failure() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    due.mark(key("a/1"), 0)
    due.finish(taken(due), 0, Result(300, failed=True))
    due.mark(key("a/1"), 5)
    work = taken(due, 5)
    assert work == Work(key("a/1"), urgent=True, failures=1)
    due.finish(work, 5, DONE)
    assert due.seconds_until_due(400) is None, "the pause is over, and nothing is left of it"


def test_what_failed_stays_urgent_if_only_a_look_was_asked_for_meanwhile() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    due.mark(key("a/1"), 0)
    work = taken(due)
    due.mark(key("a/1"), 1, urgent=False)
    due.finish(work, 2, Result(300, failed=True))
    assert due.take(2) == Work(key("a/1"), urgent=True, failures=1)


def test_what_failed_stays_urgent_if_a_look_at_it_is_asked_for_in_the_pause() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    due.mark(key("a/1"), 0)
    due.finish(taken(due), 0, Result(300, failed=True))
    due.mark(key("a/1"), 1, urgent=False)
    assert due.take(1) == Work(key("a/1"), urgent=True, failures=1)


def test_a_look_that_has_waited_long_is_no_longer_overtaken() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    due.mark(key("a/look"), 0, urgent=False)
    due.mark(key("a/1"), PATIENCE_SECONDS - 1)
    assert str(taken(due, PATIENCE_SECONDS - 1).key) == "a/1"
    due.mark(key("a/2"), PATIENCE_SECONDS + 1)
    assert due.take(PATIENCE_SECONDS + 1) == Work(key("a/2"), urgent=True)
    due.mark(key("a/3"), PATIENCE_SECONDS + 2)
    assert due.take(PATIENCE_SECONDS + 2) == Work(key("a/look"), urgent=True)


def test_the_heap_does_not_grow_with_the_marks() -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    for at in range(10_000):
        due.mark(key(f"a/{at % 10}"), at)
        due.finish(taken(due, at), at, Result(1_000_000))
    assert len(due._heap) <= 2 * 10 + SLACK + 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=60))
def test_no_namespace_waits_longer_than_one_turn_of_the_others(marks: list[tuple[str, int]]) -> None:
    due: DueKeys[PipelineKey] = DueKeys()
    for namespace, number in marks:
        due.mark(PipelineKey(namespace, str(number)), 0)
    left = Counter(namespace for namespace, _ in set(marks))
    waited: Counter[str] = Counter()
    for taken_key in map(key, order(due)):
        left[taken_key.namespace] -= 1
        waited[taken_key.namespace] = 0
        for namespace in "abc":
            waited[namespace] += namespace != taken_key.namespace and left[namespace] > 0
        assert max(waited.values()) <= 2
    assert not +left


KEYS = [PipelineKey(namespace, name) for namespace in "ab" for name in "123"]


class AnyStory(RuleBasedStateMachine):
    """Marks, work and time in any order. The model is what a reader would expect: a set of what is owed."""

    works: Bundle[Any] = Bundle("works")

    def __init__(self) -> None:
        super().__init__()
        self.due: DueKeys[PipelineKey] = DueKeys()
        self.now = 0.0
        self.owed: set[PipelineKey] = set()
        self.later: dict[PipelineKey, float] = {}
        self.working: dict[PipelineKey, Work[PipelineKey]] = {}

    @rule(key=st.sampled_from(KEYS), urgent=st.booleans())
    def mark(self, key: PipelineKey, urgent: bool) -> None:
        self.due.mark(key, self.now, urgent=urgent)
        self.owed.add(key)

    @rule(seconds=st.integers(0, 700))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        self._become_due()
        work = self.due.take(self.now)
        free = self.owed - self.working.keys()
        assert (work is None) == (not free), "a free worker is given work if, and only if, there is some"
        if work is not None:
            assert work.key in free
            self.owed.discard(work.key)
            self.later.pop(work.key, None)
            self.working[work.key] = work

    @precondition(lambda self: self.working)
    @rule(data=st.data(), after=st.none() | st.integers(0, 1000), failed=st.booleans())
    def finish(self, data: Any, after: int | None, failed: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.working)))
        after = 1 if failed and after is None else after
        self.due.finish(self.working.pop(key), self.now, Result(after, failed=failed))
        if after is not None and key not in self.owed:
            self.later[key] = self.now + after

    def _become_due(self) -> None:
        ready = {key for key, at in self.later.items() if at <= self.now}
        self.owed |= ready
        for key in ready:
            del self.later[key]

    @invariant()
    def what_is_owed_is_known(self) -> None:
        self._become_due()
        seconds = self.due.seconds_until_due(self.now)
        free = self.owed - self.working.keys()
        assert self.due.waiting == len(free)
        assert set(self.due.working) == set(self.working)
        ahead = [at - self.now for key, at in self.later.items() if key not in self.owed]
        if free:
            assert seconds == 0.0
        else:
            assert seconds == min(ahead, default=None)


TestAnyStory = AnyStory.TestCase
