"""The patches that put the finalizer on an object and take it off."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion_operator.model.finalizer import FINALIZER, holding, is_held, releasing

AS_READ = (
    {"op": "test", "path": "/metadata/uid", "value": "u"},
    {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
)
OURS, THEIRS = FINALIZER, "example.com/finalizer"


def body(*finalizers: str, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"uid": "u", "resourceVersion": "7", "finalizers": list(finalizers), "annotations": annotations}
    }


def added(*finalizers: str) -> dict[str, Any]:
    return {"op": "add", "path": "/metadata/finalizers", "value": list(finalizers)}


@pytest.mark.parametrize(
    ("found", "patch"),
    [
        pytest.param({"metadata": {"uid": "u", "resourceVersion": "7"}}, (*AS_READ, added(OURS)), id="a new object"),
        pytest.param(body(THEIRS), (*AS_READ, added(THEIRS, OURS)), id="another's finalizer stays"),
        pytest.param(body(OURS, example="1"), (), id="held already"),
        pytest.param(
            body(OURS, **{"kopf.ingestion-operator.io/last-handled": "{}", "example.com/x": "1"}),
            (*AS_READ, {"op": "remove", "path": "/metadata/annotations/kopf.ingestion-operator.io~1last-handled"}),
            id="what an earlier version left in the annotations goes",
        ),
        pytest.param(
            body(**{"kopf.ingestion-operator.io/a~b": "yes"}),
            (*AS_READ, added(OURS), {"op": "remove", "path": "/metadata/annotations/kopf.ingestion-operator.io~1a~0b"}),
            id="both in one patch",
        ),
    ],
)
def test_an_object_is_held(found: dict[str, Any], patch: tuple[Any, ...]) -> None:
    assert holding(found) == list(patch)


@pytest.mark.parametrize(
    ("found", "patch"),
    [
        pytest.param(body(), (), id="not held"),
        pytest.param(body(THEIRS), (), id="held by another only"),
        pytest.param(
            body(THEIRS, OURS),
            (*AS_READ, {"op": "replace", "path": "/metadata/finalizers", "value": [THEIRS]}),
            id="another's finalizer stays",
        ),
    ],
)
def test_an_object_is_let_go(found: dict[str, Any], patch: tuple[Any, ...]) -> None:
    assert releasing(found) == list(patch)
    assert is_held(found) is bool(patch)
