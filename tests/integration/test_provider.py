"""The stand-in for pulumi-resource-aws applies every input that it declares, sees every drift, and refuses the rest."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from ingestion_local.emulator import Emulator
from ingestion_local.provider.kinds import Aws, Refused
from ingestion_local.provider.properties import ARCHIVE, SIGNATURE, UNKNOWN, Document, from_struct, to_struct
from ingestion_local.provider.server import KINDS, StandIn, loopback_endpoint
from ingestion_operator.code import CodeBundle
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.spec import Spec
from ingestion_operator.naming import Owner
from ingestion_operator.resources import Archive, Place, Ref, blueprint

BUCKET = "aws:s3/bucket:Bucket"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
PRIVATE = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION = "aws:lambda/function:Function"
INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
PERMISSION = "aws:lambda/permission:Permission"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

ACCOUNT = "123456789012"
NUMBERS = itertools.count(1)


class Aborted(Exception):
    """The call ended with an error for the engine."""


class Context(grpc.ServicerContext):
    """A call's context, of which the stand-in uses only `abort`."""

    def abort(self, code: Any, details: Any) -> Any:
        raise Aborted(details)


for _name in Context.__abstractmethods__:
    setattr(Context, _name, None)
Context.__abstractmethods__ = frozenset()  # type: ignore[misc]


@dataclass(frozen=True)
class Engine:
    """Asks the stand-in what Pulumi's engine asks a provider."""

    provider: StandIn

    @staticmethod
    def urn(kind: str) -> str:
        return f"urn:pulumi:dev::ingestion::{kind}::thing"

    def failures(self, kind: str, inputs: Document) -> list[str]:
        answer = self.provider.Check(provider_pb2.CheckRequest(urn=self.urn(kind), news=to_struct(inputs)), Context())
        return [failure.reason for failure in answer.failures]

    def create(self, kind: str, inputs: Document, *, preview: bool = False) -> tuple[str, Document]:
        assert self.failures(kind, inputs) == []
        request = provider_pb2.CreateRequest(urn=self.urn(kind), properties=to_struct(inputs), preview=preview)
        answer = self.provider.Create(request, Context())
        return answer.id, from_struct(answer.properties)

    def read(self, kind: str, identity: str, inputs: Document) -> tuple[str, Document, Document]:
        request = provider_pb2.ReadRequest(
            id=identity, urn=self.urn(kind), properties=to_struct(inputs), inputs=to_struct(inputs)
        )
        answer = self.provider.Read(request, Context())
        return answer.id, from_struct(answer.inputs), from_struct(answer.properties)

    def diff(self, kind: str, identity: str, old: Document, new: Document) -> tuple[list[str], list[str]]:
        request = provider_pb2.DiffRequest(
            id=identity,
            urn=self.urn(kind),
            olds=to_struct(old),
            news=to_struct(new),
            old_inputs=to_struct(old),
        )
        answer = self.provider.Diff(request, Context())
        assert (answer.changes == provider_pb2.DiffResponse.DIFF_SOME) == bool(answer.diffs)
        assert answer.deleteBeforeReplace == bool(answer.replaces)
        return list(answer.diffs), list(answer.replaces)

    def update(self, kind: str, identity: str, old: Document, new: Document) -> Document:
        request = provider_pb2.UpdateRequest(
            id=identity,
            urn=self.urn(kind),
            olds=to_struct(old),
            news=to_struct(new),
            old_inputs=to_struct(old),
        )
        return from_struct(self.provider.Update(request, Context()).properties)

    def delete(self, kind: str, identity: str, inputs: Document) -> None:
        request = provider_pb2.DeleteRequest(
            id=identity, urn=self.urn(kind), properties=to_struct(inputs), old_inputs=to_struct(inputs)
        )
        self.provider.Delete(request, Context())


@dataclass(frozen=True)
class World:
    """What a row needs to be there, made through boto3 and not through the stand-in."""

    emulator: Emulator
    directory: Path
    name: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service)

    def bucket(self) -> str:
        self.client("s3").create_bucket(Bucket=self.name)
        return self.name

    def role(self, name: str = "") -> str:
        """The ARN of a role that Lambda may take."""
        answer = self.client("iam").create_role(
            RoleName=name or self.name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com")
        )
        return str(answer["Role"]["Arn"])

    def archive(self, text: str) -> tuple[Document, str]:
        """A zip with a handler as Pulumi passes it, and its hash as Lambda tells it."""
        bundle = CodeBundle.of({"index.py": text})
        path = self.directory / f"{bundle.sha256}.zip"
        path.write_bytes(bundle.zip_bytes)
        return {SIGNATURE: ARCHIVE, "path": str(path), "hash": bundle.sha256}, bundle.sha256_base64

    def function(self, name: str = "") -> str:
        """The ARN of a function."""
        code, _ = self.archive("def handler(event, context): pass\n")
        answer = self.client("lambda").create_function(
            FunctionName=name or self.name,
            Role=self.role(f"{name or self.name}-for-fn"),
            Runtime="python3.13",
            Handler="index.handler",
            Code={"ZipFile": Path(code["path"]).read_bytes()},
        )
        return str(answer["FunctionArn"])

    def rule(self) -> str:
        self.client("events").put_rule(Name=self.name, EventPattern=pattern("a"))
        return self.name

    def queue(self, name: str) -> str:
        """The ARN of a queue."""
        url = self.client("sqs").create_queue(QueueName=f"{self.name}-{name}")["QueueUrl"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def grant(action: str, resource: str = "*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def pattern(bucket: str) -> str:
    return json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}})


