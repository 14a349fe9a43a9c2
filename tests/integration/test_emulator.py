"""The emulator confines a function to its role, tries it as often as it is told, and gives its port back."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlparse

import pytest

from ingestion_local.emulator import Emulator
from ingestion_local.processes import wait_until
from integration.test_delivery import Account, account

__all__ = ["account"]

# Tells in its own bucket what came of writing into the other one.
TRESPASS = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    s3, bucket = boto3.client("s3"), event["detail"]["bucket"]["name"]
    key = event["detail"]["object"]["key"]
    try:
        s3.put_object(Bucket=bucket + "-other", Key=key)
        answer = "written"
    except ClientError as error:
        answer = error.response["Error"]["Code"]
    s3.put_object(Bucket=bucket, Key="answer/" + key, Body=answer.encode())
"""
# Leaves a trace of each attempt before it fails.
COUNT_AND_RAISE = """
import boto3, uuid
def handler(event, context):
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    boto3.client("s3").put_object(Bucket=bucket, Key="attempt/" + key + "/" + str(uuid.uuid4()))
    raise RuntimeError("poison")
"""


def answer(account: Account, key: str) -> str:
    """What the trespassing function told about the object."""
    name = f"answer/{key}"
    wait_until(
        name,
        lambda: account.s3.list_objects_v2(Bucket=account.name, Prefix=name).get("Contents"),
        timeout_seconds=30,
    )
    return str(account.s3.get_object(Bucket=account.name, Key=name)["Body"].read().decode())


def test_a_function_is_denied_another_bucket_until_its_role_allows_it(account: Account) -> None:
    other = f"{account.name}-other"
    account.s3.create_bucket(Bucket=other)
    function = account.function("trespass", TRESPASS)
    account.permit(function, account.rule)
    account.target(function)

    account.put("raw/denied")
    assert answer(account, "raw/denied") == "AccessDenied"
    assert "Contents" not in account.s3.list_objects_v2(Bucket=other)

    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{other}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    account.emulator.client("iam").put_role_policy(RoleName=account.name, PolicyName="other", PolicyDocument=policy)
    account.put("raw/allowed")
    assert answer(account, "raw/allowed") == "written"


@pytest.mark.parametrize(
    ("retries", "attempts"), [pytest.param(0, 1, id="no retry"), pytest.param(1, 2, id="one retry")]
)
def test_a_raising_function_is_tried_once_and_then_as_often_as_it_is_told(
    account: Account, retries: int, attempts: int
) -> None:
    url, arn = account.queue("failed")
    function = account.function("counting", COUNT_AND_RAISE)
    account.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=retries, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    account.permit(function, account.rule)
    account.target(function)

    account.put("raw/poison")

    failed = json.loads(account.wait_message(url)["Body"])
    assert failed["requestPayload"]["detail"]["object"]["key"] == "raw/poison"
    traces = account.s3.list_objects_v2(Bucket=account.name, Prefix="attempt/raw/poison/")
    assert traces["KeyCount"] == attempts


def test_an_event_for_a_function_that_is_gone_goes_to_the_targets_dead_letter_queue(account: Account) -> None:
    url, arn = account.queue("open", open_to=account.rule)
    function = account.function("gone")
    account.permit(function, account.rule)
    account.target(function, DeadLetterConfig={"Arn": arn})
    account.functions.delete_function(FunctionName=function)

    account.put("raw/late")

    attributes = account.wait_message(url)["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "RESOURCE_NOT_FOUND"
    assert attributes["TARGET_ARN"]["StringValue"] == function


def test_a_stopped_emulator_gives_its_port_back_and_can_be_stopped_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    emulator = Emulator(tmp_path_factory.mktemp("own"))
    emulator.start()
    address = ("127.0.0.1", urlparse(emulator.endpoint).port)
    assert answers(address)
    emulator.stop()
    assert not answers(address)
    emulator.stop()


def answers(address: tuple[str, int | None]) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0
