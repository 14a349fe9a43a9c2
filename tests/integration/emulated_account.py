"""The emulator's account as its other users see it, and the AWS adapter under test.

A module that uses the fixtures imports them by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from builders import CODE, make_spec
from ingestion_local.emulator import Emulator
from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner, Tag
from ingestion_operator.blueprint.resources import ROLE_PATH, Blueprint
from ingestion_operator.model.pipeline import PipelineKey
from integration.http_server import Recorder, recording

REGION = "us-east-1"
THEIRS = {"owner": "somebody"}
STALE = {"team": "gone"}


@pytest.fixture
def cloud(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Boto3Cloud:
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    return Boto3Cloud(path_style=True)


@pytest.fixture
def recorder(emulator: Emulator, cloud: Boto3Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Records the requests of each adapter that is made after this fixture."""
    with recording(emulator) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


@dataclass(frozen=True)
class Account:
    """The emulator's account as its other users see it. Each test has names of its own."""

    emulator: Emulator
    suffix: str

    def __getattr__(self, service: str) -> Any:
        return self.emulator.client({"lambda_": "lambda"}.get(service, service))

    @property
    def owner(self) -> Owner:
        return Owner("it", PipelineKey("aws", self.suffix), "uid-1")

    @property
    def mine(self) -> dict[str, str]:
        """The tags that an earlier pipeline of this name left, and one that the pipeline no longer has."""
        return {**self.owner.tags(), Tag.UID.value: "uid-0", **STALE}

    def blueprint(self, **spec: Any) -> Blueprint:
        place = Boto3Cloud(path_style=True).place(REGION)
        return assemble(make_spec(**spec), self.owner, place, CodeBundle.of({"index.py": CODE}))

    def bucket(self, name: str = "bucket", tags: Mapping[str, str] | None = None, *, versions: bool = False) -> str:
        bucket = f"{name}-{self.suffix}"
        self.s3.create_bucket(Bucket=bucket)
        if tags:
            self.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": listed(tags)})
        if versions:
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket

    def put(self, bucket: str, key: str, body: bytes = b"x", **options: Any) -> str:
        version: str = self.s3.put_object(Bucket=bucket, Key=key, Body=body, **options).get("VersionId", "")
        return version

    def table(self, *keys: str, tags: Mapping[str, str] | None = None, name: str = "table", items: int = 0) -> str:
        table, given = f"{name}-{self.suffix}", keys or ("id",)
        self.dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in given],
            # The sort key comes first here, because the order in which AWS lists the keys is not guaranteed.
            KeySchema=[
                {"AttributeName": k, "KeyType": kind} for k, kind in zip(given, ("HASH", "RANGE"), strict=False)
            ],
            **({"Tags": listed(tags)} if tags else {}),
        )
        for number in range(items):
            self.dynamodb.put_item(TableName=table, Item={k: {"S": f"{number:04}"} for k in given})
        return table

    def rule(self, name: str, pattern: Mapping[str, Any], state: str = "ENABLED") -> str:
        rule = f"{name}-{self.suffix}"
        self.events.put_rule(Name=rule, EventPattern=json.dumps(pattern), State=state)
        return rule


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@pytest.fixture
def account(emulator: Emulator, cloud: Boto3Cloud) -> Account:
    return Account(emulator, uuid4().hex[:10])


def trail(account: Account, name: str, tags: Mapping[str, str] | None = None) -> str:
    arn = f"arn:aws:cloudtrail:{REGION}:{account.emulator.account_id}:trail/{name}"
    log = account.bucket("log")
    account.s3.put_bucket_policy(Bucket=log, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:GetBucketAcl",
         "Resource": f"arn:aws:s3:::{log}"},
        {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:PutObject",
         "Resource": f"arn:aws:s3:::{log}/AWSLogs/{account.emulator.account_id}/*",
         "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}},
    ]}))  # fmt: skip
    account.cloudtrail.create_trail(Name=name, S3BucketName=log)
    if tags:
        account.cloudtrail.add_tags(ResourceId=arn, TagsList=listed(tags))
    return arn


@pytest.fixture
def named_trail(account: Account) -> str:
    return trail(account, f"audit-{account.suffix}")


TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
]}  # fmt: skip


def role(account: Account, name: str, tags: Mapping[str, str] | None = None, path: str = ROLE_PATH) -> str:
    made = account.iam.create_role(
        RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=listed(tags or {})
    )
    arn: str = made["Role"]["Arn"]
    return arn


def function(account: Account, name: str, tags: Mapping[str, str] | None = None, role_arn: str = "") -> str:
    made = account.lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role_arn or role(account, f"{name[:50]}-r"),
        Code={"ZipFile": CodeBundle.of({"index.py": CODE}).zip_bytes},
        Tags=dict(tags or {}),
    )
    account.lambda_.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    arn: str = made["FunctionArn"]
    return arn
