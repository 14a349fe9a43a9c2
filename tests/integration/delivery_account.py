"""An account of the emulator for the tests of delivery: a bucket with events, a rule, a role, functions and queues."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

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
class DeliveryAccount:
    """A bucket with events, a rule on keys under raw/, and a role.

    The role may do anything with the bucket, and send to the account's queues until `failures` is revoked.
    """

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
        self.grant("objects", "s3:*", f"arn:aws:s3:::{self.name}/*")
        self.grant("failures", "sqs:SendMessage", f"arn:aws:sqs:*:*:{self.name}-*")
        return role

    def grant(self, name: str, action: str, resource: str, **more: Any) -> None:
        """Let the role do something more."""
        statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.emulator.client("iam").put_role_policy(RoleName=self.name, PolicyName=name, PolicyDocument=policy)

    def revoke(self, name: str) -> None:
        self.emulator.client("iam").delete_role_policy(RoleName=self.name, PolicyName=name)

    def function(self, suffix: str, code: str = COPY, **more: Any) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", code)
        name = f"{self.name}-{suffix}"
        arn: str = self.functions.create_function(
            FunctionName=name, Role=self.role, Runtime="python3.13", Handler="index.handler",
            Code={"ZipFile": archive.getvalue()}, Timeout=30, **more,
        )["FunctionArn"]  # fmt: skip
        return arn

    def target(self, arn: str, **extra: Any) -> None:
        self.events.put_targets(Rule=self.name, Targets=[{"Id": arn.rpartition(":")[2], "Arn": arn, **extra}])

    def permit(self, function: str, source: str) -> None:
        self.functions.add_permission(
            FunctionName=function, StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
            SourceArn=source, SourceAccount=self.emulator.account_id,
        )  # fmt: skip

    def connect(self, function: str, **extra: Any) -> None:
        """Let the rule invoke the function, and make the function its target."""
        self.permit(function, self.rule)
        self.target(function, **extra)

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
        wait_until(f"{key} by {suffix}", lambda: self.processed(suffix, key), timeout_seconds=60)

    def wait_message(self, url: str) -> dict[str, Any]:
        def received() -> dict[str, Any] | None:
            found = self.sqs.receive_message(
                QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
            ).get("Messages")
            return found[0] if found else None

        found: dict[str, Any] = wait_until("a message", received, timeout_seconds=60)
        return found

    def metric(self, namespace: str, name: str, **dimensions: str) -> float:
        """The sum of a metric so far."""
        now = datetime.datetime.now(datetime.UTC)
        found = self.emulator.client("cloudwatch").get_metric_statistics(
            Namespace=namespace, MetricName=name, Statistics=["Sum"], Period=60,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - datetime.timedelta(minutes=10), EndTime=now + datetime.timedelta(minutes=1),
        )  # fmt: skip
        return float(sum(point["Sum"] for point in found["Datapoints"]))

    def wait_metric(self, namespace: str, name: str, **dimensions: str) -> None:
        wait_until(name, lambda: self.metric(namespace, name, **dimensions) >= 1, timeout_seconds=60)


def answer_of(account: DeliveryAccount, key: str) -> str:
    """What a function wrote about the object."""
    name = f"answer/{key}"
    wait_until(
        name,
        lambda: account.s3.list_objects_v2(Bucket=account.name, Prefix=name).get("Contents"),
        timeout_seconds=30,
    )
    return str(account.s3.get_object(Bucket=account.name, Key=name)["Body"].read().decode())


@pytest.fixture
def account(emulator: Emulator) -> Iterator[DeliveryAccount]:
    found = DeliveryAccount(emulator, f"delivery-{uuid4().hex[:8]}")
    yield found
    found.switch_events(on=False)
