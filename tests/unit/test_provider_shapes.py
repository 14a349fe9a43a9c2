"""An input that a type does not accept is named with its path, also inside other inputs."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion_local.provider.properties import UNKNOWN
from ingestion_local.provider.shapes import Block, block, problems, requiring

SHAPE = requiring(
    Block({"name": None, "rules": block("id", filter=block(prefix=None)), "size": None}),
    "name",
)
NOT_APPLIED, MISSING, NO_OBJECT = "the stand-in does not apply it", "is missing", "is not an object"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"name": "a"}, [], id="the least"),
        pytest.param({"name": "a", "rules": [{"id": 1, "filter": {"prefix": "x"}}], "size": 1}, [], id="everything"),
        pytest.param({}, [("name", MISSING)], id="nothing"),
        pytest.param({"name": "a", "more": 1}, [("more", NOT_APPLIED)], id="one at the top"),
        pytest.param(
            {"name": "a", "rules": [{"id": 1}, {"id": 2, "more": 1}]},
            [("rules.more", NOT_APPLIED)],
            id="one in an object of a list",
        ),
        pytest.param(
            {"name": "a", "rules": [{"id": 1, "filter": {"tag": 1}}]},
            [("rules.filter.tag", NOT_APPLIED)],
            id="one two levels down",
        ),
        pytest.param({"name": "a", "rules": {}}, [("rules.id", MISSING)], id="one that is missing in an object"),
        pytest.param({"name": "a", "rules": ["x"]}, [("rules", NO_OBJECT)], id="a text in the place of an object"),
        pytest.param({"name": UNKNOWN, "rules": UNKNOWN}, [], id="what is not known yet"),
        pytest.param({"name": "a", "rules": [{"id": 1, "filter": UNKNOWN}]}, [], id="an object that is not known yet"),
        pytest.param({"name": "a", "rules": None}, [], id="an object that is not there"),
        pytest.param({"z": 1, "b": 1}, [("b", NOT_APPLIED), ("z", NOT_APPLIED), ("name", MISSING)], id="several"),
    ],
)
def test_what_is_wrong_with_inputs_is_named(document: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert list(problems(SHAPE, document)) == expected


def test_a_block_knows_its_fields() -> None:
    assert list(SHAPE) == ["name", "rules", "size"]
    assert "name" in SHAPE
    assert "id" not in SHAPE
