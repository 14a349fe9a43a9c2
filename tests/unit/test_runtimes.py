"""Runtimes by date: warned of when AWS deprecates them, refused when AWS would refuse them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ingestion_operator.model.runtimes import BLOCKED, NEAREST, SUPPORT, Runtime, block, deprecation

DAY = timedelta(days=1)
OLD = Runtime.PYTHON_3_10
SUPPORTED, DEPRECATED = date(2026, 10, 30), date(2026, 10, 31)
NO_CREATION, NO_UPDATE = date(2027, 2, 1), date(2027, 3, 3)


@pytest.mark.parametrize(
    ("today", "warned", "refused_when_new", "refused_when_there"),
    [
        pytest.param(SUPPORTED, False, False, False, id="supported"),
        pytest.param(DEPRECATED, True, False, False, id="deprecated on the day"),
        pytest.param(NO_CREATION - DAY, True, False, False, id="the last day of creations"),
        pytest.param(NO_CREATION, True, True, False, id="no creations from the day on"),
        pytest.param(NO_UPDATE - DAY, True, True, False, id="the last day of updates"),
        pytest.param(NO_UPDATE, True, True, True, id="no updates from the day on"),
    ],
)
def test_a_runtime_goes_step_by_step(
    today: date, warned: bool, refused_when_new: bool, refused_when_there: bool
) -> None:
    assert bool(deprecation(OLD, today)) is warned
    assert bool(block(OLD, today, exists=False)) is refused_when_new
    assert bool(block(OLD, today, exists=True)) is refused_when_there


def test_the_messages_say_since_when_and_what_to_write() -> None:
    assert deprecation(OLD, DEPRECATED) == (
        "python3.10 was deprecated by AWS on 2026-10-31, and its functions cannot be updated from 2027-03-03 on: move to python3.11"
    )
    assert block(OLD, NO_CREATION, exists=False) == (
        "runtime python3.10 has been blocked by AWS since 2027-02-01: write python3.11"
    )
    assert block(OLD, NO_UPDATE, exists=True).endswith("since 2027-03-03: write python3.11")


def test_what_to_write_instead_is_supported_itself_when_it_is_said() -> None:
    assert deprecation(OLD, date(2027, 7, 1)).endswith("move to python3.12")
    assert deprecation(OLD, date(2040, 1, 1)).endswith("move to python3.14")


@pytest.mark.parametrize("runtime", Runtime)
def test_each_runtime_has_dates_in_their_order(runtime: Runtime) -> None:
    support = SUPPORT[runtime]
    assert support.deprecated < support.creation_blocked < support.update_blocked
    assert not block(runtime, support.deprecated, exists=False)
    assert runtime.python_version == runtime.value.removeprefix("python")


def test_a_blocked_runtime_is_no_runtime_any_more() -> None:
    assert not set(BLOCKED) & {runtime.value for runtime in Runtime}
    assert not deprecation(NEAREST, date(2026, 11, 24))