def same_text(text: Any) -> Any:
    """A policy or pattern, which may come back in other white space, as what it says."""
    return json.loads(text) if isinstance(text, str) and text.startswith("{") else text


def present(document: Document) -> Document:
    return {key: value for key, value in document.items() if value not in (None, "", {}, [])}


Pair = tuple[Document, Document]


def bucket_inputs(world: World) -> Pair:
    first = {"bucket": world.name, "tags": {"team": "a", "stage": "dev"}}
    return first, {"bucket": world.name, "tags": {"team": "b", "more": "x"}}


def bucket_seen(world: World, inputs: Document) -> Document:
    s3 = world.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    try:
        tags = as_map(s3.get_bucket_tagging(Bucket=inputs["bucket"])["TagSet"])
    except s3.exceptions.ClientError:
        tags = {}
    return {"bucket": inputs["bucket"] if inputs["bucket"] in names else None, "tags": tags}


def as_map(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def encryption_inputs(world: World) -> Pair:
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    managed = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    bucket = world.bucket()
    return (
        {"bucket": bucket, "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        {
            "bucket": bucket,
            "rules": [{"applyServerSideEncryptionByDefault": managed, "bucketKeyEnabled": True}],
        },
    )


def encryption_seen(world: World, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_encryption(Bucket=inputs["bucket"])
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    found = {"sseAlgorithm": default["SSEAlgorithm"], "kmsMasterKeyId": default.get("KMSMasterKeyID")}
    whole: Document = {"applyServerSideEncryptionByDefault": present(found)}
    if rule.get("BucketKeyEnabled"):
        whole["bucketKeyEnabled"] = True
    return {"bucket": inputs["bucket"], "rules": [whole]}


SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def private_inputs(world: World) -> Pair:
    bucket = world.bucket()
    return (
        {"bucket": bucket, **dict(zip(SWITCHES, (True, False, True, False), strict=True))},
        {"bucket": bucket, **dict(zip(SWITCHES, (False, True, False, True), strict=True))},
    )


def private_seen(world: World, inputs: Document) -> Document:
    answer = world.client("s3").get_public_access_block(Bucket=inputs["bucket"])
    found = answer["PublicAccessBlockConfiguration"]
    return {"bucket": inputs["bucket"]} | {name: found[name[0].upper() + name[1:]] for name in SWITCHES}


def versioning_inputs(world: World) -> Pair:
    bucket = world.bucket()
    return (
        {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}},
        {"bucket": bucket, "versioningConfiguration": {"status": "Suspended"}},
    )


def versioning_seen(world: World, inputs: Document) -> Document:
    status = world.client("s3").get_bucket_versioning(Bucket=inputs["bucket"])["Status"]
    return {"bucket": inputs["bucket"], "versioningConfiguration": {"status": status}}


def lifecycle_inputs(world: World) -> Pair:
    bucket = world.bucket()
    one = {
        "id": "one",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrentVersionExpiration": {"noncurrentDays": 90},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    }
    two = one | {
        "id": "two",
        "status": "Disabled",
        "filter": {"prefix": "raw/"},
        "noncurrentVersionExpiration": {"noncurrentDays": 3},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
    }
    return {"bucket": bucket, "rules": [one]}, {"bucket": bucket, "rules": [two]}


def lifecycle_seen(world: World, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_lifecycle_configuration(Bucket=inputs["bucket"])
    rules = [
        {
            "id": rule["ID"],
            "status": rule["Status"],
            "filter": {"prefix": rule["Filter"]["Prefix"]},
            "noncurrentVersionExpiration": {"noncurrentDays": rule["NoncurrentVersionExpiration"]["NoncurrentDays"]},
            "abortIncompleteMultipartUpload": {
                "daysAfterInitiation": rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
            },
        }
        for rule in answer["Rules"]
    ]
    return {"bucket": inputs["bucket"], "rules": rules}


def bucket_policy_inputs(world: World) -> Pair:
    bucket = world.bucket()
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    first = grant("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal=principal)
    second = grant("s3:PutObject", f"arn:aws:s3:::{bucket}/*", Principal=principal)
    return {"bucket": bucket, "policy": first}, {"bucket": bucket, "policy": second}


def bucket_policy_seen(world: World, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_policy(Bucket=inputs["bucket"])
    return {"bucket": inputs["bucket"], "policy": answer["Policy"]}


def notification_inputs(world: World) -> Pair:
    bucket = world.bucket()
    return {"bucket": bucket, "eventbridge": True}, {"bucket": bucket, "eventbridge": False}


def notification_seen(world: World, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_notification_configuration(Bucket=inputs["bucket"])
    return {"bucket": inputs["bucket"], "eventbridge": "EventBridgeConfiguration" in answer}


def role_inputs(world: World) -> Pair:
    def boundary(name: str) -> str:
        answer = world.client("iam").create_policy(PolicyName=f"{world.name}-{name}", PolicyDocument=grant("s3:*"))
        return str(answer["Policy"]["Arn"])

    return (
        {
            "name": world.name,
            "description": "first",
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "permissionsBoundary": boundary("one"),
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "description": "second",
            "assumeRolePolicy": trust("events.amazonaws.com"),
            "permissionsBoundary": boundary("two"),
            "tags": {"team": "b", "more": "x"},
        },
    )


def role_seen(world: World, inputs: Document) -> Document:
    role = world.client("iam").get_role(RoleName=inputs["name"])["Role"]
    return {
        "name": role["RoleName"],
        "description": role.get("Description"),
        "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": as_map(world.client("iam").list_role_tags(RoleName=inputs["name"])["Tags"]),
    }


def role_policy_inputs(world: World) -> Pair:
    world.role()
    first = {"name": "pipeline", "role": world.name, "policy": grant("s3:GetObject")}
    return first, first | {"policy": grant("s3:PutObject")}


def role_policy_seen(world: World, inputs: Document) -> Document:
    answer = world.client("iam").get_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"])
    return {
        "name": answer["PolicyName"],
        "role": answer["RoleName"],
        "policy": json.dumps(answer["PolicyDocument"]),
    }


def log_group_inputs(world: World) -> Pair:
    name = f"/aws/lambda/{world.name}"
    return (
        {"name": name, "retentionInDays": 30, "tags": {"team": "a", "stage": "dev"}},
        {"name": name, "retentionInDays": 7, "tags": {"team": "b", "more": "x"}},
    )


def log_group_seen(world: World, inputs: Document) -> Document:
    logs = world.client("logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=inputs["name"])["logGroups"]
    tags = logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]
    return {"name": group["logGroupName"], "retentionInDays": group.get("retentionInDays"), "tags": tags}


def function_inputs(world: World) -> Pair:
    one, one_hash = world.archive("def handler(event, context): return 1\n")
    two, two_hash = world.archive("def handler(event, context): return 2\n")
    return (
        {
            "name": world.name,
            "description": "first",
            "role": world.role(f"{world.name}-one"),
            "runtime": "python3.12",
            "handler": "index.handler",
            "code": one,
            "sourceCodeHash": one_hash,
            "architectures": ["arm64"],
            "memorySize": 256,
            "timeout": 60,
            "tracingConfig": {"mode": "Active"},
            "environment": {"variables": {"MODE": "a", "EMPTY": ""}},
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "description": "second",
            "role": world.role(f"{world.name}-two"),
            "runtime": "python3.13",
            "handler": "index.other",
            "code": two,
            "sourceCodeHash": two_hash,
            "architectures": ["x86_64"],
            "memorySize": 512,
            "timeout": 30,
            "tracingConfig": {"mode": "PassThrough"},
            "environment": {"variables": {"MODE": "b"}},
            "tags": {"team": "b", "more": "x"},
        },
    )


def function_seen(world: World, inputs: Document) -> Document:
    answer = world.client("lambda").get_function(FunctionName=inputs["name"])
    found = answer["Configuration"]
    wanted = hashlib.sha256(Path(inputs["code"]["path"]).read_bytes()).digest()
    there = found["CodeSha256"]
    return {
        "name": found["FunctionName"],
        "description": found["Description"],
        "role": found["Role"],
        "runtime": found["Runtime"],
        "handler": found["Handler"],
        "code": inputs["code"] if there == base64.b64encode(wanted).decode() else there,
        "sourceCodeHash": there,
        "architectures": found["Architectures"],
        "memorySize": found["MemorySize"],
        "timeout": found["Timeout"],
        "tracingConfig": {"mode": found["TracingConfig"]["Mode"]},
        "environment": present({"variables": found.get("Environment", {}).get("Variables")}),
        "tags": answer.get("Tags", {}),
    }


def invoke_config_inputs(world: World) -> Pair:
    world.function()
    return (
        {"functionName": world.name, "maximumRetryAttempts": 1, "maximumEventAgeInSeconds": 3600},
        {"functionName": world.name, "maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
    )


def invoke_config_seen(world: World, inputs: Document) -> Document:
    found = world.client("lambda").get_function_event_invoke_config(FunctionName=inputs["functionName"])
    return {
        "functionName": found["FunctionArn"].partition(":function:")[2].partition(":")[0],
        "maximumRetryAttempts": found.get("MaximumRetryAttempts"),
        "maximumEventAgeInSeconds": found.get("MaximumEventAgeInSeconds"),
    }


def permission_inputs(world: World) -> Pair:
    world.function()
    world.function(f"{world.name}-2")
    return (
        {
            "statementId": "First",
            "action": "lambda:InvokeFunction",
            "function": world.name,
            "principal": "events.amazonaws.com",
            "sourceArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/one",
            "sourceAccount": ACCOUNT,
        },
        {
            "statementId": "Second",
            "action": "lambda:GetFunction",
            "function": f"{world.name}-2",
            "principal": "s3.amazonaws.com",
            "sourceArn": "arn:aws:s3:::two",
            "sourceAccount": "210987654321",
        },
    )


def permission_seen(world: World, inputs: Document) -> Document:
    text = world.client("lambda").get_policy(FunctionName=inputs["function"])["Policy"]
    (statement,) = (s for s in json.loads(text)["Statement"] if s["Sid"] == inputs["statementId"])
    conditions = statement.get("Condition", {})
    return {
        "statementId": statement["Sid"],
        "action": statement["Action"],
        "function": inputs["function"],
        "principal": statement["Principal"]["Service"],
        "sourceArn": conditions.get("ArnLike", {}).get("AWS:SourceArn"),
        "sourceAccount": conditions.get("StringEquals", {}).get("AWS:SourceAccount"),
    }


def rule_inputs(world: World) -> Pair:
    return (
        {
            "name": world.name,
            "description": "first",
            "eventPattern": pattern("a"),
            "state": "DISABLED",
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "description": "second",
            "eventPattern": pattern("b"),
            "state": "ENABLED",
            "tags": {"team": "b", "more": "x"},
        },
    )


def rule_seen(world: World, inputs: Document) -> Document:
    events = world.client("events")
    found = events.describe_rule(Name=inputs["name"])
    return {
        "name": found["Name"],
        "description": found.get("Description"),
        "eventPattern": found["EventPattern"],
        "state": found["State"],
        "tags": as_map(events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]),
    }


def target_inputs(world: World) -> Pair:
    first = {
        "rule": world.rule(),
        "targetId": "function",
        "arn": world.function(),
        "retryPolicy": {"maximumRetryAttempts": 5, "maximumEventAgeInSeconds": 3600},
        "deadLetterConfig": {"arn": world.queue("one")},
    }
    return first, first | {
        "arn": world.function(f"{world.name}-2"),
        "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
        "deadLetterConfig": {"arn": world.queue("two")},
    }


def target_seen(world: World, inputs: Document) -> Document:
    targets = world.client("events").list_targets_by_rule(Rule=inputs["rule"])["Targets"]
    (found,) = (target for target in targets if target["Id"] == inputs["targetId"])
    retry = found.get("RetryPolicy", {})
    return {
        "rule": inputs["rule"],
        "targetId": found["Id"],
        "arn": found["Arn"],
        "retryPolicy": present(
            {
                "maximumRetryAttempts": retry.get("MaximumRetryAttempts"),
                "maximumEventAgeInSeconds": retry.get("MaximumEventAgeInSeconds"),
            }
        ),
        "deadLetterConfig": present({"arn": found.get("DeadLetterConfig", {}).get("Arn")}),
    }


@dataclass(frozen=True)
class Row:
    """A kind: two sets of inputs (and what they need, made), and AWS's own view of them, read through boto3."""

    inputs: Callable[[World], Pair]
    seen: Callable[[World, Document], Document]
    takes_over: bool = False
    """Whether making it over one that is there succeeds, as it is a document that is put whole."""


ROWS: dict[str, Row] = {
    BUCKET: Row(bucket_inputs, bucket_seen),
    ENCRYPTION: Row(encryption_inputs, encryption_seen, takes_over=True),
    PRIVATE: Row(private_inputs, private_seen, takes_over=True),
    VERSIONING: Row(versioning_inputs, versioning_seen, takes_over=True),
    LIFECYCLE: Row(lifecycle_inputs, lifecycle_seen, takes_over=True),
    BUCKET_POLICY: Row(bucket_policy_inputs, bucket_policy_seen, takes_over=True),
    NOTIFICATION: Row(notification_inputs, notification_seen, takes_over=True),
    ROLE: Row(role_inputs, role_seen),
    ROLE_POLICY: Row(role_policy_inputs, role_policy_seen, takes_over=True),
    LOG_GROUP: Row(log_group_inputs, log_group_seen),
    FUNCTION: Row(function_inputs, function_seen),
    INVOKE_CONFIG: Row(invoke_config_inputs, invoke_config_seen, takes_over=True),
    PERMISSION: Row(permission_inputs, permission_seen),
    RULE: Row(rule_inputs, rule_seen),
    TARGET: Row(target_inputs, target_seen, takes_over=True),
}
# Settings of a bucket that AWS always has in some state: deleting them puts back the default.
NEVER_ABSENT = {NOTIFICATION, VERSIONING}
kinds = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.rpartition(":")[2]) for kind in ROWS])


@pytest.fixture(scope="module")
def engine(emulator: Emulator) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.env().items():
            patch.setenv(name, value)
        provider = StandIn("1.2.3")
        provider.configure(Aws(emulator.endpoint, "us-east-1"))
        yield Engine(provider)


@pytest.fixture
def world(emulator: Emulator, tmp_path: Path) -> World:
    return World(emulator, tmp_path, f"thing-{next(NUMBERS)}")


def assert_applied(row: Row, world: World, inputs: Document) -> None:
    seen = row.seen(world, inputs)
    assert {key: same_text(seen[key]) for key in inputs} == {key: same_text(value) for key, value in inputs.items()}


def least(kind: str, inputs: Document) -> Document:
    return {key: value for key, value in inputs.items() if key in KINDS[kind].required}


def test_every_kind_has_a_row() -> None:
    assert set(ROWS) == set(KINDS)


@kinds
def test_the_row_of_a_kind_gives_and_changes_all_inputs_that_it_declares(kind: str, world: World) -> None:
    first, changed = ROWS[kind].inputs(world)
    declared = KINDS[kind].inputs
    assert set(first) == set(changed) == declared
    fixed = set() if kind == PERMISSION else KINDS[kind].replaces
    assert {name for name in declared if first[name] != changed[name]} == declared - fixed


@kinds
def test_every_input_is_applied_when_made_and_when_changed(kind: str, engine: Engine, world: World) -> None:
    row = ROWS[kind]
    first, changed = row.inputs(world)

    identity, made = engine.create(kind, first)
    assert made == made | first
    assert_applied(row, world, first)
    found, inputs, outputs = engine.read(kind, identity, first)
    assert (found, inputs) == (identity, first)
    assert set(made) == set(outputs)
    assert engine.diff(kind, identity, inputs, first) == ([], [])

    differing = sorted(name for name in first if first[name] != changed[name])
    if kind == PERMISSION:
        assert engine.diff(kind, identity, inputs, changed) == (differing, differing)
        engine.delete(kind, identity, first)
        assert engine.read(kind, identity, first) == ("", {}, {})
        identity, _ = engine.create(kind, changed)
    else:
        assert engine.diff(kind, identity, inputs, changed) == (differing, [])
        engine.update(kind, identity, first, changed)
    assert_applied(row, world, changed)
    assert engine.read(kind, identity, changed)[1] == changed

    engine.delete(kind, identity, changed)
    if kind not in NEVER_ABSENT:
        assert engine.read(kind, identity, changed) == ("", {}, {})
    engine.delete(kind, identity, changed)


@pytest.mark.parametrize("kind", [pytest.param(k, id=k.rpartition(":")[2]) for k in ROWS if k != PERMISSION])
def test_inputs_that_are_taken_away_leave_what_one_made_without_them_has(
    kind: str, engine: Engine, world: World
) -> None:
    row = ROWS[kind]
    first, _ = row.inputs(world)
    small = least(kind, first)

    identity, _ = engine.create(kind, first)
    engine.update(kind, identity, first, small)
    after_update = row.seen(world, small)
    assert engine.read(kind, identity, small)[1] == small

    engine.delete(kind, identity, small)
    engine.create(kind, small)
    assert after_update == row.seen(world, small)
    assert engine.read(kind, identity, small)[1] == small
    assert engine.diff(kind, identity, small, small) == ([], [])


@kinds
def test_the_least_inputs_are_enough_and_one_less_is_named(kind: str, engine: Engine, world: World) -> None:
    first, _ = ROWS[kind].inputs(world)
    small = least(kind, first)
    assert engine.failures(kind, small) == []
    for name in small:
        less = {key: value for key, value in small.items() if key != name}
        assert engine.failures(kind, less) == [f"input {name} of {kind} is missing"]


@kinds
def test_making_one_that_is_there_fails_unless_it_is_put_whole(kind: str, engine: Engine, world: World) -> None:
    first, changed = ROWS[kind].inputs(world)
    engine.create(kind, first)
    if ROWS[kind].takes_over:
        engine.create(kind, changed)
        assert_applied(ROWS[kind], world, changed)
        return
    with pytest.raises(Aborted, match=EXISTS[kind]):
        engine.create(kind, first)


EXISTS = {
    BUCKET: "BucketAlreadyOwnedByYou",
    ROLE: "EntityAlreadyExists",
    LOG_GROUP: "ResourceAlreadyExistsException",
    FUNCTION: "ResourceConflictException",
    PERMISSION: "ResourceConflictException",
    RULE: "ResourceAlreadyExistsException",
}


@kinds
def test_an_input_that_is_not_declared_is_named(kind: str, engine: Engine) -> None:
    message = f"input surprise of {kind}: the stand-in does not apply it"
    assert message in engine.failures(kind, {"surprise": 1})


NESTED: dict[str, tuple[str, Callable[[Document], None], str]] = {
    "a rule of encryption": (ENCRYPTION, lambda i: i["rules"][0].update(more=1), "rules.more"),
    "the default of encryption": (
        ENCRYPTION,
        lambda i: i["rules"][0]["applyServerSideEncryptionByDefault"].update(more=1),
        "rules.applyServerSideEncryptionByDefault.more",
    ),
    "versioning": (
        VERSIONING,
        lambda i: i["versioningConfiguration"].update(mfaDelete="Enabled"),
        "versioningConfiguration.mfaDelete",
    ),
    "a rule of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0].update(expiration={"days": 1}),
        "rules.expiration",
    ),
    "the filter of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0]["filter"].update(tag={}),
        "rules.filter.tag",
    ),
    "the old versions of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0]["noncurrentVersionExpiration"].update(newer=1),
        "rules.noncurrentVersionExpiration.newer",
    ),
    "the uploads of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0]["abortIncompleteMultipartUpload"].update(more=1),
        "rules.abortIncompleteMultipartUpload.more",
    ),
    "an environment": (FUNCTION, lambda i: i["environment"].update(more=1), "environment.more"),
    "tracing": (FUNCTION, lambda i: i["tracingConfig"].update(more=1), "tracingConfig.more"),
    "a retry policy": (TARGET, lambda i: i["retryPolicy"].update(more=1), "retryPolicy.more"),
    "a dead-letter queue": (TARGET, lambda i: i["deadLetterConfig"].update(more=1), "deadLetterConfig.more"),
}


