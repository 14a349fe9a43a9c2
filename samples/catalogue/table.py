"""Writes the items of one document into the table. The newest version of the document wins as a whole.

Events arrive at least once and in any order, and two runs may work on one document at the same time. So:

1. `claim`: a run puts its place in the order of events into the document's own item, unless a newer one is there.
2. `write`: parts are written and deleted in transactions which check that the claim still stands. From the moment
   when a newer run has claimed the document, an older one cannot write any more, not even between two of the newer's.
3. `finish`: the document's own item is written last, on the same condition; its `state` is then "complete".

A second run for the same event goes through the same steps and writes the same items.
Needs dynamodb:UpdateItem, Query, ConditionCheckItem, PutItem and DeleteItem on the table, nothing else.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

DYNAMODB = boto3.client("dynamodb")  # Made once, while the function starts, and kept from run to run.
PARTITION_KEY, SORT_KEY = "document", "part"  # The keys that `results.table` in pipeline.yaml names.
DOCUMENT = "document"  # The sort key of the document's own item; those of its parts begin with PART.
PART = "part-"
NAMES = {"#order": "eventOrder", "#state": "state"}
NOT_NEWER = "attribute_not_exists(#order) OR #order <= :mine OR NOT begins_with(#order, :kind)"
STILL_MINE = "#order = :mine"
BATCH = 50  # Actions in a transaction besides the check. DynamoDB takes 100 in all, and 4 MB.
# Reasons that pass without our doing. Within a transaction, the SDK does not retry them.
PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
PAUSES_SECONDS = (0.1, 0.3, 1.0, 3.0, 9.0)
Item = dict[str, Any]


class Superseded(Exception):
    """A newer version of the document is in the table, or on its way into it."""


@dataclass(frozen=True)
class Claim:
    """The table, the document's partition key, and the event's place in the order of events.

    `order` is "<kind>:<text>", where texts of one kind sort as the events happened. Two kinds cannot be compared (the
    pipeline's trigger has been changed in between): then the later run wins.
    """

    table: str
    document: str
    order: str

    def key(self, part: str) -> Item:
        return {PARTITION_KEY: {"S": self.document}, SORT_KEY: {"S": part}}

    def item(self, part: str, attributes: Mapping[str, Any]) -> Item:
        """An item in DynamoDB's notation; attributes that are None are left out."""
        given = {PARTITION_KEY: self.document, SORT_KEY: part, "eventOrder": self.order, **attributes}
        return {name: TypeSerializer().serialize(value) for name, value in given.items() if value is not None}

    @property
    def mine(self) -> Item:
        return {":mine": {"S": self.order}}

    @property
    def kind(self) -> Item:
        return {":kind": {"S": self.order.partition(":")[0] + ":"}}


def part_key(number: int) -> str:
    """The sort key of the part of this number, from 1; 0 comes before every part. They sort by number."""
    return f"{PART}{number:05}"


def claim(place: Claim) -> None:
    """Say that this version of the document is being written. Raises Superseded if a newer one is."""
    _patiently(
        DYNAMODB.update_item,
        TableName=place.table,
        Key=place.key(DOCUMENT),
        UpdateExpression="SET #order = :mine, #state = :state",
        ConditionExpression=NOT_NEWER,
        ExpressionAttributeNames=NAMES,
        ExpressionAttributeValues={**place.mine, **place.kind, ":state": {"S": "processing"}},
    )


def write(place: Claim, parts: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """Write these parts, delete those that come after the last one, and return how many were written.

    Raises Superseded as soon as a newer version has claimed the document.
    """
    count = 0

    def actions() -> Iterator[Item]:
        nonlocal count
        for key, attributes in parts:
            count += 1
            yield {"Put": {"TableName": place.table, "Item": place.item(key, attributes)}}
        for key in _after(place, part_key(count)):
            yield {"Delete": {"TableName": place.table, "Key": place.key(key)}}

    waiting = actions()
    while batch := list(islice(waiting, BATCH)):
        _patiently(DYNAMODB.transact_write_items, TransactItems=[_check(place), *batch])
    return count


def finish(place: Claim, attributes: Mapping[str, Any]) -> None:
    """Write the document's own item. Raises Superseded if a newer version has claimed the document."""
    _patiently(
        DYNAMODB.put_item,
        TableName=place.table,
        Item=place.item(DOCUMENT, {**attributes, "state": "complete"}),
        ConditionExpression=STILL_MINE,
        ExpressionAttributeNames={"#order": NAMES["#order"]},
        ExpressionAttributeValues=place.mine,
    )


def _check(place: Claim) -> Item:
    check = {
        "TableName": place.table,
        "Key": place.key(DOCUMENT),
        "ConditionExpression": STILL_MINE,
        "ExpressionAttributeNames": {"#order": NAMES["#order"]},
        "ExpressionAttributeValues": place.mine,
    }
    return {"ConditionCheck": check}


def _after(place: Claim, last: str) -> Iterator[str]:
    """Sort keys of the parts after this one: those of an earlier, longer version."""
    pages = DYNAMODB.get_paginator("query").paginate(
        TableName=place.table,
        KeyConditionExpression="#document = :document AND #part > :last",
        ProjectionExpression="#part",
        ExpressionAttributeNames={"#document": PARTITION_KEY, "#part": SORT_KEY},
        ExpressionAttributeValues={":document": {"S": place.document}, ":last": {"S": last}},
        ConsistentRead=True,
    )
    for page in pages:
        yield from (item[SORT_KEY]["S"] for item in page["Items"])


def _patiently(call: Callable[..., Any], **request: Any) -> None:
    for pause in (*PAUSES_SECONDS, None):
        try:
            call(**request)
        except ClientError as error:
            codes = _codes(error)
            if "ConditionalCheckFailed" in codes:
                raise Superseded from error
            if pause is None or not codes <= PASSING:
                raise
            time.sleep(pause)
        else:
            return


def _codes(error: ClientError) -> set[str]:
    """Why a call failed; for a transaction, the reasons of all its actions."""
    found: Any = error.response
    reasons = found.get("CancellationReasons") or [found["Error"]]
    return {reason["Code"].removesuffix("Exception") for reason in reasons} - {"None"}
