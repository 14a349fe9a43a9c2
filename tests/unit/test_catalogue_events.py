"""The catalogue sample: which events it accepts, and which it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from unit.catalogue_sample import NEW, Catalogue, catalogue, created, error, handle, recorded

__all__ = ["catalogue"]


@pytest.mark.parametrize("version", ["v9", None])
def test_an_object_that_is_gone_is_skipped(catalogue: Catalogue, version: str | None) -> None:
    assert handle(created("documents/gone.txt", version))["skipped"] == "the object has been deleted"
    assert catalogue.dynamodb.calls == 0


def test_an_object_that_may_not_be_read_is_an_error(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: Any) -> None:
        raise error("AccessDenied")

    monkeypatch.setattr(catalogue.s3, "get_object", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        handle(created("documents/a.txt"))


@pytest.mark.parametrize("key", ["documents/a b+c.txt", "documents/100%25.txt", "documents/ü/你好.txt"])
@pytest.mark.parametrize("event", [created, recorded])
def test_a_key_is_taken_as_it_is(catalogue: Catalogue, event: Callable[..., dict[str, Any]], key: str) -> None:
    catalogue.s3.objects[key, "v1"] = NEW
    assert handle(event(key, "v1"))["document"] == f"s3://source/{key}"
    assert catalogue.item(key=key)["key"] == key


def test_with_cloudtrail_the_time_decides(catalogue: Catalogue) -> None:
    for version in ("v1", "v2", None):
        catalogue.s3.objects["documents/a.txt", version] = f"text of {version}".encode()
    handle(recorded("documents/a.txt", "v2", "2026-01-01T00:00:09Z"))
    assert "skipped" in handle(recorded("documents/a.txt", "v1", "2026-01-01T00:00:08Z"))
    assert catalogue.item()["versionId"] == "v2"
    handle(recorded("documents/a.txt", None, "2026-01-01T00:00:10Z"))
    assert catalogue.text() == "text of None"
    assert "versionId" not in catalogue.item()


def test_a_pipeline_whose_trigger_is_changed_goes_on(catalogue: Catalogue) -> None:
    catalogue.s3.objects["documents/a.txt", "v1"] = NEW
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
def test_another_event_is_refused(catalogue: Catalogue, event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="neither 'Object Created' nor 'AWS API Call via CloudTrail'"):
        handle(event)


def test_a_pipeline_without_a_table_is_told_what_to_write(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESULTS_TABLE")
    with pytest.raises(ValueError, match="RESULTS_TABLE is not set: give the pipeline `results: "):
        handle(catalogue.put(NEW))