@pytest.mark.parametrize(
    ("kind", "spoil", "named"), [pytest.param(*row, id=sentence) for sentence, row in NESTED.items()]
)
def test_an_input_inside_another_that_is_not_applied_is_named(
    kind: str, spoil: Callable[[Document], None], named: str, engine: Engine, world: World
) -> None:
    first, _ = ROWS[kind].inputs(world)
    spoil(first)
    with pytest.raises(Aborted, match=f"input {named}: the stand-in does not apply it"):
        engine.create(kind, first)


def test_a_type_that_is_not_known_is_named(engine: Engine) -> None:
    with pytest.raises(Aborted, match="type aws:sqs/queue:Queue: the stand-in does not know it"):
        engine.failures("aws:sqs/queue:Queue", {})


def test_a_child_of_another_resource_is_of_its_own_type(engine: Engine) -> None:
    assert engine.failures(f"acme:index:Pipeline${BUCKET}", {"bucket": "a"}) == []


DRIFT: dict[str, tuple[str, Callable[[World, Document], object], list[str]]] = {
    "a tag of a bucket": (
        BUCKET,
        lambda w, i: w.client("s3").put_bucket_tagging(
            Bucket=i["bucket"], Tagging={"TagSet": [{"Key": "team", "Value": "z"}]}
        ),
        ["tags"],
    ),
    "encryption": (
        ENCRYPTION,
        lambda w, i: w.client("s3").put_bucket_encryption(
            Bucket=i["bucket"],
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
        ),
        ["rules"],
    ),
    "one switch of four": (
        PRIVATE,
        lambda w, i: w.client("s3").put_public_access_block(
            Bucket=i["bucket"],
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": False,
                "BlockPublicPolicy": False,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": False,
            },
        ),
        ["blockPublicAcls"],
    ),
    "versioning": (
        VERSIONING,
        lambda w, i: w.client("s3").put_bucket_versioning(
            Bucket=i["bucket"], VersioningConfiguration={"Status": "Suspended"}
        ),
        ["versioningConfiguration"],
    ),
    "a life cycle that now deletes data": (
        LIFECYCLE,
        lambda w, i: w.client("s3").put_bucket_lifecycle_configuration(
            Bucket=i["bucket"],
            LifecycleConfiguration={
                "Rules": [
                    {
                        "ID": "one",
                        "Status": "Enabled",
                        "Filter": {"Prefix": ""},
                        "Expiration": {"Days": 1},
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                    }
                ]
            },
        ),
        ["rules"],
    ),
    "notifications that are off": (
        NOTIFICATION,
        lambda w, i: w.client("s3").put_bucket_notification_configuration(
            Bucket=i["bucket"], NotificationConfiguration={}
        ),
        ["eventbridge"],
    ),
    "the trust of a role": (
        ROLE,
        lambda w, i: w.client("iam").update_assume_role_policy(
            RoleName=i["name"], PolicyDocument=trust("ec2.amazonaws.com")
        ),
        ["assumeRolePolicy"],
    ),
    "the boundary of a role": (
        ROLE,
        lambda w, i: w.client("iam").delete_role_permissions_boundary(RoleName=i["name"]),
        ["permissionsBoundary"],
    ),
    "a role's policy": (
        ROLE_POLICY,
        lambda w, i: w.client("iam").put_role_policy(
            RoleName=i["role"], PolicyName=i["name"], PolicyDocument=grant("s3:*")
        ),
        ["policy"],
    ),
    "a log that is kept for ever": (
        LOG_GROUP,
        lambda w, i: w.client("logs").delete_retention_policy(logGroupName=i["name"]),
        ["retentionInDays"],
    ),
    "memory and environment of a function": (
        FUNCTION,
        lambda w, i: w.client("lambda").update_function_configuration(
            FunctionName=i["name"], MemorySize=1024, Environment={"Variables": {"MODE": "a"}}
        ),
        ["environment", "memorySize"],
    ),
    "the retries of a function": (
        INVOKE_CONFIG,
        lambda w, i: w.client("lambda").put_function_event_invoke_config(
            FunctionName=i["functionName"], MaximumRetryAttempts=0, MaximumEventAgeInSeconds=3600
        ),
        ["maximumRetryAttempts"],
    ),
    "the pattern and state of a rule": (
        RULE,
        lambda w, i: w.client("events").put_rule(
            Name=i["name"], EventPattern=pattern("z"), Description="first", State="ENABLED"
        ),
        ["eventPattern", "state"],
    ),
    "the queue of a target": (
        TARGET,
        lambda w, i: w.client("events").put_targets(
            Rule=i["rule"],
            Targets=[
                {
                    "Id": i["targetId"],
                    "Arn": i["arn"],
                    "RetryPolicy": {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 3600},
                }
            ],
        ),
        ["deadLetterConfig"],
    ),
}


