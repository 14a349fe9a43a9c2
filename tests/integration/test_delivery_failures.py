"""When a function finally fails, the right place gets a full report, if the function's role may send it.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from integration.delivery_account import DeliveryAccount, account

__all__ = ["account"]

# Records each attempt, then fails with an exception of its own class.
RAISE = """
import uuid
import boto3
class Poison(ValueError):
    pass
def handler(event, context):
    detail = event["detail"]
    key = "attempts/" + context.aws_request_id + "/" + str(uuid.uuid4())
    boto3.client("s3").put_object(Bucket=detail["bucket"]["name"], Key=key)
    refuse(detail["object"]["key"])
def refuse(key):
    raise Poison("no good: " + key)
"""


def failing(account: DeliveryAccount, destination: str, *, retries: int = 1, **more: Any) -> str:
    """A function that the rule invokes, that raises, and whose failures go to this queue."""
    function = account.function("raising", RAISE, **more)
    config: dict[str, Any] = {"OnFailure": {"Destination": destination}} if destination else {}
    account.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=retries, DestinationConfig=config
    )
    account.connect(function)
    return function


def attempts(account: DeliveryAccount) -> list[str]:
    """The request ids of the attempts so far."""
    found = account.s3.list_objects_v2(Bucket=account.name, Prefix="attempts/").get("Contents", [])
    return [item["Key"].split("/")[1] for item in found]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_function_that_raises_is_tried_again_and_then_its_failure_queue_gets_the_record(
    retries: int, account: DeliveryAccount
) -> None:
    url, arn = account.queue("failed")
    function = failing(account, arn, retries=retries)

    account.put("raw/poison")

    message = account.wait_message(url)
    record = json.loads(message["Body"])
    (request_id,) = set(attempts(account))
    assert len(attempts(account)) == retries + 1
    assert record["requestPayload"]["detail"]["object"]["key"] == "raw/poison"
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"{function}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": retries + 1,
    }
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    trace = record["responsePayload"].pop("stackTrace")
    assert record["responsePayload"] == {
        "errorMessage": "no good: raw/poison",
        "errorType": "Poison",
        "requestId": request_id,
    }
    assert [frame.partition(", in ")[2].splitlines()[0] for frame in trace] == ["handler", "refuse"]
    assert (record["version"], record["timestamp"][-1]) == ("1.0", "Z")
    assert "MessageAttributes" not in message


def assert_no_record(account: DeliveryAccount, function: str, queue_url: str) -> None:
    """The metric counts the failure as not delivered, and the queue is empty."""
    account.wait_metric("AWS/Lambda", "DestinationDeliveryFailures", FunctionName=function.rpartition(":")[2])
    assert "Messages" not in account.sqs.receive_message(QueueUrl=queue_url)


def test_a_role_that_may_not_send_loses_the_record(account: DeliveryAccount) -> None:
    url, arn = account.queue("failed")
    function = failing(account, arn)
    account.revoke("failures")
    account.put("raw/poison")
    assert_no_record(account, function, url)


def test_a_queue_that_denies_the_role_gets_no_record(account: DeliveryAccount) -> None:
    url, arn = account.queue("failed")
    function = failing(account, arn)
    deny = {"Effect": "Deny", "Principal": {"AWS": account.role}, "Action": "sqs:SendMessage", "Resource": arn}
    account.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [deny]})})
    account.put("raw/poison")
    assert_no_record(account, function, url)


def test_the_dead_letter_queue_of_a_function_gets_the_event_alone(account: DeliveryAccount) -> None:
    url, arn = account.queue("dead")
    failing(account, "", retries=0, DeadLetterConfig={"TargetArn": arn})

    account.put("raw/poison")

    message = account.wait_message(url)
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "raw/poison"
    attributes = {key: (v["DataType"], v["StringValue"]) for key, v in message["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": ("String", attempts(account)[0]),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "no good: raw/poison"),
    }


def test_a_function_that_is_switched_off_hands_its_events_over_untried(account: DeliveryAccount) -> None:
    url, arn = account.queue("failed")
    function = failing(account, arn)
    account.functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)

    account.put("raw/first")

    record = json.loads(account.wait_message(url)["Body"])
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert attempts(account) == []


def test_events_wait_for_a_function_that_is_busy(account: DeliveryAccount) -> None:
    function = account.function("copy", "import time\n" + SLOW)
    account.functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    account.connect(function)

    keys = [f"raw/{number}" for number in range(6)]
    for key in keys:
        account.put(key)

    for key in keys:
        account.wait_processed("copy", key)


SLOW = """
import boto3
def handler(event, context):
    time.sleep(0.3)
    detail = event["detail"]
    boto3.client("s3").put_object(Bucket=detail["bucket"]["name"], Key=context.function_name + "/" + detail["object"]["key"])
"""


def test_a_destination_to_which_the_role_may_not_send_is_refused_at_once(account: DeliveryAccount) -> None:
    _, arn = account.queue("failed")
    function = account.function("copy")
    config = {"OnFailure": {"Destination": arn}}
    account.revoke("failures")
    with pytest.raises(ClientError, match="execution role does not have permissions to call SendMessage on"):
        account.functions.put_function_event_invoke_config(FunctionName=function, DestinationConfig=config)
    account.grant("failures", "sqs:SendMessage", arn)
    account.functions.put_function_event_invoke_config(FunctionName=function, DestinationConfig=config)


def test_an_error_has_its_own_type_also_when_a_caller_waits_for_the_answer(account: DeliveryAccount) -> None:
    function = account.function("raising", "def handler(event, context): return 1 / 0")
    answer = account.functions.invoke(FunctionName=function)
    error = json.loads(answer["Payload"].read())
    assert (error["errorType"], error["errorMessage"]) == ("ZeroDivisionError", "division by zero")
    assert "in handler" in error["stackTrace"][0]
