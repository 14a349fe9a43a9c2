"""The Python runtimes of Lambda with AWS's dates, and the CPU architectures, as data.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html. AWS changes these dates, mostly to later
ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Runtime(StrEnum):
    """The runtimes that AWS still accepted for new functions when this version was released."""

    PYTHON_3_9 = "python3.9"
    PYTHON_3_10 = "python3.10"
    PYTHON_3_11 = "python3.11"
    PYTHON_3_12 = "python3.12"
    PYTHON_3_13 = "python3.13"
    PYTHON_3_14 = "python3.14"

    @property
    def python_version(self) -> str:
        """The version of the language, for example `3.13`."""
        return self.value.removeprefix("python")


@dataclass(frozen=True)
class Support:
    """The days on which AWS deprecates a runtime, stops the creation of functions, and stops their updates."""

    deprecated: date
    creation_blocked: date
    update_blocked: date


SUPPORT: dict[Runtime, Support] = {
    Runtime.PYTHON_3_9: Support(date(2025, 12, 15), date(2027, 2, 1), date(2027, 3, 3)),
    Runtime.PYTHON_3_10: Support(date(2026, 10, 31), date(2027, 2, 1), date(2027, 3, 3)),
    Runtime.PYTHON_3_11: Support(date(2027, 6, 30), date(2027, 7, 31), date(2027, 8, 31)),
    Runtime.PYTHON_3_12: Support(date(2028, 10, 31), date(2028, 11, 30), date(2029, 1, 10)),
    Runtime.PYTHON_3_13: Support(date(2029, 6, 30), date(2029, 7, 31), date(2029, 8, 31)),
    Runtime.PYTHON_3_14: Support(date(2029, 6, 30), date(2029, 7, 31), date(2029, 8, 31)),
}
BLOCKED = ("python2.7", "python3.6", "python3.7", "python3.8")
"""The runtimes that AWS had already blocked when this version was released."""
NEAREST = Runtime.PYTHON_3_11
"""The runtime that messages suggest instead of a blocked one: the oldest runtime that is not deprecated."""


def deprecation(runtime: Runtime, today: date) -> str:
    """The warning about a runtime that AWS has deprecated. Empty for a supported runtime."""
    support = SUPPORT[runtime]
    if today < support.deprecated:
        return ""
    return (
        f"{runtime.value} was deprecated by AWS on {support.deprecated.isoformat()}, and its functions cannot be updated from "
        f"{support.update_blocked.isoformat()} on: move to {_nearest(today).value}"
    )


def block(runtime: Runtime, today: date, *, exists: bool) -> str:
    """Why AWS would refuse a function with this runtime, and what to write instead. Empty if AWS would accept it.

    `exists` says that the function exists already, so that AWS only has to update it.
    """
    support = SUPPORT[runtime]
    since = support.update_blocked if exists else support.creation_blocked
    if today < since:
        return ""
    return f"runtime {runtime.value} has been blocked by AWS since {since.isoformat()}: write {_nearest(today).value}"


def _nearest(today: date) -> Runtime:
    """The oldest supported runtime.

    If none is supported, this table is out of date, and the newest runtime is the best guess.
    """
    return next((r for r, s in SUPPORT.items() if today < s.deprecated), Runtime.PYTHON_3_14)


class Architecture(StrEnum):
    """The type of CPU that a function runs on."""

    ARM64 = "arm64"
    X86_64 = "x86_64"
