"""Filters with real uploads: a subset of the table that TestEventPattern is asked about."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.world import World, copying

FILTERS: dict[str, tuple[dict[str, Any], dict[str, bytes], dict[str, bytes]]] = {
    "any prefix together with any suffix": (
        {"prefixes": ["raw/", "in/"], "suffixes": [".txt", ".md"]},
        {"raw/a.txt": b"1", "raw/deep/b.md": b"2", "in/c d é.txt": b"3"},
        {"raw/a.csv": b"x", "other/a.txt": b"x", "RAW/a.txt": b"x", "araw/a.txt": b"x"},
    ),
    "all but the excluded": (
        {"excludePrefixes": ["tmp/", "_"], "excludeSuffixes": [".part"]},
        {"a.txt": b"1", "data/tmp/b.txt": b"2", "c.party": b"3"},
        {"tmp/a.txt": b"x", "_SUCCESS": b"x", "data/a.part": b"x"},
    ),
    "of a size within the bounds": (
        {"minSizeBytes": 2, "maxSizeBytes": 4},
        {"two": b"12", "four": b"1234"},
        {"empty": b"", "one": b"1", "five": b"12345"},
    ),
    "by size and ending together": (
        {"suffixes": [".txt"], "minSizeBytes": 1},
        {"a.txt": b"1"},
        {"b.txt": b"", "c.csv": b"1"},
    ),
}


@pytest.mark.parametrize("case", FILTERS, ids=list(FILTERS))
def test_what_is_wanted_is_processed_and_nothing_else(world: World, case: str) -> None:
    wanted, passing, failing = FILTERS[case]
    world.apply("copy", copying(source={"filter": wanted}))
    outputs = world.wait_ready("copy")["outputs"]

    for name, body in {**failing, **passing}.items():
        world.put(outputs["bucketName"], name, body)

    for name, body in passing.items():
        assert world.wait_result(outputs["resultsBucket"], name) == body
    listed = world.s3.list_objects_v2(Bucket=outputs["resultsBucket"])["Contents"]
    assert {item["Key"] for item in listed} == set(passing)
