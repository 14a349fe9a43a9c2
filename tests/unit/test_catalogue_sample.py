"""The catalogue sample: the newest version wins whatever happens in between, texts are exact, vectors are the same."""

from __future__ import annotations

import hashlib
import importlib
import io
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "catalogue"
MODULES = ("embedding", "text", "table", "index", "search")
CODE = {f"{name}.py" for name in MODULES} - {"search.py"}
MOST_BYTES_OF_AN_ITEM = 400 * 1024
MOST_BYTES_OF_A_TRANSACTION = 4 * 1024 * 1024


def load() -> list[Any]:
    """The sample's modules, which import each other by their own names, as in the function; then out of the way."""
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

    `before` is called before each call with its number, from 1: there a test lets something else happen.
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
    """One term of a condition; a form that is not in TERMS is one that this fake does not know."""
    matches = ((re.fullmatch(form, term.strip()), check) for form, check in TERMS.items())
    match, check = next((m, c) for m, c in matches if m)
    found = item.get(names[match[1]], {}).get("S")
    return check(found, values[match[2]]["S"] if match[2] else None)


def size_of(value: Any) -> int:
    """About as many bytes as DynamoDB counts; rather more."""
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
class World:
    s3: FakeS3 = field(default_factory=FakeS3)
    dynamodb: FakeDynamoDB = field(default_factory=FakeDynamoDB)

    def put(self, content: bytes, sequencer: str = "01", key: str = "documents/a.txt") -> dict[str, Any]:
        """Put a version of an object, and return its event, which has not been delivered yet."""
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
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
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


def test_a_document_becomes_an_item_and_one_for_each_part(world: World) -> None:
    content = b"# Trees\n\nOaks are trees. Oaks grow old.\n\n## Pines\n\nPines are trees too.\n"

    answer = handle(world.put(content, "617f08299329d189"))

    assert answer == {"document": "s3://source/documents/a.txt", "version": "v1", "kind": "text", "parts": 5}
    item = world.item()
    assert item["title"] == "Trees"
    assert item["headings"] == ["Trees", "Pines"]
    assert item["firstSentence"] == "Oaks are trees."
    assert item["terms"][0] == {"term": "trees", "count": 3}
    assert (item["words"], item["lines"], item["characters"], item["size"]) == (12, 7, len(content), len(content))
    assert item["sha256"] == hashlib.sha256(content).hexdigest()
    assert (item["mediaType"], item["declaredType"]) == ("text/plain", "binary/octet-stream")
    assert (item["versionId"], item["eventTime"]) == ("v1", "2026-01-01T00:00:00Z")
    assert (item["kind"], item["state"], item["parts"], item["encoding"]) == ("text", "complete", 5, "utf-8")
    assert world.text() == content.decode()
    for number in range(1, 6):
        part = world.item(f"part-0000{number}")
        assert content.decode()[int(part["offset"]) :].startswith(part["text"])
        assert part["eventOrder"] == item["eventOrder"]
        assert embedding.unpacked(bytes(part["vector"])) == pytest.approx(embedding.vector(part["text"]), abs=1e-6)


