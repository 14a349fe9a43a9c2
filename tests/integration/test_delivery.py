"""The emulator delivers as strictly as AWS: with the permission, asynchronously, and to dead-letter queues.

That something is *not* delivered is proved by a sentinel: another target of the same rule, which is.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psutil
import pytest

from ingestion_local.emulator import Emulator
from ingestion_local.processes import wait_until

COPY = """
import boto3
def handler(event, context):
    detail = event["detail"]
    boto3.client("s3").put_object(Bucket=detail["bucket"]["name"], Key=context.function_name + "/" + detail["object"]["key"])
"""
RAISE = "def handler(event, context): raise RuntimeError('poison')"


@dataclass
class Account:
    """A bucket with events, a rule on keys under raw/, and a role that may do anything with the bucket."""

    emulator: Emulator
    name: str

    def __post_init__(self) -> None:
        self.s3, self.events = self.emulator.client("s3"), self.emulator.client("events")
        self.functions, self.sqs = self.emulator.client("lambda"), self.emulator.client("sqs")
        self.s3.create_bucket(Bucket=self.name)
        self.switch_events(on=True)
        pattern = {
            "source": ["aws.s3"],
            "detail": {"bucket": {"name": [self.name]}, "object": {"key": [{"prefix": "raw/"}]}},
        }
        self.rule = self.events.put_rule(Name=self.name, EventPattern=json.dumps(pattern))["RuleArn"]
        self.role = self._role()

    def switch_events(self, *, on: bool) -> None:
        wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if on else {}
        self.s3.put_bucket_notification_configuration(Bucket=self.name, NotificationConfiguration=wanted)

    def _role(self) -> str:
        iam = self.emulator.client("iam")
        trust = {
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ]
        }
        role: str = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{self.name}/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName=self.name, PolicyName="p", PolicyDocument=policy)
        return role

    def function(self, suffix: str, code: str = COPY) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", code)
        name = f"{self.name}-{suffix}"
        arn: str = self.functions.create_function(
            FunctionName=name, Role=self.role, Runtime="python3.13", Handler="index.handler",
            Code={"ZipFile": archive.getvalue()}, Timeout=30,
        )["FunctionArn"]  # fmt: skip
        return arn

    def target(self, arn: str, **extra: Any) -> None:
        self.events.put_targets(Rule=self.name, Targets=[{"Id": arn.rpartition(":")[2], "Arn": arn, **extra}])

    def permit(self, function: str, source: str) -> None:
        self.functions.add_permission(
            FunctionName=function, StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
            SourceArn=source, SourceAccount=self.emulator.account_id,
        )  # fmt: skip

    def queue(self, suffix: str, *, open_to: str = "") -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=f"{self.name}-{suffix}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": open_to}},
        }  # fmt: skip
        if open_to:
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
        return url, arn

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=b"x")

    def processed(self, suffix: str, key: str) -> bool:
        wanted = f"{self.name}-{suffix}/{key}"
        return bool(self.s3.list_objects_v2(Bucket=self.name, Prefix=wanted).get("Contents"))

    def wait_processed(self, suffix: str, key: str) -> None:
        wait_until(f"{key} by {suffix}", lambda: self.processed(suffix, key), timeout_seconds=30)

    def wait_message(self, url: str) -> dict[str, Any]:
        def received() -> dict[str, Any] | None:
            found = self.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")
            return found[0] if found else None

        found: dict[str, Any] = wait_until("a message", received, timeout_seconds=30)
        return found


@pytest.fixture
def account(emulator: Emulator) -> Iterator[Account]:
    found = Account(emulator, f"delivery-{uuid4().hex[:8]}")
    yield found
    found.switch_events(on=False)


def test_without_the_permission_nothing_is_delivered_and_with_it_the_object_is_processed(account: Account) -> None:
    allowed, denied = account.function("allowed"), account.function("denied")
    for arn in (denied, allowed):
        account.target(arn)
    account.permit(allowed, account.rule)

    account.put("raw/first")
    account.wait_processed("allowed", "raw/first")
    assert not account.processed("denied", "raw/first")

    account.permit(denied, account.rule)
    account.put("raw/second")
    account.wait_processed("denied", "raw/second")
    assert not account.processed("denied", "raw/first")


def test_a_permission_for_another_rule_is_none(account: Account) -> None:
    allowed, denied = account.function("allowed"), account.function("denied")
    for arn in (denied, allowed):
        account.target(arn)
    account.permit(allowed, account.rule)
    account.permit(denied, account.rule + "-other")

    account.put("raw/first")
    account.wait_processed("allowed", "raw/first")
    assert not account.processed("denied", "raw/first")


def test_what_cannot_be_delivered_goes_to_the_targets_dead_letter_queue_if_that_lets_the_rule_send(
    account: Account,
) -> None:
    open_url, open_arn = account.queue("open", open_to=account.rule)
    shut_url, shut_arn = account.queue("shut", open_to=account.rule + "-other")
    account.target(account.function("shut"), DeadLetterConfig={"Arn": shut_arn})
    account.target(account.function("open"), DeadLetterConfig={"Arn": open_arn})

    account.put("raw/first")

    message = account.wait_message(open_url)
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "raw/first"
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["RULE_ARN"] == account.rule
    assert "Messages" not in account.sqs.receive_message(QueueUrl=shut_url)


def test_a_function_that_raises_is_tried_again_and_then_the_event_goes_to_its_failure_queue(account: Account) -> None:
    url, arn = account.queue("failed")
    function = account.function("raising", RAISE)
    account.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    account.permit(function, account.rule)
    account.target(function)

    account.put("raw/poison")

    assert "poison" in account.wait_message(url)["Body"]


def test_a_bucket_whose_events_are_off_sends_none(account: Account) -> None:
    function = account.function("copy")
    account.permit(function, account.rule)
    account.target(function)
    account.switch_events(on=False)
    account.put("raw/unseen")
    account.switch_events(on=True)

    account.put("raw/seen")

    account.wait_processed("copy", "raw/seen")
    assert not account.processed("copy", "raw/unseen")


def test_stopping_the_emulator_leaves_no_process_not_even_of_a_function(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Emulator(tmp_path_factory.mktemp("own")) as emulator:
        account = Account(emulator, "stopping")
        function = account.function("copy")
        account.permit(function, account.rule)
        account.target(function)
        account.put("raw/first")
        account.wait_processed("copy", "raw/first")
        family = [psutil.Process(emulator.process.pid), *psutil.Process(emulator.process.pid).children(recursive=True)]
        assert len(family) > 1
    wait_until("the end of the family", lambda: not any(p.is_running() for p in family), timeout_seconds=20)
