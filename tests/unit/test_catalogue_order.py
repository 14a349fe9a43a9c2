"""The catalogue sample: the newest version wins, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from unit.catalogue_sample import NEW, OLD, FakeDynamoDB, World, created, error, handle, table, world

__all__ = ["world"]


@pytest.mark.parametrize("later", ["02", "010001", "1", "A", "a0"])
def test_an_older_version_never_overwrites_a_newer_one(world: World, later: str) -> None:
    old, new = world.put(OLD, "01"), world.put(NEW, later)
    handle(new)
    before = dict(world.dynamodb.items)

    assert handle(old)["skipped"] == "a newer version is in the table"

    assert world.dynamodb.items == before


@pytest.mark.parametrize("repeated", ["01", "0100", "01000000"])
def test_the_same_event_may_arrive_again(world: World, repeated: str) -> None:
    handle(world.put(OLD, "01"))
    before = world.dynamodb.comparable()
    event = created("documents/a.txt", "v1", repeated)
    assert handle(event)["kind"] == "text"
    assert world.dynamodb.comparable() == before


def interrupting(world: World, at: int, event: dict[str, Any], answers: list[dict[str, Any]]) -> Callable[[int], None]:
    def before(call: int) -> None:
        if call == at:
            world.dynamodb.before = lambda _: None
            answers.append(handle(event))

    return before


def calls_of(event: dict[str, Any], world: World) -> int:
    """How many calls of DynamoDB a run makes; the table is empty again after it."""
    handle(event)
    count = world.dynamodb.calls
    world.dynamodb.items.clear()
    world.dynamodb.calls = 0
    return count


@pytest.mark.parametrize("content", [NEW, OLD * 2, b""], ids=["shorter", "longer", "empty"])
def test_a_newer_version_that_comes_at_any_moment_of_an_older_ones_run_is_what_remains(
    world: World, content: bytes
) -> None:
    old, new = world.put(OLD, "01"), world.put(content, "02")
    handle(new)
    expected = world.dynamodb.comparable()
    world.dynamodb.items.clear()
    world.dynamodb.calls = 0
    for moment in range(1, calls_of(old, world) + 1):
        answers: list[dict[str, Any]] = []
        world.dynamodb = FakeDynamoDB()
        table.DYNAMODB = world.dynamodb
        world.dynamodb.before = interrupting(world, moment, new, answers)
        assert handle(old)["skipped"] == "a newer version is in the table", moment
        assert "skipped" not in answers[0]
        assert world.dynamodb.comparable() == expected, moment


def test_an_older_version_that_comes_at_any_moment_of_a_newer_ones_run_leaves_nothing(world: World) -> None:
    old, new = world.put(OLD, "01"), world.put(NEW, "02")
    count = calls_of(new, world)
    handle(new)
    expected = world.dynamodb.comparable()
    for moment in range(1, count + 1):
        world.dynamodb = FakeDynamoDB()
        table.DYNAMODB = world.dynamodb
        world.dynamodb.before = interrupting(world, moment, old, [])
        assert "skipped" not in handle(new)
        assert world.dynamodb.comparable() == expected, moment


def test_a_run_that_ends_at_any_moment_is_made_good_by_the_next(world: World) -> None:
    old, new = world.put(OLD, "01"), world.put(NEW, "02")
    count = calls_of(new, world)
    handle(new)
    expected = world.dynamodb.comparable()

    def stop_at(moment: int) -> Callable[[int], None]:
        def before(call: int) -> None:
            if call == moment:
                raise ConnectionError("the function ran out of time")

        return before

    for moment in range(1, count + 1):
        world.dynamodb = FakeDynamoDB()
        table.DYNAMODB = world.dynamodb
        handle(old)
        world.dynamodb.before = stop_at(world.dynamodb.calls + moment)
        with pytest.raises(ConnectionError):
            handle(new)
        world.dynamodb.before = lambda _: None
        assert moment == 1 or world.item()["state"] == "processing"
        handle(new)
        assert world.dynamodb.comparable() == expected


@pytest.mark.parametrize(
    ("failure", "passes"),
    [
        (error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}]), True),
        (error("TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}]), True),
        (error("TransactionConflictException"), True),
        (error("TransactionCanceledException", CancellationReasons=[{"Code": "ValidationError"}]), False),
        (error("AccessDeniedException"), False),
    ],
    ids=["conflict", "throttled", "conflict with one call", "invalid", "denied"],
)
@pytest.mark.parametrize("times", [1, 3])
def test_what_passes_by_itself_is_tried_again_a_few_times(
    world: World, failure: ClientError, passes: bool, times: int
) -> None:
    left = [failure] * times

    def before(_: int) -> None:
        if left:
            raise left.pop()

    world.dynamodb.before = before
    if passes and times <= len(table.PAUSES_SECONDS):
        assert handle(world.put(NEW))["kind"] == "text"
        assert world.text() == NEW.decode()
    else:
        with pytest.raises(ClientError):
            handle(world.put(NEW))