@pytest.mark.parametrize(
    ("content", "kind", "media_type"),
    [
        pytest.param(b"", "empty", None, id="an empty object"),
        pytest.param(b"\xef\xbb\xbf", "empty", "text/plain", id="nothing but a byte order mark"),
        pytest.param(bytes(range(256)), "binary", "application/octet-stream", id="bytes of all kinds"),
        pytest.param(
            b"\xff\xfa" * 100, "binary", "application/octet-stream", id="more than a few bytes that are no text"
        ),
        pytest.param(b"%PDF-1.7 and text", "binary", "application/pdf", id="a PDF, of which the text is not read"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0", "binary", "image/png", id="an image"),
        pytest.param(b"x" * 101, "tooLarge", None, id="more than is read"),
    ],
)
def test_what_is_no_text_has_an_item_of_metadata_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, content: bytes, kind: str, media_type: str | None
) -> None:
    monkeypatch.setattr(index, "LARGEST_BYTES", max(100, len(content) - (kind == "tooLarge")))
    handle(world.put(OLD))

    assert handle(world.put(content, "02"))["kind"] == kind

    assert list(world.dynamodb.items) == [("s3://source/documents/a.txt", "document")], "no part of the old is left"
    item = world.item()
    assert (item["kind"], item["parts"], item["size"]) == (kind, 0, len(content))
    assert item.get("mediaType") == media_type
    assert "vector" not in item
    assert "title" not in item


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [
        pytest.param("Über".encode(), "Über", "utf-8", id="UTF-8"),
        pytest.param(b"\xef\xbb\xbftext", "text", "utf-8", id="UTF-8 with a mark"),
        pytest.param("你好 text".encode("utf-16"), "你好 text", "utf-16", id="UTF-16"),
        pytest.param(b"only one bad byte: \xff", "only one bad byte: \ufffd", "utf-8", id="a bad byte"),
    ],
)
def test_a_text_is_decoded(content: bytes, text: str, encoding: str) -> None:
    assert texts.decoded(content) == (text, encoding)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", "text/plain"),
        ("  <!DOCTYPE html><p>", "text/html"),
        ('<?xml version="1.0"?><a/>', "application/xml"),
        ('{"a": [1]}', "application/json"),
        ("[not] JSON", "text/plain"),
        ("[" * 100_000, "text/plain"),
    ],
    ids=lambda text: text[:20],
)
def test_the_media_type_is_that_of_the_content(text: str, expected: str) -> None:
    assert texts.media_type(text.encode(), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# One\n\ntext\n\n## Two ##\n", ["One", "Two"], id="Markdown"),
        pytest.param("One\n===\n\ntext\n\nTwo\n---\n", ["One", "Two"], id="underlined"),
        pytest.param("Long title\n===\n", [], id="an underline that is shorter than the title is none"),
        pytest.param("#hashtag\n#!/bin/sh\n    # indented", [], id="what only looks like it"),
        pytest.param("# " + "x" * 300, [], id="a line that is too long"),
        pytest.param("====\n====\n", [], id="lines without a word"),
    ],
)
def test_headings_are_found(text: str, expected: list[str]) -> None:
    assert texts.headings(text.split("\n")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("One. Two.", "One.", id="the first of two"),
        pytest.param("Title\n=====\n\nOver\ntwo lines. Next.", "Over two lines.", id="after the heading"),
        pytest.param("Version 3.13 is out! Yes.", "Version 3.13 is out!", id="a dot within a number is no end"),
        pytest.param("no end\n\nNext paragraph.", "no end", id="a paragraph without an end is taken whole"),
        pytest.param("你好。再见。", "你好。", id="Chinese"),
        pytest.param(" \n ", "", id="nothing"),
    ],
)
def test_the_first_sentence_is_found(text: str, expected: str) -> None:
    assert texts.first_sentence(text) == expected


@pytest.mark.parametrize("later", ["02", "010001", "1", "A", "a0"])
def test_an_older_version_never_overwrites_a_newer_one(world: World, later: str) -> None:
    old, new = world.put(OLD, "01"), world.put(NEW, later)
    handle(new)
    before = dict(world.dynamodb.items)

    assert handle(old)["skipped"] == "a newer version is in the table"

    assert world.dynamodb.items == before


@pytest.mark.parametrize("repeated", ["01", "0100", "01000000"])
def test_the_same_event_may_arrive_again(world: World, repeated: str) -> None:
    handle(world.put(OLD, "01"))
    before = world.dynamodb.comparable()
    event = created("documents/a.txt", "v1", repeated)
    assert handle(event)["kind"] == "text"
    assert world.dynamodb.comparable() == before


def interrupting(world: World, at: int, event: dict[str, Any], answers: list[dict[str, Any]]) -> Callable[[int], None]:
    def before(call: int) -> None:
        if call == at:
            world.dynamodb.before = lambda _: None
            answers.append(handle(event))

    return before


def calls_of(event: dict[str, Any], world: World) -> int:
    """How many calls of DynamoDB a run makes; the table is empty again after it."""
    handle(event)
    count = world.dynamodb.calls
    world.dynamodb.items.clear()
    world.dynamodb.calls = 0
    return count