@pytest.mark.parametrize(
    ("kind", "meddle", "expected"), [pytest.param(*row, id=sentence) for sentence, row in DRIFT.items()]
)
def test_what_somebody_else_changed_is_seen_and_put_back(
    kind: str,
    meddle: Callable[[World, Document], object],
    expected: list[str],
    engine: Engine,
    world: World,
) -> None:
    first, _ = ROWS[kind].inputs(world)
    identity, _ = engine.create(kind, first)
    meddle(world, first)
    _, there, _ = engine.read(kind, identity, first)
    assert engine.diff(kind, identity, there, first) == (expected, [])
    engine.update(kind, identity, there, first)
    assert_applied(ROWS[kind], world, first)
    assert engine.read(kind, identity, first)[1] == first


@pytest.mark.parametrize(
    "kind", [pytest.param(k, id=k.rpartition(":")[2]) for k in (BUCKET, ROLE, LOG_GROUP, INVOKE_CONFIG, RULE)]
)
def test_one_that_is_there_is_imported_by_its_id_alone(kind: str, engine: Engine, world: World) -> None:
    first, _ = ROWS[kind].inputs(world)
    identity, made = engine.create(kind, first)
    found, inputs, outputs = engine.read(kind, identity, {})
    assert found == identity
    assert {key: same_text(value) for key, value in inputs.items()} == {
        key: same_text(value) for key, value in first.items()
    }
    assert set(outputs) == set(made)
    assert engine.diff(kind, identity, inputs, first) == ([], [])


