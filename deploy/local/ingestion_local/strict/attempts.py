"""How often an asynchronous invocation is tried, and how long it waits. Pure: the caller passes the time.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ingestion_local.strict.failures import AGE_EXCEEDED, RETRIES_EXHAUSTED, Failure

DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 21600.0
Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Limits:
    """`wait_seconds`: the first wait. Each further wait is twice as long, up to `longest_wait_seconds`."""

    wait_seconds: float
    longest_wait_seconds: float
    retries: int = DEFAULT_RETRIES
    age_seconds: float = DEFAULT_AGE_SECONDS

    def wait(self, number: int) -> float:
        """The wait after attempt `number`, in seconds. The first attempt is number 1."""
        return float(min(self.wait_seconds * 2 ** min(number - 1, 30), self.longest_wait_seconds))


def attempt(
    execute: Callable[[], Answer], limits: Limits, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Failure | None:
    """Execute until it succeeds (None) or there are no more attempts.

    A call of a busy or throttled function does not count as an attempt. The event waits until it is too old.
    """
    started, failed, throttled = clock(), 0, 0
    while True:
        answer = execute()
        if not answer.get("error"):
            return None
        if answer.get("throttle"):
            throttled += 1
            wait = limits.wait(throttled)
        else:
            failed += 1
            wait = limits.wait(failed)
        if failed > limits.retries:
            return Failure(RETRIES_EXHAUSTED, failed, answer)
        if clock() - started + wait > limits.age_seconds:
            return Failure(AGE_EXCEEDED, failed, answer)
        sleep(wait)
