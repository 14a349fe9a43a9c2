"""What CloudTrail refuses, and what it sends to EventBridge. MiniStack does neither.

A trail needs a bucket whose policy lets it write. If a trail is logging and its selectors record the call, a write to an object
reaches the default event bus as "AWS API Call via CloudTrail". The event has the fields that patterns match. The trail writes
nothing into the bucket.

Sources: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from __future__ import annotations

import contextvars
import datetime
import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from ingestion_local.strict.resource_policy import Caller, allows

PRINCIPAL = "cloudtrail.amazonaws.com"
OBJECTS = "AWS::S3::Object"
# By MiniStack's name of an object's event: the call that CloudTrail records.
CALLS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "PostObject",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
Answer = tuple[Any, ...]
Selector = Mapping[str, Any]

logger = logging.getLogger("ingestion_local.strict_delivery")


def strict_trail(inner: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    """Wrap `cloudtrail._create_trail` or `_update_trail`, and refuse a bucket into which the trail may not write."""

    @wraps(inner)
    def put_trail(body: dict[str, Any]) -> Answer:
        from ministack.services import cloudtrail

        bucket, name = body.get("S3BucketName"), str(body.get("Name", ""))
        if not bucket:
            return inner(body)
        arn = name if name.startswith("arn:") else cloudtrail._trail_arn(name)
        problem = _bucket_problem(arn, str(bucket), str(body.get("S3KeyPrefix") or ""))
        return cloudtrail._err(*problem) if problem else inner(body)

    return put_trail


def _bucket_problem(trail_arn: str, bucket: str, prefix: str) -> tuple[str, str] | None:
    from ministack.services import s3

    account, arn = trail_arn.split(":")[4], f"arn:aws:s3:::{bucket}"
    if bucket not in s3._buckets:
        return "S3BucketDoesNotExistException", f"S3 bucket {bucket} does not exist!"
    policy = s3._bucket_policies.get(bucket) or "{}"
    logs = f"{arn}/{f'{prefix}/' if prefix else ''}AWSLogs/{account}/"
    caller = Caller(PRINCIPAL, trail_arn, account, {"s3:x-amz-acl": "bucket-owner-full-control"})
    wanted = (("s3:GetBucketAcl", arn), ("s3:PutObject", f"{logs}CloudTrail/"))
    if all(allows(policy, action, caller, resource=resource) for action, resource in wanted):
        return None
    return "InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"


def telling_event_bus(inner: Callable[..., None]) -> Callable[..., None]:
    """Wrap `s3._fire_s3_event_async`. After it, send the event of a trail that records the call."""

    @wraps(inner)
    def fire(bucket_name: str, key: str, event_name: str, *args: Any, **kwargs: Any) -> None:
        inner(bucket_name, key, event_name, *args, **kwargs)
        call = CALLS.get(event_name)
        if call and is_recorded(_logging_selectors(), call, f"arn:aws:s3:::{bucket_name}/{key}"):
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(_tell, bucket_name, key, call), daemon=True).start()

    return fire


def _logging_selectors() -> list[Selector]:
    """The selectors of all logging trails of the account and region."""
    from ministack.services import cloudtrail

    selectors: list[Selector] = []
    for region, name, trail in cloudtrail._visible_trail_items():
        if trail.get("IsLogging"):
            account = trail["TrailARN"].split(":")[4]
            selectors.extend(cloudtrail._event_selectors.get_scoped(account, region, name, []))
    return selectors


def is_recorded(selectors: Sequence[Selector], call: str, object_arn: str) -> bool:
    """Whether one of these selectors, basic or advanced, records a call that writes to an object."""
    event = {
        "eventCategory": "Data",
        "resources.type": OBJECTS,
        "resources.ARN": object_arn,
        "eventName": call,
        "eventSource": "s3.amazonaws.com",
        "readOnly": "false",
    }
    return any(_records(selector, event) for selector in selectors)


def _records(selector: Selector, event: Mapping[str, str]) -> bool:
    if "FieldSelectors" in selector:
        return all(_passes(field, event.get(field["Field"])) for field in selector["FieldSelectors"])
    data = [part for part in selector.get("DataResources") or [] if part["Type"] == OBJECTS]
    prefixes = tuple(value for part in data for value in part["Values"])
    return selector.get("ReadWriteType", "All") != "ReadOnly" and event["resources.ARN"].startswith(prefixes)


def _passes(field: Selector, value: str | None) -> bool:
    """Whether a value passes all operators of a field. An unknown value passes none."""
    if value is None:
        return False
    said = {name: tuple(field.get(name) or ()) for name in ("Equals", "StartsWith", "EndsWith")}
    unsaid = {name: tuple(field.get(f"Not{name}") or ()) for name in said}
    wanted = (
        (said["Equals"], value in said["Equals"]),
        (said["StartsWith"], value.startswith(said["StartsWith"])),
        (said["EndsWith"], value.endswith(said["EndsWith"])),
    )
    refused = value in unsaid["Equals"] or value.startswith(unsaid["StartsWith"]) or value.endswith(unsaid["EndsWith"])
    return all(holds for values, holds in wanted if values) and not refused


def _tell(bucket: str, key: str, call: str) -> None:
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import eventbridge

    region = get_region()
    detail = call_detail(bucket, key, call, get_account_id(), region)
    entry = {"Source": "aws.s3", "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(detail)}
    logger.info("a trail records %s of %s/%s", call, bucket, key)
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def call_detail(bucket: str, key: str, call: str, account: str, region: str) -> dict[str, Any]:
    """The detail of the event: the fields that CloudTrail has for every call, and those of S3."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSAccount", "accountId": account},
        "eventTime": now,
        "eventSource": "s3.amazonaws.com",
        "eventName": call,
        "awsRegion": region,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "emulator",
        "requestParameters": {"bucketName": bucket, "key": key},
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "resources": [
            {"type": OBJECTS, "ARN": f"arn:aws:s3:::{bucket}/{key}"},
            {"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}", "accountId": account},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": account,
        "eventCategory": "Data",
    }
