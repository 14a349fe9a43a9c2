"""The catalogue sample: the events that it takes, and those that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from unit.catalogue_sample import NEW, World, created, error, handle, recorded, world

__all__ = ["world"]


@pytest.mark.parametrize("version", ["v9", None])
def test_an_object_that_is_gone_is_skipped(world: World, version: str | None) -> None:
    assert handle(created("documents/gone.txt", version))["skipped"] == "the object has been deleted"
    assert world.dynamodb.calls == 0


def test_an_object_that_may_not_be_read_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: Any) -> None:
        raise error("AccessDenied")

    monkeypatch.setattr(world.s3, "get_object", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        handle(created("documents/a.txt"))


@pytest.mark.parametrize("key", ["documents/a b+c.txt", "documents/100%25.txt", "documents/ü/你好.txt"])
@pytest.mark.parametrize("event", [created, recorded])
def test_a_key_is_taken_as_it_is(world: World, event: Callable[..., dict[str, Any]], key: str) -> None:
    world.s3.objects[key, "v1"] = NEW
    assert handle(event(key, "v1"))["document"] == f"s3://source/{key}"
    assert world.item(key=key)["key"] == key


def test_with_cloudtrail_the_time_decides(world: World) -> None:
    for version in ("v1", "v2", None):
        world.s3.objects["documents/a.txt", version] = f"text of {version}".encode()
    handle(recorded("documents/a.txt", "v2", "2026-01-01T00:00:09Z"))
    assert "skipped" in handle(recorded("documents/a.txt", "v1", "2026-01-01T00:00:08Z"))
    assert world.item()["versionId"] == "v2"
    handle(recorded("documents/a.txt", None, "2026-01-01T00:00:10Z"))
    assert world.text() == "text of None"
    assert "versionId" not in world.item()


def test_a_pipeline_whose_trigger_is_changed_goes_on(world: World) -> None:
    world.s3.objects["documents/a.txt", "v1"] = NEW
    for event in (created, recorded, created):
        assert "skipped" not in handle(event("documents/a.txt", "v1"))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": []},
        {"time": "t", "detail": {}},
        {"time": "t", "detail": None},
        {"time": "t", "detail": {"object": {"key": "a"}}},
        {"time": "t", "detail": {"eventTime": "t", "requestParameters": {"bucketName": "b"}}},
        {"time": "t", "detail": {"requestParameters": None}},
    ],
    ids=str,
)
def test_another_event_is_refused(world: World, event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="neither 'Object Created' nor 'AWS API Call via CloudTrail'"):
        handle(event)


def test_a_pipeline_without_a_table_is_told_what_to_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESULTS_TABLE")
    with pytest.raises(ValueError, match="RESULTS_TABLE is not set: give the pipeline `results: "):
        handle(world.put(NEW))