@pytest.mark.parametrize("kind", [pytest.param(k, id=k.rpartition(":")[2]) for k in (PERMISSION, TARGET)])
def test_one_whose_id_does_not_say_where_it_is_cannot_be_imported(kind: str, engine: Engine) -> None:
    with pytest.raises(Aborted, match=f"{kind} cannot be imported"):
        engine.read(kind, "some-id", {})


REPLACING = {
    BUCKET: {"bucket"},
    ENCRYPTION: {"bucket"},
    PRIVATE: {"bucket"},
    VERSIONING: {"bucket"},
    LIFECYCLE: {"bucket"},
    BUCKET_POLICY: {"bucket"},
    NOTIFICATION: {"bucket"},
    ROLE: {"name"},
    ROLE_POLICY: {"name", "role"},
    LOG_GROUP: {"name"},
    FUNCTION: {"name"},
    INVOKE_CONFIG: {"functionName"},
    PERMISSION: {"action", "function", "principal", "sourceAccount", "sourceArn", "statementId"},
    RULE: {"name"},
    TARGET: {"rule", "targetId"},
}


@kinds
def test_a_change_of_what_names_a_thing_replaces_it_and_no_other_does(kind: str, engine: Engine) -> None:
    for name in sorted(KINDS[kind].inputs):
        before, after = {"bucket": "b", "name": "n"}, {"bucket": "b", "name": "n"}
        before, after = before | {name: "old"}, after | {name: "new"}
        before = {key: value for key, value in before.items() if key in KINDS[kind].inputs}
        after = {key: value for key, value in after.items() if key in KINDS[kind].inputs}
        replaces = [name] if name in REPLACING[kind] else []
        assert engine.diff(kind, "id", before, after) == ([name], replaces)


