"""How several things are said in one message."""

from __future__ import annotations

from collections.abc import Sequence

LISTED = 3
MESSAGE_LIMIT = 2048


def few(names: Sequence[str]) -> str:
    """Some of the names: a message so long that a condition cuts it off would be taken for a new one at each look."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def shorten(message: str) -> str:
    """A message that is not too long for a condition or an Event."""
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
