"""`kubectl explain` helps at every level of both kinds: a description in sentences, which states the default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

CRDS = sorted((Path(__file__).parents[2] / "crds").glob("*.yaml"))
Node = Mapping[str, Any]


def levels(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """Every field with its path. `[]` stands for the items of a list that have fields of their own."""
    yield path, node
    items = node.get("items", {})
    for name, child in node.get("properties", {}).items():
        yield from levels(child, f"{path}.{name}")
    for name, child in items.get("properties", {}).items():
        yield from levels(child, f"{path}[].{name}")


def described() -> Iterator[tuple[str, Node]]:
    """The fields of both kinds. Kubernetes itself describes `apiVersion`, `kind` and `metadata`."""
    for crd in CRDS:
        spec = yaml.safe_load(crd.read_text())["spec"]
        schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
        for part in ("spec", "status"):
            yield from levels(schema["properties"][part], f"{spec['names']['kind']}.{part}")


EVERY_LEVEL = [pytest.param(node, id=path) for path, node in described()]
# An empty text, an empty list and an absent part have no value to state. Their descriptions say what happens then.
WITH_DEFAULT = [
    pytest.param(node, id=path)
    for path, node in described()
    if ".spec." in path and not isinstance(node.get("default", ""), (dict, list)) and node.get("default", "") != ""
]


@pytest.mark.parametrize("node", EVERY_LEVEL)
def test_every_level_has_a_description_in_sentences(node: Node) -> None:
    text = node.get("description", "")
    assert re.match(r"[A-Z`]", text), text
    assert text.endswith("."), text
    assert len(text.split()) >= 4, text


@pytest.mark.parametrize("node", WITH_DEFAULT)
def test_a_description_states_the_default(node: Node) -> None:
    text, value = node["description"], node["default"]
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    stated = rf"The default is `?{re.escape(shown)}`?[.,:]|`{re.escape(shown)}`, the default,|default is `?{re.escape(shown)}`"
    assert re.search(stated, text), f"{shown}: {text}"