def test_a_preview_makes_nothing_and_does_not_know_the_arn_yet(engine: Engine, world: World) -> None:
    first, _ = bucket_inputs(world)
    identity, outputs = engine.create(BUCKET, first, preview=True)
    assert (identity, outputs["arn"]) == ("", UNKNOWN)
    assert bucket_seen(world, first)["bucket"] is None


def test_an_input_that_is_still_unknown_is_never_sent_to_aws(engine: Engine) -> None:
    with pytest.raises(Aborted, match="unknown outside of a preview"):
        engine.create(BUCKET, {"bucket": UNKNOWN})


def test_a_failed_call_carries_the_operation_and_the_code_of_aws(engine: Engine, world: World) -> None:
    with pytest.raises(Aborted, match=r"operation error PutBucketVersioning, StatusCode: 404, NoSuchBucket"):
        engine.create(VERSIONING, {"bucket": f"no-{world.name}", "versioningConfiguration": {"status": "Enabled"}})


def test_a_bucket_that_holds_objects_is_not_deleted(engine: Engine, world: World) -> None:
    world.client("s3").put_object(Bucket=world.bucket(), Key="a", Body=b"x")
    with pytest.raises(Aborted, match="BucketNotEmpty"):
        engine.delete(BUCKET, world.name, {"bucket": world.name})


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param("", id="none"),
        pytest.param("https://s3.amazonaws.com", id="that of AWS"),
        pytest.param("http://192.0.2.1:4566", id="another machine"),
        pytest.param("http://127.0.0.1.example.org:4566", id="a name that begins like loopback"),
        pytest.param("http://127.0.0.1@example.org", id="loopback as a user's name"),
    ],
)
def test_an_endpoint_that_is_not_on_loopback_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(Aborted, match="the stand-in talks only to an emulator on loopback, never to AWS"):
        StandIn("1.2.3").Configure(provider_pb2.ConfigureRequest(), Context())


