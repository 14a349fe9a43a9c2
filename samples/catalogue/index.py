"""Catalogue the objects of a bucket: an item for each document in DynamoDB, and one for each part of its text.

EventBridge starts it for each object that is written, by S3's own event ("Object Created") or by CloudTrail's record
of the call. It reads the version that the event names, and writes into $RESULTS_TABLE with the partition key
`document` ("s3://bucket/key") and the sort key `part`:

- "document": metadata of the object and its text, and the vector of the whole text
- "part-00001" and so on: the text in pieces of at most text.PART_CHARACTERS, each with its offset and its vector

An object that is not text, is empty, or is larger than LARGEST_BYTES has only the first item. `kind` says which it is.
Whatever the number and order of the events, table.py keeps the newest version of a document in the table.
"""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import embedding
import table
import text as texts
from botocore.exceptions import ClientError

S3 = boto3.client("s3")  # Made once, while the function starts, and kept from run to run.
LOG = logging.getLogger(__name__)
LOG.setLevel(logging.INFO)
LARGEST_BYTES = 8 * 1024 * 1024
SEQUENCER_LENGTH = 40
GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})


@dataclass(frozen=True)
class Source:
    """The object that an event is about. `order`: see table.Claim."""

    bucket: str
    key: str
    version: str | None
    time: str
    order: str

    @property
    def document(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Catalogue the object of this event. The answer is for the log only. After an error, Lambda tries again."""
    source = source_of(event)
    place = table.Claim(table_of(os.environ), source.document, source.order)
    answer = {"document": source.document, "version": source.version, **outcome(source, place)}
    LOG.info("%s", answer)
    return answer


def outcome(source: Source, place: table.Claim) -> dict[str, Any]:
    """Catalogue the object and return what was done."""
    found = fetch(source)
    if found is None:
        return {"skipped": "the object has been deleted"}
    try:
        return catalogue(source, place, *found)
    except table.Superseded:
        return {"skipped": "a newer version is in the table"}


def source_of(event: Mapping[str, Any]) -> Source:
    """The object of the event. Neither kind of event URL-quotes the key. Only S3's notifications, which are not used here, do."""
    try:
        detail = event["detail"]
        if "requestParameters" in detail:
            return _recorded(detail)
        thing = detail["object"]
        order = order_of(thing.get("sequencer"), event["time"])
        return Source(detail["bucket"]["name"], thing["key"], thing.get("version-id"), event["time"], order)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"neither 'Object Created' nor 'AWS API Call via CloudTrail': {error!r}") from error


def _recorded(detail: Mapping[str, Any]) -> Source:
    """The source of a call that CloudTrail has recorded. The record has no sequencer, only a time in seconds."""
    asked, answered = detail["requestParameters"], detail.get("responseElements") or {}
    time = detail["eventTime"]
    return Source(asked["bucketName"], asked["key"], answered.get("x-amz-version-id"), time, order_of(None, time))


def order_of(sequencer: str | None, time: str) -> str:
    """The event's place in the order of events: S3's sequencer, or its time if it has no sequencer.

    Sequencers are hexadecimal, of different lengths, and are compared as text after the shorter is padded with zeros
    on the right: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    return f"sequencer:{sequencer.upper().ljust(SEQUENCER_LENGTH, '0')}" if sequencer else f"time:{time}"


def table_of(environment: Mapping[str, str]) -> str:
    """The name of the table."""
    if not environment.get("RESULTS_TABLE"):
        raise ValueError("RESULTS_TABLE is not set: give the pipeline `results: {table: {...}}` as in pipeline.yaml")
    return environment["RESULTS_TABLE"]


def fetch(source: Source) -> tuple[dict[str, Any], bytes | None] | None:
    """What S3 knows about the object, and its content (None if it is too large). None if the object is gone."""
    version = {"VersionId": source.version} if source.version else {}
    try:
        found = S3.get_object(Bucket=source.bucket, Key=source.key, **version)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise
    with found["Body"] as body:
        return found, body.read() if found["ContentLength"] <= LARGEST_BYTES else None


def catalogue(source: Source, place: table.Claim, found: Mapping[str, Any], content: bytes | None) -> dict[str, Any]:
    """Write the items of this content. Raises table.Superseded if a newer version is there."""
    readable = texts.decoded(content) if content else None
    text, encoding = readable or ("", None)
    kind = "tooLarge" if content is None else "binary" if readable is None and content else "text" if text else "empty"
    table.claim(place)
    count = table.write(place, parts(text, source))
    table.finish(place, {
        **about_object(source, found),
        **about_content(content, text if readable else None),
        **(about_text(text) if text else {}),
        "kind": kind,
        "encoding": encoding,
        "parts": count,
    })  # fmt: skip
    return {"kind": kind, "parts": count}


def parts(text: str, source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """(sort key, attributes) of the items of the parts."""
    for number, (offset, part) in enumerate(texts.parts(text), start=1):
        yield (
            table.part_key(number),
            {
                "versionId": source.version,
                "offset": offset,
                "text": part,
                "embedding": embedding.NAME,
                "vector": embedding.packed(embedding.vector(part)),
            },
        )


def about_object(source: Source, found: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that S3 and the event give."""
    return {
        "bucket": source.bucket,
        "key": source.key,
        "versionId": source.version,
        "size": found["ContentLength"],
        "etag": found["ETag"].strip('"'),
        "declaredType": found.get("ContentType"),
        "eventTime": source.time,
        "processedTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def about_content(content: bytes | None, text: str | None) -> dict[str, Any]:
    """The attributes that follow from the bytes. There are none if the object is empty or was too large to read."""
    if not content:
        return {}
    return {"sha256": hashlib.sha256(content).hexdigest(), "mediaType": texts.media_type(content, text)}


def about_text(text: str) -> dict[str, Any]:
    """The attributes that follow from the text."""
    vector = embedding.packed(embedding.vector(text))
    return {**texts.metadata(text), "embedding": embedding.NAME, "vector": vector}
