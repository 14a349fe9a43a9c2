"""The hashes of zips in S3 are kept, and those that were used last stay longest."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.response import StreamingBody

from ingestion_operator.adapters.aws import lookups
from ingestion_operator.adapters.aws.lookups import Lookups


class S3:
    """Objects whose content is their key."""

    def __init__(self) -> None:
        self.downloads: list[str] = []

    def s3(self, _region: str) -> S3:
        return self

    def head_object(self, **wanted: Any) -> dict[str, Any]:
        return {"ContentLength": 1, "ETag": wanted["Key"]}

    def get_object(self, **wanted: Any) -> dict[str, Any]:
        self.downloads.append(wanted["Key"])
        return {"Body": StreamingBody(io.BytesIO(wanted["Key"].encode()), len(wanted["Key"]))}


def test_the_hash_that_was_not_used_for_longest_is_forgotten_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "REMEMBERED", 2)
    store = S3()
    looked = Lookups(store)  # type: ignore[arg-type]
    for key in ("a", "b", "a", "c", "a", "b"):
        assert looked.package("bucket", key, "", "eu-west-1") is not None
    assert store.downloads == ["a", "b", "c", "b"]


def test_more_zips_than_an_account_has_pipelines_are_remembered() -> None:
    store = S3()
    looked = Lookups(store)  # type: ignore[arg-type]
    for _ in range(3):
        for number in range(300):
            looked.package("bucket", f"{number}", "", "eu-west-1")
    assert len(store.downloads) == 300