def test_an_endpoint_on_loopback_is_taken() -> None:
    for endpoint in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        assert loopback_endpoint({"AWS_ENDPOINT_URL": endpoint}) == endpoint
    with pytest.raises(Refused):
        loopback_endpoint({})


def test_configuration_beyond_the_environment_is_refused_by_name() -> None:
    request = provider_pb2.CheckRequest(news=to_struct({"region": "eu-west-1", "profile": "me"}))
    (failure,) = StandIn("1.2.3").CheckConfig(request, Context()).failures
    assert failure.property == "profile"


def test_the_plugin_process_prints_its_port_answers_and_ends_when_cancelled(emulator: Emulator) -> None:
    command = [sys.executable, "-m", "ingestion_local.provider", "9.8.7"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=emulator.env()
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                assert stub.GetPluginInfo(empty_pb2.Empty()).version == "9.8.7"
                stub.Configure(provider_pb2.ConfigureRequest())
                request = provider_pb2.CheckRequest(urn=Engine.urn(BUCKET), news=to_struct({"more": 1}))
                reasons = [failure.reason for failure in stub.Check(request).failures]
                assert f"input more of {BUCKET}: the stand-in does not apply it" in reasons
                stub.Cancel(empty_pb2.Empty())
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "not pulumi-resource-aws" in said


EVERYTHING = Spec.model_validate(
    {
        "tags": {"team": "a"},
        "source": {"filter": {"prefixes": ["raw/"], "suffixes": [".txt"]}},
        "processor": {"code": {"inline": "x"}, "environment": [{"name": "MODE", "value": "a"}]},
        "results": {"bucket": {"prefix": "out/"}},
    }
)


def test_every_type_and_every_input_of_a_pipeline_is_applied_by_the_stand_in(engine: Engine, world: World) -> None:
    code = CodeBundle.of({"index.py": "def handler(event, context): pass\n"})
    plan = blueprint(
        EVERYTHING, Owner("test", PipelineKey("default", "whole"), "uid"), Place(ACCOUNT, "us-east-1"), code
    )
    archive, _ = world.archive("def handler(event, context): pass\n")
    made: dict[str, Document] = {}
    for resource in plan.resources:
        inputs = {camel(key): resolved(value, made, archive) for key, value in resource.inputs.items()}
        identity, outputs = engine.create(resource.type, inputs)
        made[resource.name] = outputs
        assert engine.read(resource.type, identity, inputs)[1] == inputs
        ROWS[resource.type].seen(world, inputs)
        seen = ROWS[resource.type].seen(world, inputs)
        assert {key: same_text(value) for key, value in seen.items() if key in inputs} == {
            key: same_text(value) for key, value in inputs.items()
        }
    assert {resource.type for resource in plan.resources} == set(KINDS)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


FREE_FORM = {"tags", "variables"}


def resolved(value: Any, made: Mapping[str, Document], archive: Document) -> Any:
    """An input as the engine sends it: references resolved, names as they are on the wire."""
    if isinstance(value, Ref):
        return made[value.resource][value.attribute]
    if isinstance(value, Archive):
        return archive
    if isinstance(value, list | tuple):
        return [resolved(inner, made, archive) for inner in value]
    if isinstance(value, Mapping):
        # Keys of tags and of variables are data; every other key is a name.
        free = any(not key.isidentifier() or key != key.lower() or "/" in key for key in value)
        return {key if free else camel(key): resolved(inner, made, archive) for key, inner in value.items()}
    return value
