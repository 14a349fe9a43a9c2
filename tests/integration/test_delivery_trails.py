"""A trail that records the writes to a bucket sends them to the event bus. A user cannot send events as S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from integration.delivery_account import DeliveryAccount, account
from integration.provider_world import ProviderWorld

__all__ = ["account"]

COPY = """
import boto3
def handler(event, context):
    wanted = event["detail"]["requestParameters"]
    boto3.client("s3").put_object(Bucket=wanted["bucketName"], Key=context.function_name + "/" + wanted["key"])
"""
CALL = "AWS API Call via CloudTrail"


@pytest.fixture
def trail(account: DeliveryAccount, tmp_path: Any) -> Iterator[str]:
    """A trail that records the writes under raw/ of the account's bucket, and that is not logging yet."""
    account.switch_events(on=False)
    cloudtrail, name = account.emulator.client("cloudtrail"), f"{account.name}-trail"
    ProviderWorld(account.emulator, tmp_path, name).log_bucket(name, name)
    cloudtrail.create_trail(Name=name, S3BucketName=name)
    fields = {"eventCategory": ["Data"], "resources.type": ["AWS::S3::Object"], "readOnly": ["false"]}
    selectors = [{"Field": field, "Equals": values} for field, values in fields.items()]
    selectors.append({"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{account.name}/raw/"]})
    cloudtrail.put_event_selectors(TrailName=name, AdvancedEventSelectors=[{"FieldSelectors": selectors}])
    yield name
    cloudtrail.delete_trail(Name=name)


def listen(account: DeliveryAccount, source: str = "aws.s3") -> None:
    """Make the account's rule match calls that CloudTrail records, and connect a function that copies."""
    detail = {
        "eventSource": ["s3.amazonaws.com"],
        "eventName": ["PutObject", "CopyObject", "CompleteMultipartUpload"],
        "requestParameters": {"bucketName": [account.name], "key": [{"prefix": "raw/"}]},
        "errorCode": [{"exists": False}],
    }
    pattern = {"source": [source], "detail-type": [CALL], "detail": detail}
    account.events.put_rule(Name=account.name, EventPattern=json.dumps(pattern))
    function = account.function("copy", COPY)
    account.connect(function)


def test_a_write_that_a_trail_records_reaches_the_rule_and_others_do_not(account: DeliveryAccount, trail: str) -> None:
    listen(account)
    cloudtrail = account.emulator.client("cloudtrail")
    account.put("raw/before")
    cloudtrail.start_logging(Name=trail)
    account.put("other/key")
    account.put("raw/key with space+and")
    account.s3.delete_object(Bucket=account.name, Key="raw/before")

    account.wait_processed("copy", "raw/key with space+and")
    assert not account.processed("copy", "raw/before")

    copied = {"Bucket": account.name, "Key": "raw/key with space+and"}
    account.s3.copy_object(Bucket=account.name, Key="raw/copy", CopySource=copied)
    account.wait_processed("copy", "raw/copy")

    cloudtrail.stop_logging(Name=trail)
    account.put("raw/after")
    cloudtrail.start_logging(Name=trail)
    account.put("raw/last")
    account.wait_processed("copy", "raw/last")
    assert not account.processed("copy", "raw/after")


def call(account: DeliveryAccount, source: str, key: str) -> dict[str, Any]:
    detail = {
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "requestParameters": {"bucketName": account.name, "key": key},
    }
    return {"Source": source, "DetailType": CALL, "Detail": json.dumps(detail)}


def test_an_event_in_the_shape_of_cloudtrail_is_refused_as_that_of_s3_and_delivered_as_ones_own(
    account: DeliveryAccount,
) -> None:
    listen(account, source="test.s3")
    answer = account.events.put_events(
        Entries=[call(account, "aws.s3", "raw/theirs"), call(account, "test.s3", "raw/own")]
    )
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    account.wait_processed("copy", "raw/own")
