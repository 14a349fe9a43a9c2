"""An asynchronous invocation is tried as often and as long as the function says."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion_local.strict.attempts import Limits, attempt

ERROR: dict[str, Any] = {"error": True, "body": {"errorMessage": "no"}}
BUSY: dict[str, Any] = {"error": True, "throttle": True}
DONE: dict[str, Any] = {"body": 1}


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(
    ("answers", "limits", "expected", "waits"),
    [
        pytest.param([DONE], {}, None, [], id="a success is not repeated"),
        pytest.param([ERROR, DONE], {}, None, [60], id="a failure is repeated after a minute"),
        pytest.param(
            [ERROR, ERROR, ERROR], {}, ("RetriesExhausted", 3), [60, 120], id="twice, and then it is given up"
        ),
        pytest.param([ERROR], {"retries": 0}, ("RetriesExhausted", 1), [], id="or never"),
        pytest.param([ERROR], {"age_seconds": 59.0}, ("EventAgeExceeded", 1), [], id="an event that would be too old"),
        pytest.param([ERROR, ERROR], {"age_seconds": 100.0}, ("EventAgeExceeded", 2), [60], id="too old at the second"),
        pytest.param([BUSY, BUSY, BUSY, BUSY, DONE], {}, None, [60, 120, 240, 300], id="waiting in line is no attempt"),
        pytest.param([BUSY, ERROR, DONE], {}, None, [60, 60], id="and does not make the first failure the second"),
        pytest.param([BUSY, BUSY], {"age_seconds": 100.0}, ("EventAgeExceeded", 0), [60], id="in line for too long"),
    ],
)
def test_an_invocation_is_tried(
    answers: list[dict[str, Any]], limits: dict[str, Any], expected: tuple[str, int] | None, waits: list[float]
) -> None:
    clock, left = Clock(), list(answers)
    failure = attempt(lambda: left.pop(0), Limits(60, 300, **limits), lambda: clock.now, clock.sleep)
    assert (failure and (failure.condition, failure.attempts)) == expected
    assert (clock.waits, left) == (waits, [])
    assert failure is None or failure.answer == answers[-1]
