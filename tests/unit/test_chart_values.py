"""The chart's values and their schema say the same, and the settings among them are the operator's. The tests do not need Helm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from ingestion_operator.generate import chart
from ingestion_operator.generate.chart import (
    FROM_OTHER_VALUES,
    VALUES_SCHEMA,
    camel_case,
    settings_properties,
    values_schema,
)
from ingestion_operator.settings import Settings

ROOT = Path(__file__).parents[2]
VALUES = yaml.safe_load((ROOT / chart.CHART / "values.yaml").read_text())
SCHEMA = json.loads((ROOT / VALUES_SCHEMA).read_text())
# What is given or left out, without a default among the values.
WITHOUT_A_DEFAULT = {"global", "settings"}
OPTIONAL_IN_A_PROBE = {"successThreshold", "initialDelaySeconds"}


def differences(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths that only the values have or only the schema has, where the schema names its properties."""
    known = schema.get("properties", {})
    if schema.get("additionalProperties") is not False:
        return
    for name in values.keys() | known.keys():
        here = f"{path}.{name}" if path else name
        if (name in values) != (name in known) and name not in WITHOUT_A_DEFAULT | OPTIONAL_IN_A_PROBE:
            yield here
        elif isinstance(values.get(name), dict) and name not in WITHOUT_A_DEFAULT:
            yield from differences(values[name], known[name], here)


def test_each_value_is_in_the_schema_and_the_other_way_round() -> None:
    assert list(differences(VALUES, SCHEMA)) == []


def test_every_object_of_the_schema_with_names_of_its_own_takes_no_others() -> None:
    def open_objects(node: Any, path: str) -> Iterator[str]:
        if isinstance(node, dict):
            if "properties" in node and "additionalProperties" not in node:
                yield path
            for name, inner in node.items():
                yield from open_objects(inner, f"{path}/{name}")

    assert list(open_objects(SCHEMA, "")) == []


def test_each_setting_is_either_a_value_of_its_own_or_follows_from_one() -> None:
    named = {camel_case(field) for field in Settings.model_fields if field not in FROM_OTHER_VALUES}
    assert SCHEMA["properties"]["settings"]["properties"].keys() == named
    assert {where.partition(".")[0] for where in FROM_OTHER_VALUES.values()} <= VALUES.keys()


def test_a_setting_has_no_reference_and_says_what_it_is() -> None:
    for name, node in settings_properties().items():
        assert "$ref" not in json.dumps(node), name
        assert node["description"]
        assert "type" in node, name


def test_a_key_management_service_is_a_value_once_the_operator_has_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Without(BaseSettings):
        """An operator without it."""

    class With(BaseSettings):
        """An operator that has it."""

        secrets_provider: str = "passphrase"

    def provider(settings: type[BaseSettings]) -> dict[str, Any]:
        monkeypatch.setattr(chart, "Settings", settings)
        made: dict[str, Any] = json.loads(values_schema(json.dumps(SCHEMA)))
        found: dict[str, Any] = made["properties"]["state"]["properties"]["secretsProvider"]
        return found

    assert provider(Without) == {"type": "string", "enum": ["passphrase"]}
    assert provider(With) == {"type": "string", "pattern": "^(passphrase|awskms://.+)$"}
