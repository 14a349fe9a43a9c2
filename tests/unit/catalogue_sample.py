"""The catalogue sample's modules, and fakes of S3 and DynamoDB that are as strict as the services.

A module that uses the fixture imports it by name.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError
from hypothesis import strategies as st

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "catalogue"
MODULES = ("embedding", "text", "table", "index", "search")
MOST_BYTES_OF_AN_ITEM = 400 * 1024
MOST_BYTES_OF_A_TRANSACTION = 4 * 1024 * 1024


def load() -> list[Any]:
    """The sample's modules. They import each other by plain names, as in the function, so they leave `sys.modules` again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("boto3.client", lambda _: None)  # No test may need an account, a region or a profile.
        patch.syspath_prepend(SAMPLE)
        found = [importlib.import_module(name) for name in MODULES]
    for name in MODULES:
        del sys.modules[name]
    return found


embedding, texts, table, index, search = load()

Key = tuple[str, str]


def error(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, "Call")


@dataclass
class FakeDynamoDB:
    """One table with the keys `document` and `part`, strict about what the sample may ask of DynamoDB.

    `before` is called before each call with its number, from 1. A test uses it to let something else happen first.
    """

    items: dict[Key, dict[str, Any]] = field(default_factory=dict)
    before: Callable[[int], None] = lambda _: None
    calls: int = 0

    def update_item(self, *, Key: Any, UpdateExpression: str, **request: Any) -> None:  # noqa: N803
        self._called()
        assert UpdateExpression == "SET #order = :mine, #state = :state"
        key = self._key(request, Key)
        self._require(key, request, UpdateExpression)
        values = request["ExpressionAttributeValues"]
        self.items[key] = {**Key, **self.items.get(key, {}), "eventOrder": values[":mine"], "state": values[":state"]}

    def put_item(self, *, Item: Any, **request: Any) -> None:  # noqa: N803
        self._called()
        key = self._key(request, Item)
        self._require(key, request)
        self._put(key, Item)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803
        self._called()
        actions = [next(iter(action.items())) for action in TransactItems]
        keys = [self._key(request, request.get("Item") or request["Key"]) for _, request in actions]
        assert len(actions) <= 100
        assert len(set(keys)) == len(keys), "a transaction may name an item once"
        assert sum(size_of(request.get("Item", {})) for _, request in actions) <= MOST_BYTES_OF_A_TRANSACTION
        held = [self._holds(key, request) for key, (_, request) in zip(keys, actions, strict=True)]
        if not all(held):
            reasons = [{"Code": "None" if good else "ConditionalCheckFailed"} for good in held]
            raise error("TransactionCanceledException", CancellationReasons=reasons)
        for key, (verb, request) in zip(keys, actions, strict=True):
            if verb == "Put":
                self._put(key, request["Item"])
            elif verb == "Delete":
                self.items.pop(key, None)
            else:
                assert verb == "ConditionCheck"

    def get_paginator(self, operation: str) -> Any:
        assert operation == "query"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self._called()
        assert request["KeyConditionExpression"] == "#document = :document AND #part > :last"
        assert request["ConsistentRead"] is True
        assert request["ExpressionAttributeNames"] == {"#document": "document", "#part": "part"}
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        found = sorted(part for name, part in self.items if name == values[":document"] and part > values[":last"])
        for start in range(0, len(found), 2):
            yield {"Items": [{"part": {"S": part}} for part in found[start : start + 2]]}

    def read(self) -> dict[Key, dict[str, Any]]:
        """The items as plain values."""
        return {key: {n: TypeDeserializer().deserialize(v) for n, v in i.items()} for key, i in self.items.items()}

    def comparable(self) -> dict[Key, dict[str, Any]]:
        """The items without the time at which they were written."""
        return {key: {n: v for n, v in i.items() if n != "processedTime"} for key, i in self.read().items()}

    def _called(self) -> None:
        self.calls += 1
        self.before(self.calls)

    def _key(self, request: Mapping[str, Any], item: Mapping[str, Any]) -> Key:
        assert request["TableName"] == "catalogue"
        return item["document"]["S"], item["part"]["S"]

    def _put(self, key: Key, item: dict[str, Any]) -> None:
        assert size_of(item) < MOST_BYTES_OF_AN_ITEM
        self.items[key] = item

    def _require(self, key: Key, request: Mapping[str, Any], update: str = "") -> None:
        if not self._holds(key, request, update):
            raise error("ConditionalCheckFailedException")

    def _holds(self, key: Key, request: Mapping[str, Any], update: str = "") -> bool:
        if "ConditionExpression" not in request:
            return True
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        used = set(re.findall(r"[#:]\w+", request["ConditionExpression"] + update))
        assert used == {*names, *values}, "DynamoDB refuses names and values that are not used, or not given"
        terms = request["ConditionExpression"].split(" OR ")
        return any(holds(term, names, values, self.items.get(key, {})) for term in terms)


