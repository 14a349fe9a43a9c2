"""Whether two filters share an object: some pairs are checked by hand, and many by trying all short keys."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_operator.blueprint.filter_overlap import overlap
from ingestion_operator.model.source import Filter


def filter_of(**spec: Any) -> Filter:
    return Filter.model_validate(spec)


RAW, RAW_TEXT, TEXT = {"prefixes": ["raw/"]}, {"prefixes": ["raw/"], "suffixes": [".txt"]}, {"suffixes": [".txt"]}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param({}, {}, True, id="all and all"),
        pytest.param({}, RAW_TEXT, True, id="all and some"),
        pytest.param(RAW, RAW, True, id="the same"),
        pytest.param(RAW, {"prefixes": ["raw/a/"]}, True, id="one inside of the other"),
        pytest.param(RAW, {"prefixes": ["in/"]}, False, id="side by side"),
        pytest.param(RAW, {"prefixes": ["raw"]}, True, id="a beginning that is no folder"),
        pytest.param(RAW, {"prefixes": ["Raw/"]}, False, id="case counts"),
        pytest.param({"prefixes": ["in/", "raw/"]}, {"prefixes": ["out/", "raw/x"]}, True, id="one pair is enough"),
        pytest.param(RAW, TEXT, True, id="a beginning and an ending meet in a key that has both"),
        pytest.param(TEXT, {"suffixes": [".md"]}, False, id="endings that exclude each other"),
        pytest.param(TEXT, {"suffixes": ["a.txt"]}, True, id="an ending of an ending"),
        pytest.param(RAW_TEXT, {"prefixes": ["raw/"], "suffixes": [".md"]}, False, id="same beginning, other ending"),
        pytest.param({"prefixes": ["ab"]}, {"prefixes": ["ab"], "suffixes": ["b"]}, True, id="parts that share letters"),
        pytest.param({"excludePrefixes": ["raw/"]}, RAW, False, id="excluded as a whole"),
        pytest.param({"excludePrefixes": ["raw/"]}, {"prefixes": ["raw/a/"]}, False, id="excluded by a shorter one"),
        pytest.param({"excludePrefixes": ["raw/a/"]}, RAW, True, id="excluded in part"),
        pytest.param({"excludePrefixes": ["raw/"]}, {"prefixes": ["raw/", "in/"]}, True, id="one of two excluded"),
        pytest.param({"excludeSuffixes": [".txt"]}, TEXT, False, id="excluded by its ending"),
        pytest.param({"excludeSuffixes": [".txt"]}, RAW, True, id="an ending excluded, a beginning wanted"),
        pytest.param({"excludePrefixes": ["a"], "excludeSuffixes": ["z"]},
                     {"prefixes": ["a", "b"], "suffixes": ["z"]}, False, id="each pair excluded by one of its ends"),
        pytest.param({"excludePrefixes": ["a"]}, {"excludePrefixes": ["b"]}, True, id="two exclusions leave the rest"),
        pytest.param({"maxSizeBytes": 10}, {"minSizeBytes": 11}, False, id="small and large"),
        pytest.param({"maxSizeBytes": 10}, {"minSizeBytes": 10}, True, id="both take one size"),
        pytest.param({"minSizeBytes": 5}, {"minSizeBytes": 50}, True, id="no upper bounds"),
        pytest.param({"maxSizeBytes": 5}, {"maxSizeBytes": 50}, True, id="no lower bounds"),
        pytest.param({**RAW, "maxSizeBytes": 10}, {**RAW, "minSizeBytes": 11}, False, id="same keys, other sizes"),
    ],
)  # fmt: skip
def test_two_filters_overlap_if_one_object_can_pass_both(
    one: dict[str, Any], other: dict[str, Any], expected: bool
) -> None:
    assert overlap(filter_of(**one), filter_of(**other)) is expected
    assert overlap(filter_of(**other), filter_of(**one)) is expected


# No filter names the letter c, so there is always a key that goes on with what nobody wrote down. Two letters at each end
# and one between them are all that it takes.
LETTERS, SIZES = "abc", range(5)
ALL_KEYS = tuple("".join(letters) for length in range(1, 6) for letters in product(LETTERS, repeat=length))

PARTS = st.lists(st.text("ab", min_size=1, max_size=2), max_size=3).map(tuple)
BOUNDS = st.sampled_from([(0, None), (2, None), (0, 1), (1, 3), (3, 4)])


def _filter(kind: str, ends: tuple[tuple[str, ...], tuple[str, ...]], bounds: tuple[int, int | None]) -> Filter:
    names = ("prefixes", "suffixes") if kind == "wanted" else ("exclude_prefixes", "exclude_suffixes")
    return Filter(min_size_bytes=bounds[0], max_size_bytes=bounds[1], **dict(zip(names, ends, strict=True)))


FILTERS = st.builds(_filter, st.sampled_from(["wanted", "excluded"]), st.tuples(PARTS, PARTS), BOUNDS)


@cache
def objects(wanted: Filter) -> tuple[frozenset[str], frozenset[int]]:
    """Every short key, and every small size, that the filter lets through; size and key do not depend on each other."""
    pairs = [(p, s) for p in wanted.prefixes or ("",) for s in wanted.suffixes or ("",)]
    keys = frozenset(
        key
        for key in ALL_KEYS
        if any(key.startswith(p) and key.endswith(s) for p, s in pairs)
        and not key.startswith(wanted.exclude_prefixes or ("-",))
        and not key.endswith(wanted.exclude_suffixes or ("-",))
    )
    largest = max(SIZES) if wanted.max_size_bytes is None else wanted.max_size_bytes
    return keys, frozenset(range(wanted.min_size_bytes, largest + 1))


@settings(max_examples=300, deadline=None)
@given(FILTERS, FILTERS)
def test_it_agrees_with_trying_all_short_keys_and_small_sizes(one: Filter, other: Filter) -> None:
    (keys, sizes), (other_keys, other_sizes) = objects(one), objects(other)
    assert overlap(one, other) is bool(keys & other_keys and sizes & other_sizes)
    assert overlap(one, other) is overlap(other, one)


@given(FILTERS)
def test_a_filter_overlaps_with_itself_and_with_no_filter(wanted: Filter) -> None:
    assert overlap(wanted, wanted)
    assert overlap(wanted, Filter())
