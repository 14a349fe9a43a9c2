"""With IAM enforced: the operator does its whole work with the generated policy (every other test here), and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from e2e.world import World, copying
from ingestion_local.emulator import EmulatedAws
from ingestion_local.environment import SERVICE_ACCOUNT
from ingestion_operator.blueprint.resources import ROLE_PATH
from ingestion_operator.offline.operator_policy import Reach, operator_policies
from ingestion_operator.offline.operator_rights import ALL, Feature

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ANYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
Client = Callable[[str], Any]


def clients(emulator: EmulatedAws, env: Mapping[str, str]) -> Client:
    def client(service: str) -> Any:
        keys = {"access_key": env["AWS_ACCESS_KEY_ID"], "secret_key": env["AWS_SECRET_ACCESS_KEY"]}
        return emulator.client(service, **keys)

    return client


def someone(emulator: EmulatedAws, features: frozenset[Feature] = ALL, **reach: Any) -> Client:
    """Clients of another operator, with a policy of its own."""
    policies = operator_policies(Reach(emulator.account_id, (emulator.region,), **reach), features)
    return clients(emulator, emulator.restricted_env(f"operator-{uuid4().hex[:8]}", policies))


@pytest.fixture
def mine(emulator: EmulatedAws, identity: Mapping[str, str]) -> Client:
    """Clients with the rights of the operator that the tests run."""
    return clients(emulator, identity)


@pytest.fixture
def bucket(emulator: EmulatedAws) -> Iterator[str]:
    """A bucket of somebody else in the same account, with an object `key`."""
    s3, name = emulator.client("s3"), f"somebody-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=b"theirs")
    yield name
    s3.delete_object(Bucket=name, Key="key")
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def role(emulator: EmulatedAws) -> Iterator[str]:
    """The ARN of a role that has a name like the operator's roles, but is outside of the operator's path."""
    iam, name = emulator.client("iam"), f"a-b-role-{uuid4().hex[:8]}"
    yield iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.delete_role(RoleName=name)


@pytest.fixture
def boundary(emulator: EmulatedAws) -> Iterator[str]:
    iam = emulator.client("iam")
    arn = iam.create_policy(PolicyName=f"boundary-{uuid4().hex[:8]}", PolicyDocument=ANYTHING)["Policy"]["Arn"]
    yield arn
    iam.delete_policy(PolicyArn=arn)


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    """What AWS says when it refuses the call for want of a right."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403"), error.value
    return str(error.value)


def function_with(role: str, name: str = "a-b-fn-abcdefgh") -> dict[str, Any]:
    return {"FunctionName": name, "Role": role, "Runtime": "python3.13", "Handler": "x.y", "Code": {"ZipFile": b"PK"}}


def test_it_reads_no_object(mine: Client, bucket: str) -> None:
    assert mine("s3").get_bucket_versioning(Bucket=bucket)
    refused(mine("s3").get_object, Bucket=bucket, Key="key")
    refused(mine("s3").head_object, Bucket=bucket, Key="key")
    refused(mine("s3").put_object, Bucket=bucket, Key="key", Body=b"mine")
    refused(mine("s3").copy_object, Bucket=bucket, Key="copy", CopySource=f"{bucket}/key")


def test_it_reads_code_only_from_the_buckets_that_were_given(emulator: EmulatedAws, bucket: str) -> None:
    reader = someone(emulator, code_buckets=(bucket,))
    assert reader("s3").get_object(Bucket=bucket, Key="key")["Body"].read() == b"theirs"
    refused(reader("s3").put_object, Bucket=bucket, Key="key", Body=b"mine")
    other = someone(emulator, code_buckets=("another",))
    refused(other("s3").get_object, Bucket=bucket, Key="key")


