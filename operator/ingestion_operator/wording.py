"""How messages list names, and how long messages may be."""

from __future__ import annotations

import re
from collections.abc import Sequence

LISTED = 3
# S3 answers with the first, the other services with the second or the third, and a code that speaks of the signature.
# (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html)
WRONG_CLOCK = re.compile(r"RequestTimeTooSkewed|Signature expired|Signature not yet current")
CLOCK_ADVICE = (
    "the clock of the operator's node is wrong: AWS accepts a difference of 5 to 15 minutes. Correct the clock"
)
MESSAGE_LIMIT = 2048


def few(names: Sequence[str]) -> str:
    """The first few names and the number of the others, because a condition cuts off a long message."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def shorten(message: str) -> str:
    """The message, cut off where it is too long for a condition or an Event."""
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
