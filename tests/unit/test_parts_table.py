"""The table: its keys, and what every table has."""

from __future__ import annotations

from typing import Any

import pytest

from builders import OWNER, make_blueprint
from unit.plan_parts import TABLE, resource


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, {"hash_key": "id", "attributes": [{"name": "id", "type": "S"}]}),
        ({"partitionKey": "doc"}, {"hash_key": "doc", "attributes": [{"name": "doc", "type": "S"}]}),
        (
            {"partitionKey": "doc", "sortKey": "part"},
            {
                "hash_key": "doc",
                "range_key": "part",
                "attributes": [{"name": "doc", "type": "S"}, {"name": "part", "type": "S"}],
            },
        ),
    ],
    ids=["default key", "another key", "two keys"],
)
def test_the_table_has_the_keys_that_are_asked_for(table: dict[str, str], expected: dict[str, Any]) -> None:
    found = resource(make_blueprint(results={"table": table}), "results-table")
    assert found.holds_data
    always = {
        "name": TABLE,
        "billing_mode": "PAY_PER_REQUEST",
        "point_in_time_recovery": {"enabled": True},
        "tags": OWNER.tags(),
    }
    assert found.inputs == {**always, **expected}
