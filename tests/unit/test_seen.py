"""Which events say something new."""

from __future__ import annotations

from typing import Any

import pytest

from builders import KEY
from ingestion_handlers.seen import Seen


def body(generation: int = 1, uid: str = "u", **parts: Any) -> dict[str, Any]:
    metadata = {"uid": uid, "generation": generation, "resourceVersion": "1", **parts.pop("metadata", {})}
    return {"metadata": metadata, "status": {"observedGeneration": 1}, **parts}


@pytest.mark.parametrize(
    ("first", "urgent"),
    [
        pytest.param(body(status={}), True, id="new"),
        pytest.param(body(), False, id="known before the operator started"),
        pytest.param(body(2), True, id="changed while no operator ran"),
        pytest.param(body(metadata={"deletionTimestamp": "t"}), True, id="being deleted"),
        pytest.param(
            body(status={"observedGeneration": 1, "operation": {}}), True, id="left in the middle of an operation"
        ),
    ],
)
def test_an_object_that_is_seen_first(first: dict[str, Any], urgent: bool) -> None:
    seen: Seen[Any] = Seen()
    assert seen.is_urgent(KEY, first) is urgent
    assert seen.is_urgent(KEY, first) is None


@pytest.mark.parametrize(
    ("then", "urgent"),
    [
        pytest.param(body(metadata={"resourceVersion": "2"}, status={"conditions": []}), None, id="the status"),
        pytest.param(body(metadata={"finalizers": ["x"]}), None, id="a finalizer"),
        pytest.param(body(2), True, id="the spec"),
        pytest.param(body(metadata={"annotations": {"a": "1"}}), True, id="an annotation"),
        pytest.param(body(metadata={"deletionTimestamp": "t"}), True, id="a deletion"),
        pytest.param(body(uid="v"), True, id="created anew, and the end of the old one was missed"),
    ],
)
def test_what_a_later_event_says(then: dict[str, Any], urgent: bool | None) -> None:
    seen: Seen[Any] = Seen()
    seen.is_urgent(KEY, body())
    assert seen.is_urgent(KEY, then) is urgent


def test_an_object_that_is_gone_is_forgotten() -> None:
    seen: Seen[Any] = Seen()
    seen.is_urgent(KEY, body())
    seen.forget(KEY)
    seen.forget(KEY)
    assert seen.is_urgent(KEY, body()) is False
