"""An event that cannot be delivered or processed goes to the queue, with the reason."""

from __future__ import annotations

import json
from typing import Any

from e2e.world import World, copying

# Copies an object, or raises if it is poison.
CAREFUL = """
import os, boto3
s3 = boto3.client("s3")
def handler(event, context):
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    if body == b"poison":
        raise ValueError("cannot read " + key)
    s3.put_object(Bucket=os.environ["RESULTS_BUCKET"], Key=key, Body=body)
"""


def spec(**changes: Any) -> dict[str, Any]:
    return copying(processor={"code": {"inline": CAREFUL}}, **changes)


def test_a_poison_object_is_in_the_queue_with_its_error_and_stops_nobody(world: World) -> None:
    world.apply("copy", spec(delivery={"processingAttempts": 1}))
    outputs = world.wait_ready("copy")["outputs"]

    world.put(outputs["bucketName"], "raw/poison.txt", b"poison")
    for number in range(3):
        world.put(outputs["bucketName"], f"raw/good-{number}.txt", b"good")

    for number in range(3):
        assert world.wait_result(outputs["resultsBucket"], f"raw/good-{number}.txt") == b"good"
    (message,) = world.wait("the dead letter", lambda: world.messages("copy"))
    record = json.loads(message["Body"])
    assert record["requestPayload"]["detail"]["object"]["key"] == "raw/poison.txt"
    assert record["responsePayload"]["errorMessage"] == "cannot read raw/poison.txt"
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert world.condition("copy", "Ready")["status"] == "True", "a bad file is not a failed rollout"


def test_an_event_that_cannot_be_delivered_is_in_the_same_queue(world: World) -> None:
    world.apply("copy", spec(reconcile={"drift": {"mode": "Ignore"}}))
    outputs = world.wait_ready("copy")["outputs"]
    world.emulator.client("lambda").remove_permission(FunctionName=outputs["functionName"], StatementId="AllowRule")

    world.put(outputs["bucketName"], "raw/lost.txt", b"not lost")

    (message,) = world.wait("the dead letter", lambda: world.messages("copy"))
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "raw/lost.txt"
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == outputs["ruleArn"]
    assert attributes["TARGET_ARN"] == outputs["functionArn"]
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"


def test_delivery_is_as_the_pipeline_says(world: World) -> None:
    delivery = {
        "maximumAttempts": 7,
        "maximumEventAgeSeconds": 600,
        "processingAttempts": 0,
        "processingMaximumAgeSeconds": 300,
    }
    world.apply("copy", spec(delivery=delivery, deadLetter={"retentionDays": 3}))
    outputs = world.wait_ready("copy")["outputs"]

    rule = outputs["ruleArn"].rpartition("/")[2]
    (target,) = world.emulator.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    invoke = world.emulator.client("lambda").get_function_event_invoke_config(FunctionName=outputs["functionName"])
    queue = world.emulator.client("sqs").get_queue_attributes(
        QueueUrl=outputs["deadLetterQueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 7, "MaximumEventAgeInSeconds": 600}
    assert (invoke["MaximumRetryAttempts"], invoke["MaximumEventAgeInSeconds"]) == (0, 300)
    assert queue["MessageRetentionPeriod"] == str(3 * 86400)
    assert target["DeadLetterConfig"]["Arn"] == queue["QueueArn"]
