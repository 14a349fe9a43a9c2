"""Whether some object passes both of two filters. The answer is exact, so that a warning is never wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from ingestion_operator.model.source import Filter

_Covers = Callable[[str, str], bool]


def overlap(one: Filter, other: Filter) -> bool:
    """Whether there can be an object that passes both filters."""
    return (
        _sizes_meet(one, other)
        and _meet(one.prefixes, other.prefixes, lambda a, b: a.startswith(b))
        and _meet(one.suffixes, other.suffixes, lambda a, b: a.endswith(b))
        and not _excludes_all(one, other)
        and not _excludes_all(other, one)
    )


def _sizes_meet(one: Filter, other: Filter) -> bool:
    largest = [f.max_size_bytes for f in (one, other) if f.max_size_bytes is not None]
    return not largest or max(one.min_size_bytes, other.min_size_bytes) <= min(largest)


def _meet(these: tuple[str, ...], those: tuple[str, ...], covers: _Covers) -> bool:
    """Whether one key can have an entry of each list at the same end. An empty list allows any text."""
    return not these or not those or any(covers(a, b) or covers(b, a) for a, b in product(these, those))


def _excludes_all(excluding: Filter, other: Filter) -> bool:
    """Whether every key that passes `other` is excluded. Only prefix and suffix decide, because the middle can be any text."""
    if not excluding.exclude_prefixes and not excluding.exclude_suffixes:
        return False
    return all(
        p.startswith(excluding.exclude_prefixes) or s.endswith(excluding.exclude_suffixes)
        for p, s in product(other.prefixes or ("",), other.suffixes or ("",))
    )