@pytest.mark.parametrize("content", [NEW, OLD * 2, b""], ids=["shorter", "longer", "empty"])
def test_a_newer_version_that_comes_at_any_moment_of_an_older_ones_run_is_what_remains(
    world: World, content: bytes
) -> None:
    old, new = world.put(OLD, "01"), world.put(content, "02")
    handle(new)
    expected = world.dynamodb.comparable()
    world.dynamodb.items.clear()
    world.dynamodb.calls = 0
    for moment in range(1, calls_of(old, world) + 1):
        answers: list[dict[str, Any]] = []
        world.dynamodb = FakeDynamoDB()
        table.DYNAMODB = world.dynamodb
        world.dynamodb.before = interrupting(world, moment, new, answers)
        assert handle(old)["skipped"] == "a newer version is in the table", moment
        assert "skipped" not in answers[0]
        assert world.dynamodb.comparable() == expected, moment


def test_an_older_version_that_comes_at_any_moment_of_a_newer_ones_run_leaves_nothing(world: World) -> None:
    old, new = world.put(OLD, "01"), world.put(NEW, "02")
    count = calls_of(new, world)
    handle(new)
    expected = world.dynamodb.comparable()
    for moment in range(1, count + 1):
        world.dynamodb = FakeDynamoDB()
        table.DYNAMODB = world.dynamodb
        world.dynamodb.before = interrupting(world, moment, old, [])
        assert "skipped" not in handle(new)
        assert world.dynamodb.comparable() == expected, moment


def test_a_run_that_ends_at_any_moment_is_made_good_by_the_next(world: World) -> None:
    old, new = world.put(OLD, "01"), world.put(NEW, "02")
    count = calls_of(new, world)
    handle(new)
    expected = world.dynamodb.comparable()

    def stop_at(moment: int) -> Callable[[int], None]:
        def before(call: int) -> None:
            if call == moment:
                raise ConnectionError("the function ran out of time")

        return before

    for moment in range(1, count + 1):
        world.dynamodb = FakeDynamoDB()
        table.DYNAMODB = world.dynamodb
        handle(old)
        world.dynamodb.before = stop_at(world.dynamodb.calls + moment)
        with pytest.raises(ConnectionError):
            handle(new)
        world.dynamodb.before = lambda _: None
        assert moment == 1 or world.item()["state"] == "processing"
        handle(new)
        assert world.dynamodb.comparable() == expected


@pytest.mark.parametrize(
    ("failure", "passes"),
    [
        (error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}]), True),
        (error("TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}]), True),
        (error("TransactionConflictException"), True),
        (error("TransactionCanceledException", CancellationReasons=[{"Code": "ValidationError"}]), False),
        (error("AccessDeniedException"), False),
    ],
    ids=["conflict", "throttled", "conflict with one call", "invalid", "denied"],
)
@pytest.mark.parametrize("times", [1, 3])
def test_what_passes_by_itself_is_tried_again_a_few_times(
    world: World, failure: ClientError, passes: bool, times: int
) -> None:
    left = [failure] * times

    def before(_: int) -> None:
        if left:
            raise left.pop()

    world.dynamodb.before = before
    if passes and times <= len(table.PAUSES_SECONDS):
        assert handle(world.put(NEW))["kind"] == "text"
        assert world.text() == NEW.decode()
    else:
        with pytest.raises(ClientError):
            handle(world.put(NEW))


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


TEXTS = st.text() | st.text(alphabet="ab .!\n\r\t。🙂#=", max_size=9000) | st.text(min_size=3000, max_size=6000)