TERMS: dict[str, Callable[[Any, Any], bool]] = {
    r"attribute_not_exists\((#\w+)\)()": lambda found, _: found is None,
    r"(#\w+) = (:\w+)": lambda found, given: bool(found == given),
    r"(#\w+) <= (:\w+)": lambda found, given: found is not None and found <= given,
    r"NOT begins_with\((#\w+), (:\w+)\)": lambda found, given: found is None or not found.startswith(given),
}


def holds(term: str, names: Mapping[str, str], values: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether one term of a condition holds. This fake knows only the forms in TERMS."""
    matches = ((re.fullmatch(form, term.strip()), check) for form, check in TERMS.items())
    match, check = next((m, c) for m, c in matches if m)
    found = item.get(names[match[1]], {}).get("S")
    return check(found, values[match[2]]["S"] if match[2] else None)


def size_of(value: Any) -> int:
    """About as many bytes as DynamoDB counts, and never fewer."""
    if isinstance(value, dict):
        return sum(len(name.encode()) + size_of(inner) for name, inner in value.items())
    if isinstance(value, list):
        return sum(map(size_of, value))
    return len(value.encode() if isinstance(value, str) else bytes(value)) if not isinstance(value, bool) else 1


@dataclass
class FakeS3:
    """Versions of objects."""

    objects: dict[tuple[str, str | None], bytes] = field(default_factory=dict)

    def get_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "source"
        if (Key, VersionId) not in self.objects:
            raise error("NoSuchVersion" if VersionId else "NoSuchKey")
        content = self.objects[Key, VersionId]
        etag = f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324 - what S3 does
        return {
            "Body": io.BytesIO(content),
            "ContentLength": len(content),
            "ETag": etag,
            "ContentType": "binary/octet-stream",
        }


@dataclass
class Catalogue:
    """What the sample's function reads and writes: the source bucket and the table."""

    s3: FakeS3 = field(default_factory=FakeS3)
    dynamodb: FakeDynamoDB = field(default_factory=FakeDynamoDB)

    def put(self, content: bytes, sequencer: str = "01", key: str = "documents/a.txt") -> dict[str, Any]:
        """Put a version of an object. Returns its event, which is not delivered yet."""
        version = f"v{len(self.s3.objects) + 1}"
        self.s3.objects[key, version] = content
        return created(key, version, sequencer)

    def item(self, part: str = "document", key: str = "documents/a.txt") -> dict[str, Any]:
        return self.dynamodb.read()[f"s3://source/{key}", part]

    def text(self) -> str:
        """The text of all parts, in their order."""
        return "".join(item["text"] for _, item in sorted(self.dynamodb.read().items()) if "text" in item)


def created(key: str, version: str | None = None, sequencer: str | None = "01") -> dict[str, Any]:
    """An event of S3 itself."""
    thing = {"key": key, "version-id": version, "sequencer": sequencer}
    return {
        "detail-type": "Object Created",
        "time": "2026-01-01T00:00:00Z",
        "detail": {
            "bucket": {"name": "source"},
            "object": {name: value for name, value in thing.items() if value is not None},
        },
    }


def recorded(key: str, version: str | None = None, time: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    """An event of CloudTrail."""
    return {
        "detail-type": "AWS API Call via CloudTrail",
        "time": "2026-01-01T00:05:00Z",
        "detail": {
            "eventName": "PutObject",
            "eventTime": time,
            "requestParameters": {"bucketName": "source", "key": key},
            "responseElements": {"x-amz-version-id": version} if version else None,
        },
    }


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    found = Catalogue()
    monkeypatch.setattr(index, "S3", found.s3)
    monkeypatch.setattr(table, "DYNAMODB", found.dynamodb)
    monkeypatch.setattr(table, "BATCH", 2)
    monkeypatch.setattr(table, "PAUSES_SECONDS", (0, 0))
    monkeypatch.setattr(texts, "PART_CHARACTERS", 20)
    monkeypatch.setenv("RESULTS_TABLE", "catalogue")
    return found


def handle(event: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = index.handler(event, None)
    return found


OLD = b"The old text, with rather many words in it, so that it has more parts than the new one will have."
NEW = "Näw text, but not as much of it.".encode()


TEXTS = st.text() | st.text(alphabet="ab .!\n\r\t。🙂#=", max_size=9000) | st.text(min_size=3000, max_size=6000)
