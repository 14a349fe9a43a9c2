"""The stand-in sees the changes and deletions of others, imports existing resources, and reports half-made ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion_local.provider.calls import Refused
from ingestion_local.provider.catalogue import KINDS
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, from_struct
from integration.provider_engine import Aborted, Engine
from integration.provider_fixtures import engine, world
from integration.provider_rows import ROWS, assert_applied, cases
from integration.provider_types import (
    BUCKET,
    ENCRYPTION,
    FUNCTION,
    INVOKE_CONFIG,
    LIFECYCLE,
    LOG_GROUP,
    NOTIFICATION,
    PERMISSION,
    PRIVATE,
    QUEUE,
    QUEUE_POLICY,
    ROLE,
    ROLE_POLICY,
    RULE,
    TABLE,
    TARGET,
    TRAIL,
    VERSIONING,
)
from integration.provider_world import ProviderWorld, Row, grant, pattern, same_text, trust

__all__ = ["engine", "world"]

LOGGING = {"LogFormat": "JSON", "LogGroup": "/own/a", "SystemLogLevel": "WARN"}

DRIFT: dict[str, tuple[str, Callable[[ProviderWorld, Document], object], list[str]]] = {
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
    "the retries of a function and where its failures go": (
        INVOKE_CONFIG,
        lambda w, i: w.client("lambda").put_function_event_invoke_config(
            FunctionName=i["functionName"], MaximumRetryAttempts=0, MaximumEventAgeInSeconds=3600
        ),
        ["destinationConfig", "maximumRetryAttempts"],
    ),
    "the pattern and state of a rule": (
        RULE,
        lambda w, i: w.client("events").put_rule(
            Name=i["name"], EventPattern=pattern("z"), Description="first", State="ENABLED"
        ),
        ["eventPattern", "state"],
    ),
    "the network and the levels of a function's log": (
        FUNCTION,
        lambda w, i: w.client("lambda").update_function_configuration(
            FunctionName=i["name"],
            VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
            LoggingConfig={**LOGGING, "ApplicationLogLevel": "INFO"},
            KMSKeyArn="",
        ),
        ["kmsKeyArn", "loggingConfig", "vpcConfig"],
    ),
    "the retention of a queue": (
        QUEUE,
        lambda w, i: w.client("sqs").set_queue_attributes(
            QueueUrl=w.client("sqs").get_queue_url(QueueName=i["name"])["QueueUrl"],
            Attributes={"MessageRetentionPeriod": "60", "SqsManagedSseEnabled": "false"},
        ),
        ["messageRetentionSeconds", "sqsManagedSseEnabled"],
    ),
    "a queue's policy": (
        QUEUE_POLICY,
        lambda w, i: w.client("sqs").set_queue_attributes(
            QueueUrl=i["queueUrl"], Attributes={"Policy": grant("sqs:*", Principal="*")}
        ),
        ["policy"],
    ),
    "the protection and the tags of a table": (
        TABLE,
        lambda w, i: (
            w.client("dynamodb").update_table(TableName=i["name"], DeletionProtectionEnabled=False),
            w.client("dynamodb").update_continuous_backups(
                TableName=i["name"], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
            ),
        ),
        ["deletionProtectionEnabled", "pointInTimeRecovery"],
    ),
    "a trail that was stopped and told to record else": (
        TRAIL,
        lambda w, i: (
            w.client("cloudtrail").start_logging(Name=i["name"]),
            w.client("cloudtrail").put_event_selectors(
                TrailName=i["name"], EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
            ),
        ),
        ["advancedEventSelectors", "enableLogging", "eventSelectors"],
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
    meddle: Callable[[ProviderWorld, Document], object],
    expected: list[str],
    engine: Engine,
    world: ProviderWorld,
) -> None:
    first, _ = ROWS[kind].inputs(world)
    identity, _ = engine.create(kind, first)
    meddle(world, first)
    _, there, _ = engine.read(kind, identity, first)
    assert engine.diff(kind, identity, there, first) == (expected, [])
    engine.update(kind, identity, there, first)
    assert_applied(kind, world, first)
    assert engine.read(kind, identity, first)[1] == first


IMPORT_IDS: dict[str, Callable[[Document], str]] = {
    PERMISSION: lambda i: f"{i['function']}/{i['statementId']}",
    TARGET: lambda i: f"{i['rule']}/{i['targetId']}",
}


def import_id(kind: str, identity: str, inputs: Document) -> str:
    return IMPORT_IDS[kind](inputs) if kind in IMPORT_IDS else identity


# AWS returns neither a zip nor its object in S3, and no call returns the program's own hash of it.
NOT_TOLD = {"code", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash", "forceDestroy"}


@cases
def test_one_that_is_there_is_imported_by_its_id_alone(
    kind: str, row: Row, engine: Engine, world: ProviderWorld
) -> None:
    first, _ = row.inputs(world)
    identity, made = engine.create(kind, first)
    found, inputs, outputs = engine.read(kind, import_id(kind, identity, first), {})
    assert found == identity
    told = {key: same_text(value) for key, value in first.items() if key not in NOT_TOLD}
    imported = {key: same_text(value) for key, value in inputs.items()}
    assert {key: imported.get(key) for key in told} == told
    assert set(imported) <= set(KINDS[kind].inputs)
    assert set(outputs) | NOT_TOLD >= set(made)
    differing, replaces = engine.diff(kind, identity, inputs, first)
    assert (set(differing) <= NOT_TOLD, replaces) == (True, [])


@pytest.mark.parametrize("kind", [pytest.param(k, id=k.rpartition(":")[2]) for k in IMPORT_IDS])
def test_an_id_that_does_not_say_where_it_is_cannot_be_imported(kind: str, engine: Engine) -> None:
    with pytest.raises(Aborted, match=r"unexpected format of ID \(some-id\)"):
        engine.read(kind, "some-id", {})


def test_code_that_somebody_else_uploaded_is_put_back_if_its_hash_is_an_input(
    engine: Engine, world: ProviderWorld
) -> None:
    first, changed = ROWS[FUNCTION].inputs(world)
    identity, made = engine.create(FUNCTION, first)
    zipped = Path(changed["code"]["path"]).read_bytes()
    world.client("lambda").update_function_code(FunctionName=world.name, ZipFile=zipped)

    _, there, outputs = engine.read(FUNCTION, identity, first)
    assert outputs["codeSha256"] == changed["codeSha256"] != made["codeSha256"]
    assert engine.diff(FUNCTION, identity, there, first) == (["codeSha256"], [])
    engine.update(FUNCTION, identity, there, first)
    assert_applied(FUNCTION, world, first)

    without = {key: value for key, value in first.items() if key != "codeSha256"}
    world.client("lambda").update_function_code(FunctionName=world.name, ZipFile=zipped)
    _, there, outputs = engine.read(FUNCTION, identity, without)
    assert outputs["codeSha256"] == changed["codeSha256"]
    assert engine.diff(FUNCTION, identity, there, without) == ([], [])


def test_a_creation_that_fails_half_way_tells_the_engine_what_exists(
    engine: Engine, world: ProviderWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: ResourceKind, identity: str, inputs: Document) -> None:
        raise Refused(f"tagging S3 Bucket ({identity}): no")

    first, _ = ROWS[BUCKET].inputs(world)
    with monkeypatch.context() as patch:
        patch.setattr(KINDS[BUCKET], "complete", fail)
        failed = engine.unfinished(BUCKET, first)
    assert failed.id == world.name
    assert list(failed.reasons) == [f"tagging S3 Bucket ({world.name}): no"]
    there = from_struct(failed.inputs)
    assert engine.diff(BUCKET, failed.id, there, first) == (["tags"], [])
    engine.update(BUCKET, failed.id, there, first)
    assert_applied(BUCKET, world, first)


def test_a_rule_that_has_targets_is_not_deleted(engine: Engine, world: ProviderWorld) -> None:
    first, _ = ROWS[TARGET].inputs(world)
    engine.create(TARGET, first)
    with pytest.raises(Aborted, match=r"DeleteRule, .* StatusCode: 400, api error ValidationException"):
        engine.delete(RULE, world.name, {"name": world.name})


def test_a_role_that_has_policies_is_not_deleted(engine: Engine, world: ProviderWorld) -> None:
    first, _ = ROWS[ROLE_POLICY].inputs(world)
    engine.create(ROLE_POLICY, first)
    with pytest.raises(Aborted, match=r"IAM: DeleteRole, .* StatusCode: 409, DeleteConflict"):
        engine.delete(ROLE, world.name, {"name": world.name})


def test_a_bucket_that_holds_objects_is_not_deleted(engine: Engine, world: ProviderWorld) -> None:
    world.client("s3").put_object(Bucket=world.bucket(), Key="a", Body=b"x")
    with pytest.raises(Aborted, match=r"S3: DeleteBucket, .* StatusCode: 409, .*BucketNotEmpty"):
        engine.delete(BUCKET, world.name, {"bucket": world.name})


def test_a_table_that_is_protected_is_not_deleted(engine: Engine, world: ProviderWorld) -> None:
    first, _ = ROWS[TABLE].inputs(world)
    engine.create(TABLE, first)
    with pytest.raises(Aborted, match=r"DynamoDB: DeleteTable, .* StatusCode: 400, .*ValidationException"):
        engine.delete(TABLE, world.name, first)