@given(TEXTS)
def test_the_parts_are_the_text_and_none_is_too_large(text: str) -> None:
    found = list(texts.parts(text))
    assert "".join(part for _, part in found) == text
    for offset, part in found:
        assert text[offset : offset + len(part)] == part
        assert 0 < len(part) <= texts.PART_CHARACTERS
        assert len(part.encode("utf-8", "surrogatepass")) + embedding.PACKED.size < MOST_BYTES_OF_AN_ITEM
    assert all(len(part) >= texts.PART_CHARACTERS // 2 for _, part in found[:-1])


@given(st.binary(max_size=500) | TEXTS.map(lambda text: text.encode("utf-8", "replace")))
def test_whatever_is_put_the_items_fit_and_hold_the_text(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World()
        patch.setattr(index, "S3", world.s3)
        patch.setattr(table, "DYNAMODB", world.dynamodb)
        patch.setenv("RESULTS_TABLE", "catalogue")
        answer = handle(world.put(content))
    text = (texts.decoded(content) or ("", ""))[0]
    assert world.text() == text
    assert answer["parts"] == len(world.dynamodb.items) - 1
    assert (answer["kind"] == "text") is bool(text)


def test_the_largest_metadata_fits_into_an_item() -> None:
    text = "\n".join(f"# {'🙂é' * 98}" for _ in range(20_000))
    found = {name: str(value) for name, value in texts.metadata(text).items()}
    assert size_of(found) < MOST_BYTES_OF_AN_ITEM / 4


@given(TEXTS)
def test_a_vector_has_the_length_1_or_0(text: str) -> None:
    values = embedding.vector(text)
    length = math.sqrt(embedding.cosine(values, values))
    assert len(values) == embedding.DIMENSIONS
    assert length == pytest.approx(1) or set(values) == {0.0}
    assert embedding.unpacked(embedding.packed(values)) == pytest.approx(values, abs=1e-6)


@given(st.lists(st.from_regex(r"[a-z]{4,9}", fullmatch=True), min_size=1, max_size=30))
def test_case_and_punctuation_make_no_difference_to_a_vector(words: list[str]) -> None:
    assert embedding.vector(" ".join(words)) == embedding.vector(", ".join(words).upper())


def test_every_process_makes_the_same_vector() -> None:
    text = "Feature hashing, the same in every process: über naïve 你好. " * 3
    program = (
        f"import embedding, hashlib; print(hashlib.sha256(embedding.packed(embedding.vector({text!r}))).hexdigest())"
    )
    expected = hashlib.sha256(embedding.packed(embedding.vector(text))).hexdigest()
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", program], cwd=SAMPLE, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert found.stdout.decode().strip() == expected


TOPICS = {
    "documents/trees.txt": b"# Trees\n\nOak trees and pine trees grow in the forest. A forest of old oak trees.",
    "documents/boats.txt": b"# Boats\n\nSailing boats cross the sea with the wind. A harbour full of sailing boats.",
    "documents/bread.txt": b"# Bread\n\nBakers knead dough from flour and water. Bread is baked in a hot oven.",
    "documents/image.txt": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("the forest of oak trees", "documents/trees.txt"),
        ("sailing boats", "documents/boats.txt"),
        ("baked bread and dough", "documents/bread.txt"),
    ],
)
def test_the_nearest_document_is_the_one_with_the_same_words(
    world: World, monkeypatch: pytest.MonkeyPatch, question: str, expected: str
) -> None:
    for key, content in TOPICS.items():
        handle(world.put(content, key=key))
    monkeypatch.setattr(search, "scan", {"catalogue": world.dynamodb.read().values()}.__getitem__)

    printed = search.main(["catalogue", question, "--count", "1"])

    assert re.fullmatch(rf"[01]\.\d{{3}}  s3://source/{expected}  \w+\n +\d+: .+", printed)
    assert search.main(["catalogue", ""]) == "nothing found"


def test_a_search_sees_only_parts_of_the_documents_version_and_of_its_own_embedding(world: World) -> None:
    handle(world.put(TOPICS["documents/boats.txt"]))
    items = list(world.dynamodb.read().values())
    assert search.nearest(items, "sailing boats", 5)
    older = [i | {"eventOrder": "sequencer:00"} if "text" in i else i for i in items]
    assert search.nearest(older, "sailing boats", 5) == []
    foreign = [i | {"embedding": "a-model", "vector": b"other"} for i in items]
    assert search.nearest(foreign, "sailing boats", 5) == []


def manifests() -> dict[str, dict[str, Any]]:
    return {m["kind"]: m for m in yaml.safe_load_all((SAMPLE / "pipeline.yaml").read_text())}


def test_the_config_map_holds_the_code_word_for_word() -> None:
    assert manifests()["ConfigMap"]["data"] == {name: (SAMPLE / name).read_text() for name in CODE}, (
        "the code has changed: renew its copy in pipeline.yaml as samples/catalogue/README.md says"
    )


def test_the_manifest_asks_for_the_keys_that_the_code_writes() -> None:
    found = manifests()
    spec = found["IngestionPipeline"]["spec"]
    assert spec["results"]["table"] == {"partitionKey": table.PARTITION_KEY, "sortKey": table.SORT_KEY}
    assert spec["processor"]["code"]["configMapRef"]["name"] == found["ConfigMap"]["metadata"]["name"]
