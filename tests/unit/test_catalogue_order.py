"""The catalogue sample: the newest version wins, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from unit.catalogue_sample import NEW, OLD, Catalogue, FakeDynamoDB, catalogue, created, error, handle, table

__all__ = ["catalogue"]


@pytest.mark.parametrize("later", ["02", "010001", "1", "A", "a0"])
def test_an_older_version_never_overwrites_a_newer_one(catalogue: Catalogue, later: str) -> None:
    old, new = catalogue.put(OLD, "01"), catalogue.put(NEW, later)
    handle(new)
    before = dict(catalogue.dynamodb.items)

    assert handle(old)["skipped"] == "a newer version is in the table"

    assert catalogue.dynamodb.items == before


@pytest.mark.parametrize("repeated", ["01", "0100", "01000000"])
def test_the_same_event_may_arrive_again(catalogue: Catalogue, repeated: str) -> None:
    handle(catalogue.put(OLD, "01"))
    before = catalogue.dynamodb.comparable()
    event = created("documents/a.txt", "v1", repeated)
    assert handle(event)["kind"] == "text"
    assert catalogue.dynamodb.comparable() == before


def interrupting(
    catalogue: Catalogue, at: int, event: dict[str, Any], answers: list[dict[str, Any]]
) -> Callable[[int], None]:
    def before(call: int) -> None:
        if call == at:
            catalogue.dynamodb.before = lambda _: None
            answers.append(handle(event))

    return before


def calls_of(event: dict[str, Any], catalogue: Catalogue) -> int:
    """How many calls a run makes to DynamoDB. Empties the table afterwards."""
    handle(event)
    count = catalogue.dynamodb.calls
    catalogue.dynamodb.items.clear()
    catalogue.dynamodb.calls = 0
    return count


@pytest.mark.parametrize("content", [NEW, OLD * 2, b""], ids=["shorter", "longer", "empty"])
def test_a_newer_version_that_comes_at_any_moment_of_an_older_ones_run_is_what_remains(
    catalogue: Catalogue, content: bytes
) -> None:
    old, new = catalogue.put(OLD, "01"), catalogue.put(content, "02")
    handle(new)
    expected = catalogue.dynamodb.comparable()
    catalogue.dynamodb.items.clear()
    catalogue.dynamodb.calls = 0
    for moment in range(1, calls_of(old, catalogue) + 1):
        answers: list[dict[str, Any]] = []
        catalogue.dynamodb = FakeDynamoDB()
        table.DYNAMODB = catalogue.dynamodb
        catalogue.dynamodb.before = interrupting(catalogue, moment, new, answers)
        assert handle(old)["skipped"] == "a newer version is in the table", moment
        assert "skipped" not in answers[0]
        assert catalogue.dynamodb.comparable() == expected, moment


def test_an_older_version_that_comes_at_any_moment_of_a_newer_ones_run_leaves_nothing(catalogue: Catalogue) -> None:
    old, new = catalogue.put(OLD, "01"), catalogue.put(NEW, "02")
    count = calls_of(new, catalogue)
    handle(new)
    expected = catalogue.dynamodb.comparable()
    for moment in range(1, count + 1):
        catalogue.dynamodb = FakeDynamoDB()
        table.DYNAMODB = catalogue.dynamodb
        catalogue.dynamodb.before = interrupting(catalogue, moment, old, [])
        assert "skipped" not in handle(new)
        assert catalogue.dynamodb.comparable() == expected, moment


def test_a_run_that_ends_at_any_moment_is_made_good_by_the_next(catalogue: Catalogue) -> None:
    old, new = catalogue.put(OLD, "01"), catalogue.put(NEW, "02")
    count = calls_of(new, catalogue)
    handle(new)
    expected = catalogue.dynamodb.comparable()

    def stop_at(moment: int) -> Callable[[int], None]:
        def before(call: int) -> None:
            if call == moment:
                raise ConnectionError("the function ran out of time")

        return before

    for moment in range(1, count + 1):
        catalogue.dynamodb = FakeDynamoDB()
        table.DYNAMODB = catalogue.dynamodb
        handle(old)
        catalogue.dynamodb.before = stop_at(catalogue.dynamodb.calls + moment)
        with pytest.raises(ConnectionError):
            handle(new)
        catalogue.dynamodb.before = lambda _: None
        assert moment == 1 or catalogue.item()["state"] == "processing"
        handle(new)
        assert catalogue.dynamodb.comparable() == expected


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
    catalogue: Catalogue, failure: ClientError, passes: bool, times: int
) -> None:
    left = [failure] * times

    def before(_: int) -> None:
        if left:
            raise left.pop()

    catalogue.dynamodb.before = before
    if passes and times <= len(table.PAUSES_SECONDS):
        assert handle(catalogue.put(NEW))["kind"] == "text"
        assert catalogue.text() == NEW.decode()
    else:
        with pytest.raises(ClientError):
            handle(catalogue.put(NEW))