def test_it_takes_no_code_from_a_bucket_that_was_not_given(mine: Client, emulator: EmulatedAws, bucket: str) -> None:
    iam, name = emulator.client("iam"), f"a-b-role-{uuid4().hex[:8]}"
    arn = iam.create_role(RoleName=name, Path=ROLE_PATH, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    code = {"Code": {"S3Bucket": bucket, "S3Key": "key"}}
    assert "s3:GetObject" in refused(mine("lambda").create_function, **(function_with(arn) | code))
    iam.delete_role(RoleName=name)


def test_without_the_feature_it_deletes_no_data(emulator: EmulatedAws, bucket: str) -> None:
    careful = someone(emulator, ALL - {Feature.PURGE})
    refused(careful("s3").delete_object, Bucket=bucket, Key="key")
    refused(careful("s3").delete_bucket, Bucket=bucket)
    refused(careful("dynamodb").delete_table, TableName="a-b-table-abcdefgh")


def test_it_touches_only_buckets_that_match_its_patterns(emulator: EmulatedAws, bucket: str) -> None:
    narrow = someone(emulator, buckets=("team-*",))
    refused(narrow("s3").put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    refused(narrow("s3").create_bucket, Bucket=f"else-{uuid4().hex}")


def test_it_makes_no_user_and_gives_nobody_a_managed_policy(mine: Client, role: str) -> None:
    iam = mine("iam")
    refused(iam.create_user, UserName="somebody")
    refused(iam.create_access_key, UserName=SERVICE_ACCOUNT)
    refused(iam.attach_user_policy, UserName=SERVICE_ACCOUNT, PolicyArn=ADMIN)
    refused(iam.put_user_policy, UserName=SERVICE_ACCOUNT, PolicyName="all", PolicyDocument=ANYTHING)
    refused(iam.attach_role_policy, RoleName=role.rpartition("/")[2], PolicyArn=ADMIN)
    refused(iam.put_role_policy, RoleName=role.rpartition("/")[2], PolicyName="all", PolicyDocument=ANYTHING)


def test_it_makes_no_role_outside_of_its_path(mine: Client) -> None:
    refused(mine("iam").create_role, RoleName="a-b-role-abcdefgh", AssumeRolePolicyDocument=TRUST)
    refused(mine("iam").create_role, RoleName="x", Path="/ingestion-operators/", AssumeRolePolicyDocument=TRUST)


def test_it_passes_no_role_from_outside_of_its_path(mine: Client, role: str) -> None:
    assert "iam:PassRole" in refused(mine("lambda").create_function, **function_with(role))


def test_it_touches_no_function_that_is_not_named_like_a_pipelines(mine: Client) -> None:
    for name in ("billing", "a-b-fn", "a-b-fn-abcdefghi", "a-b-fnx-abcdefgh"):
        refused(mine("lambda").delete_function, FunctionName=name)
        refused(mine("lambda").get_function, FunctionName=name)
        refused(mine("lambda").create_function, **function_with(f"arn:aws:iam::1:role{ROLE_PATH}x", name))


def test_it_touches_no_rule_queue_table_or_log_group_of_others(mine: Client) -> None:
    refused(mine("events").delete_rule, Name="nightly")
    refused(mine("events").put_targets, Rule="nightly", Targets=[{"Id": "x", "Arn": "arn:aws:sqs:us-east-1:1:x"}])
    refused(mine("sqs").create_queue, QueueName="orders")
    refused(mine("dynamodb").delete_table, TableName="orders")
    refused(mine("dynamodb").update_table, TableName="orders", DeletionProtectionEnabled=False)
    refused(mine("dynamodb").scan, TableName="orders")
    refused(mine("logs").delete_log_group, logGroupName="/aws/lambda/billing")
    refused(mine("cloudtrail").delete_trail, Name="audit")


def test_it_reads_no_message_of_a_queue(mine: Client, emulator: EmulatedAws) -> None:
    name = f"a-b-dlq-{uuid4().hex[:8]}"
    url = emulator.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    assert mine("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    refused(mine("sqs").receive_message, QueueUrl=url)
    refused(mine("sqs").send_message, QueueUrl=url, MessageBody="x")
    refused(mine("sqs").purge_queue, QueueUrl=url)
    emulator.client("sqs").delete_queue(QueueUrl=url)


def test_it_counts_the_items_of_a_pipelines_table_but_reads_none(mine: Client, emulator: EmulatedAws) -> None:
    name = f"a-b-table-{uuid4().hex[:8]}"
    key = {"AttributeName": "id", "AttributeType": "S"}
    emulator.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[key],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    assert mine("dynamodb").scan(TableName=name, Select="COUNT")["Count"] == 0
    refused(mine("dynamodb").scan, TableName=name)
    refused(mine("dynamodb").get_item, TableName=name, Key={"id": {"S": "x"}})
    emulator.client("dynamodb").delete_table(TableName=name)


def test_with_a_boundary_configured_it_makes_no_role_without_it(
    emulator: EmulatedAws, boundary: str, role: str
) -> None:
    iam, name = someone(emulator, boundary=boundary)("iam"), f"a-b-role-{uuid4().hex[:8]}"
    new = {"RoleName": name, "Path": ROLE_PATH, "AssumeRolePolicyDocument": TRUST}
    refused(iam.create_role, **new)
    refused(iam.create_role, **new, PermissionsBoundary=ADMIN)

    iam.create_role(**new, PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName=name, PolicyName="pipeline", PolicyDocument=ANYTHING)
    refused(iam.delete_role_permissions_boundary, RoleName=name)
    refused(iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=ADMIN)
    iam.delete_role_policy(RoleName=name, PolicyName="pipeline")
    iam.delete_role(RoleName=name)


def test_with_a_boundary_configured_it_gives_no_right_to_a_role_without_it(
    emulator: EmulatedAws, boundary: str
) -> None:
    root, name = emulator.client("iam"), f"a-b-role-{uuid4().hex[:8]}"
    root.create_role(RoleName=name, Path=ROLE_PATH, AssumeRolePolicyDocument=TRUST)
    mine = someone(emulator, boundary=boundary)("iam")
    refused(mine.put_role_policy, RoleName=name, PolicyName="all", PolicyDocument=ANYTHING)
    root.delete_role(RoleName=name)


def test_a_missing_right_is_named_and_the_pipeline_goes_on_once_it_is_given(world: World) -> None:
    iam, place = world.emulator.client("iam"), f"{world.emulator.region}:{world.emulator.account_id}"
    taken = {
        "Effect": "Deny",
        "Action": "events:PutTargets",
        "Resource": f"arn:aws:events:{place}:rule/{world.namespace}-*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [taken]})
    iam.put_user_policy(UserName=SERVICE_ACCOUNT, PolicyName=world.namespace, PolicyDocument=document)
    try:
        world.apply("copy", copying())
        stalled = world.wait_condition("copy", "Stalled", "AccessDenied")
    finally:
        iam.delete_user_policy(UserName=SERVICE_ACCOUNT, PolicyName=world.namespace)

    assert stalled["status"] == "True"
    assert "not authorized to perform: events:PutTargets" in stalled["message"]
    world.annotate("copy", "reconcile-requested-at", "now")
    world.wait_ready("copy")
    assert world.process("copy") == b"hello"
