"""Whether a trail records the writes to a bucket, computed from what CloudTrail reports about the trail.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion_operator.blueprint.event_pattern import WRITES

Selector = Mapping[str, Any]

OBJECTS = "AWS::S3::Object"
ARN = "resources.ARN"
OPERATORS = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")


def data_event_selector(bucket_arn: str) -> dict[str, Any]:
    """The selector, in pulumi-aws' form, of a trail that records the writes to this bucket and nothing else."""
    wanted = {"eventCategory": ["Data"], "resources.type": [OBJECTS], "readOnly": ["false"], "eventName": list(WRITES)}
    fields = [{"field": name, "equals": values} for name, values in wanted.items()]
    return {
        "name": "objects written to the source bucket",
        "field_selectors": [*fields, {"field": ARN, "starts_withs": [f"{bucket_arn}/"]}],
    }


def records_writes(answer: Mapping[str, Any], bucket_arn: str, prefixes: Sequence[str] = ()) -> bool:
    """Whether the trail records every write to the bucket under these prefixes. `answer` is that of GetEventSelectors."""
    return all(_records_all(answer, f"{bucket_arn}/{prefix}") for prefix in prefixes or ("",))


def _records_all(answer: Mapping[str, Any], beginning: str) -> bool:
    """Whether every write to an object whose ARN has this beginning is recorded."""
    basic: Sequence[Selector] = answer.get("EventSelectors") or ()
    advanced: Sequence[Selector] = answer.get("AdvancedEventSelectors") or ()
    return any(_basic_covers(s, beginning) for s in basic) or all(
        any(_advanced_covers(s, beginning, name) for s in advanced) for name in WRITES
    )


def _basic_covers(selector: Selector, beginning: str) -> bool:
    if selector.get("ReadWriteType", "All") == "ReadOnly":
        return False
    values = [
        value
        for resource in selector.get("DataResources") or ()
        if resource.get("Type") == OBJECTS
        for value in resource.get("Values") or ()
    ]
    # `arn:aws:s3` stands for all buckets, `arn:aws:s3:::bucket/` for all objects of one.
    return any(beginning.startswith(value) for value in values)


def _advanced_covers(selector: Selector, beginning: str, name: str) -> bool:
    event = {
        "eventCategory": "Data",
        "resources.type": OBJECTS,
        "readOnly": "false",
        "eventName": name,
        "eventSource": "s3.amazonaws.com",
        ARN: beginning,
    }
    return all(_passes(field, event) for field in selector.get("FieldSelectors") or ())


def _passes(field: Selector, event: Mapping[str, str]) -> bool:
    """Whether the call passes this field selector for every object whose ARN begins with the ARN in `event`."""
    about = str(field.get("Field"))
    if about not in event:
        return False
    value, said = event[about], {name: field.get(name) or [] for name in OPERATORS}
    if about == ARN:
        return _all_begun_pass(value, said)
    return (
        (not said["Equals"] or value in said["Equals"])
        and (not said["StartsWith"] or value.startswith(tuple(said["StartsWith"])))
        and (not said["EndsWith"] or value.endswith(tuple(said["EndsWith"])))
        and value not in said["NotEquals"]
        and not value.startswith(tuple(said["NotStartsWith"]))
        and not value.endswith(tuple(said["NotEndsWith"]))
    )


def _all_begun_pass(beginning: str, said: Mapping[str, Sequence[str]]) -> bool:
    """Whether every ARN with this beginning passes. A single value or an ending never covers all of them."""
    return (
        not (said["Equals"] or said["EndsWith"] or said["NotEndsWith"])
        and (not said["StartsWith"] or beginning.startswith(tuple(said["StartsWith"])))
        and not any(one.startswith(beginning) for one in said["NotEquals"])
        and not any(one.startswith(beginning) or beginning.startswith(one) for one in said["NotStartsWith"])
    )
