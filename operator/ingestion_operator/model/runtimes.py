"""Lambda's runtimes and the architectures they run on, as data with AWS's dates.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Runtime(StrEnum):
    """The runtimes in which a function can still be created and updated."""

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
    """Until when AWS supports a runtime."""

    deprecated: date


SUPPORT: dict[Runtime, Support] = {
    Runtime.PYTHON_3_10: Support(deprecated=date(2026, 10, 31)),
    Runtime.PYTHON_3_11: Support(deprecated=date(2027, 6, 30)),
    Runtime.PYTHON_3_12: Support(deprecated=date(2028, 10, 31)),
    Runtime.PYTHON_3_13: Support(deprecated=date(2029, 6, 30)),
    Runtime.PYTHON_3_14: Support(deprecated=date(2029, 6, 30)),
}


def deprecation(runtime: Runtime, today: date) -> str:
    """What to tell the user of a runtime that AWS does not support any more; empty for the others."""
    since = SUPPORT[runtime].deprecated
    if today < since:
        return ""
    latest = max(SUPPORT, key=lambda r: tuple(map(int, r.python_version.split("."))))
    return f"{runtime.value} is deprecated by AWS since {since.isoformat()}: move to {latest.value}"


class Architecture(StrEnum):
    """The processor a function runs on; arm64 costs less for the same work."""

    ARM64 = "arm64"
    X86_64 = "x86_64"
