"""The AWS adapter against the emulator: the switch that makes a bucket send its events to EventBridge."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.blueprint.event_pattern import object_created, written
from ingestion_operator.errors import (
    UpdateFailed,
)
from ingestion_operator.model.source import Filter
from integration.emulated_account import REGION, Account, account, cloud, function

__all__ = ["account", "cloud"]


def notifications(account: Account, bucket: str) -> str:
    """The bucket's notifications without the switch, as text that can be compared byte for byte."""
    found = account.s3.get_bucket_notification_configuration(Bucket=bucket)
    kept = {k: v for k, v in found.items() if k not in ("ResponseMetadata", "EventBridgeConfiguration")}
    return json.dumps(kept, indent=1, ensure_ascii=False)


def sends(account: Account, bucket: str) -> bool:
    return "EventBridgeConfiguration" in account.s3.get_bucket_notification_configuration(Bucket=bucket)


def with_notifications(account: Account) -> str:
    """A bucket that notifies a queue, a topic and a function that belong to somebody else."""
    bucket = account.bucket()
    queue = account.sqs.create_queue(QueueName=f"q-{account.suffix}")["QueueUrl"]
    queue_arn = account.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic_arn = account.sns.create_topic(Name=f"t-{account.suffix}")["TopicArn"]
    function_arn = function(account, f"f-{account.suffix}")

    def keys(**rules: str) -> dict[str, Any]:
        return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}

    account.s3.put_bucket_notification_configuration(
        Bucket=bucket,
        SkipDestinationValidation=True,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"Id": "images", "QueueArn": queue_arn, "Events": ["s3:ObjectCreated:Put", "s3:ObjectCreated:Copy"],
                 "Filter": keys(prefix="images/ü &<a>/", suffix=".jpg")},
            ],
            "TopicConfigurations": [
                {"Id": "losses", "TopicArn": topic_arn, "Events": ["s3:ObjectRemoved:*"], "Filter": keys(prefix="keep/")},
            ],
            "LambdaFunctionConfigurations": [
                {"Id": "one", "LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"], "Filter": keys(suffix=".a")},
                {"Id": "two", "LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"], "Filter": keys(suffix=".b")},
            ],
        },
    )  # fmt: skip
    return bucket


def test_the_switch_is_turned_once_and_back_once_and_says_whether_it_was(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket()
    assert [cloud.switch_on_events(bucket, REGION) for _ in range(2)] == [True, False]
    assert sends(account, bucket)
    assert [cloud.switch_off_events(bucket, REGION) for _ in range(2)] == [True, False]
    assert not sends(account, bucket)


def test_other_notifications_and_their_filters_stay_to_the_byte(cloud: Boto3Cloud, account: Account) -> None:
    bucket = with_notifications(account)
    before = notifications(account, bucket)
    assert all(word in before for word in ("images/ü &<a>/", "losses", "s3:ObjectRemoved:*", '"two"', ".jpg"))
    assert cloud.switch_on_events(bucket, REGION)
    assert (notifications(account, bucket), sends(account, bucket)) == (before, True)
    assert cloud.switch_off_events(bucket, REGION)
    assert (notifications(account, bucket), sends(account, bucket)) == (before, False)


def test_the_switch_of_a_bucket_that_is_not_there(cloud: Boto3Cloud, account: Account) -> None:
    absent = f"absent-{account.suffix}"
    assert cloud.switch_off_events(absent, REGION) is False
    with pytest.raises(UpdateFailed, match="NoSuchBucket"):
        cloud.switch_on_events(absent, REGION)


LISTENERS: dict[str, tuple[Callable[[str], Mapping[str, Any]], bool]] = {
    "for the bucket": (lambda bucket: object_created(bucket, Filter()), True),
    "for all buckets": (lambda _: {"source": ["aws.s3"]}, True),
    "for buckets by an expression": (lambda bucket: {"detail": {"bucket": {"name": [{"prefix": bucket[:3]}]}}}, True),
    "for another bucket": (lambda bucket: object_created(f"{bucket}-old", Filter()), False),
    "for what a trail records": (lambda bucket: written(bucket, Filter()), False),
    "for another service": (lambda _: {"source": ["aws.ec2"]}, False),
}


@pytest.mark.parametrize("state", ["ENABLED", "DISABLED"])
@pytest.mark.parametrize(("pattern", "stays"), LISTENERS.values(), ids=LISTENERS)
def test_events_stay_on_while_a_rule_of_others_may_listen(
    cloud: Boto3Cloud, account: Account, pattern: Callable[[str], Mapping[str, Any]], stays: bool, state: str
) -> None:
    bucket = account.bucket()
    cloud.switch_on_events(bucket, REGION)
    rule = account.rule("listener", pattern(bucket), state)
    try:
        assert cloud.switch_off_events(bucket, REGION) is not stays
        assert sends(account, bucket) is stays
    finally:
        account.events.delete_rule(Name=rule)
    assert cloud.switch_off_events(bucket, REGION) is stays
    assert not sends(account, bucket)


def test_a_listener_on_a_later_page_of_rules_is_seen_and_a_schedule_is_none(
    cloud: Boto3Cloud, account: Account
) -> None:
    bucket = account.bucket()
    cloud.switch_on_events(bucket, REGION)
    schedule = f"a-{account.suffix}"
    account.events.put_rule(Name=schedule, ScheduleExpression="rate(1 day)")
    rules = [account.rule(f"b{number:03}", {"source": ["aws.ec2"]}) for number in range(105)]
    rules.append(account.rule("z", object_created(bucket, Filter())))
    try:
        assert cloud.switch_off_events(bucket, REGION) is False
    finally:
        for rule in (schedule, *rules):
            account.events.delete_rule(Name=rule)
    assert cloud.switch_off_events(bucket, REGION) is True


def test_several_pipelines_at_once_turn_the_switch_once(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket()
    with ThreadPoolExecutor(8) as pool:
        turned = list(pool.map(lambda _: cloud.switch_on_events(bucket, REGION), range(8)))
    assert sorted(turned) == [False] * 7 + [True]
