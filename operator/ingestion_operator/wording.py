"""How messages list names, and how long messages may be."""

from __future__ import annotations

from collections.abc import Sequence

LISTED = 3
MESSAGE_LIMIT = 2048


def few(names: Sequence[str]) -> str:
    """The first few names and the number of the others, because a condition cuts off a long message."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def shorten(message: str) -> str:
    """The message, cut off where it is too long for a condition or an Event."""
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
