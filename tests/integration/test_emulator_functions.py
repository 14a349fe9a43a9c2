"""A function of the emulator has its role's rights and its own environment, and is tried as often as it is told.

test_delivery is about permissions to deliver, and about undeliverable events.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion_local.emulator import Emulator
from integration.delivery_account import DeliveryAccount, account, answer_of

__all__ = ["account"]

# Tries to write into the other bucket, and writes the result into its own.
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


# Returns its interpreter, its environment and its identity.
INTROSPECT = """
import boto3, os, sys
def handler(event, context):
    return {"interpreter": os.path.realpath(sys.executable), "environment": dict(os.environ),
            "identity": boto3.client("sts").get_caller_identity()["Arn"]}
"""


def test_a_function_is_denied_another_bucket_until_its_role_allows_it(account: DeliveryAccount) -> None:
    other = f"{account.name}-other"
    account.s3.create_bucket(Bucket=other)
    function = account.function("trespass", TRESPASS)
    account.connect(function)

    account.put("raw/denied")
    assert answer_of(account, "raw/denied") == "AccessDenied"
    assert "Contents" not in account.s3.list_objects_v2(Bucket=other)

    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{other}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    account.emulator.client("iam").put_role_policy(RoleName=account.name, PolicyName="other", PolicyDocument=policy)
    account.put("raw/allowed")
    assert answer_of(account, "raw/allowed") == "written"


@pytest.mark.parametrize(
    ("retries", "attempts"), [pytest.param(0, 1, id="no retry"), pytest.param(1, 2, id="one retry")]
)
def test_a_raising_function_is_tried_once_and_then_as_often_as_it_is_told(
    account: DeliveryAccount, retries: int, attempts: int
) -> None:
    url, arn = account.queue("failed")
    function = account.function("counting", COUNT_AND_RAISE)
    account.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=retries, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    account.connect(function)

    account.put("raw/poison")

    failed = json.loads(account.wait_message(url)["Body"])
    assert failed["requestPayload"]["detail"]["object"]["key"] == "raw/poison"
    traces = account.s3.list_objects_v2(Bucket=account.name, Prefix="attempt/raw/poison/")
    assert traces["KeyCount"] == attempts


def test_an_event_for_a_function_that_is_gone_goes_to_the_targets_dead_letter_queue(account: DeliveryAccount) -> None:
    url, arn = account.queue("open", open_to=account.rule)
    function = account.function("gone")
    account.connect(function, DeadLetterConfig={"Arn": arn})
    account.functions.delete_function(FunctionName=function)

    account.put("raw/late")

    attributes = account.wait_message(url)["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
    assert attributes["TARGET_ARN"]["StringValue"] == function


def total(account: DeliveryAccount, namespace: str, metric: str, dimension: str, value: str) -> float:
    """The sum of a metric over the last hour."""
    now = datetime.now(UTC)
    points = account.emulator.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=metric, Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=5), Period=60, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return float(sum(point["Sum"] for point in points))


def test_a_disabled_rule_delivers_nothing_until_it_is_enabled(account: DeliveryAccount) -> None:
    function = account.function("copy")
    account.connect(function)
    account.events.disable_rule(Name=account.name)
    account.put("raw/unseen")
    account.events.enable_rule(Name=account.name)

    account.put("raw/seen")

    account.wait_processed("copy", "raw/seen")
    assert not account.processed("copy", "raw/unseen")


def test_the_dead_letter_is_the_event_itself_whatever_the_target_would_have_been_given(
    account: DeliveryAccount,
) -> None:
    url, arn = account.queue("open", open_to=account.rule)
    transformer = {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '{"key": <key>}'}
    account.target(account.function("denied"), DeadLetterConfig={"Arn": arn}, InputTransformer=transformer)

    account.put("raw/first")

    message = account.wait_message(url)
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "raw/first"
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["RETRY_ATTEMPTS"] == "0"
    assert total(account, "AWS/Events", "FailedInvocations", "RuleName", account.name) == 1
    assert total(account, "AWS/Events", "InvocationsSentToDlq", "RuleName", account.name) == 1


def test_each_attempt_counts_in_the_functions_metrics(account: DeliveryAccount) -> None:
    url, arn = account.queue("failed")
    function = account.function("counted", COUNT_AND_RAISE)
    account.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    account.connect(function)

    account.put("raw/poison")

    account.wait_message(url)
    name = f"{account.name}-counted"
    assert total(account, "AWS/Lambda", "Invocations", "FunctionName", name) == 2
    assert total(account, "AWS/Lambda", "Errors", "FunctionName", name) == 2


def test_a_function_runs_on_this_interpreter_with_its_own_variables_and_its_roles_identity(
    account: DeliveryAccount,
) -> None:
    function = account.function("introspect", INTROSPECT)
    account.functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": {"RESULTS_PREFIX": "mine"}}
    )

    told = json.loads(account.functions.invoke(FunctionName=function)["Payload"].read())

    assert told["interpreter"] == os.path.realpath(sys.executable)
    assert told["environment"]["RESULTS_PREFIX"] == "mine"
    assert told["environment"]["AWS_ENDPOINT_URL"] == account.emulator.endpoint
    assert f":assumed-role/{account.name}/" in told["identity"]


def test_a_function_sees_nothing_of_the_developers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with Emulator(tmp_path) as emulator:
        found = DeliveryAccount(emulator, "secretive")
        function = found.function("introspect", INTROSPECT)
        told = json.loads(found.functions.invoke(FunctionName=function)["Payload"].read())
    assert "DATABASE_PASSWORD" not in told["environment"]
    assert "HTTPS_PROXY" not in told["environment"]
    assert "/nowhere.pem" not in told["environment"].values()
