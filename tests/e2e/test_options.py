"""Every option of the processor reaches Lambda, and what it allows is allowed."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from e2e.world import COPY, World, copying

SEND = """
import json, os, boto3
from botocore.exceptions import ClientError
def handler(event, context):
    try:
        boto3.client("sqs").send_message(QueueUrl=os.environ["JOBS"], MessageBody="job")
        outcome = "sent"
    except ClientError as error:
        outcome = error.response["Error"]["Code"]
    key = event["detail"]["object"]["key"]
    boto3.client("s3").put_object(Bucket=os.environ["RESULTS_BUCKET"], Key=key, Body=outcome)
"""


def layer(world: World) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("python/shouting.py", "def shout(body):\n    return body.upper()\n")
    arn: str = world.emulator.client("lambda").publish_layer_version(
        LayerName=f"shouting-{world.namespace}"[:64], Content={"ZipFile": archive.getvalue()}
    )["LayerVersionArn"]
    return arn


def test_a_layer_is_imported_by_the_code(world: World) -> None:
    code = "from shouting import shout\n" + COPY.replace(".read()", ".read()\n    body = shout(body)", 1)
    world.apply("copy", copying(processor={"code": {"inline": code}, "layers": [layer(world)]}))
    world.wait_ready("copy")

    assert world.process("copy", "raw/a.txt", b"quiet") == b"QUIET"


def test_size_time_and_logging_are_as_the_pipeline_says(world: World) -> None:
    processor = {
        "code": {"inline": COPY},
        "runtime": "python3.14",
        "architecture": "x86_64",
        "memoryMiB": 512,
        "timeoutSeconds": 30,
        "ephemeralStorageMiB": 1024,
        "reservedConcurrency": 3,
        "tracing": "PassThrough",
        "logFormat": "JSON",
        "logRetentionDays": 7,
    }
    world.apply("copy", copying(processor=processor))
    outputs = world.wait_ready("copy")["outputs"]

    found, client = world.function("copy"), world.emulator.client("lambda")
    assert (found["Runtime"], found["Architectures"], found["MemorySize"], found["Timeout"]) == (
        "python3.14",
        ["x86_64"],
        512,
        30,
    )
    assert found["EphemeralStorage"] == {"Size": 1024}
    assert found["TracingConfig"] == {"Mode": "PassThrough"}
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    concurrency = client.get_function_concurrency(FunctionName=outputs["functionName"])
    assert concurrency["ReservedConcurrentExecutions"] == 3
    (group,) = world.emulator.client("logs").describe_log_groups(logGroupNamePrefix=outputs["logGroup"])["logGroups"]
    assert group["retentionInDays"] == 7

    back = {name: None for name in processor if name != "code"}
    world.patch("copy", {"spec": {"processor": back}})
    world.wait_ready("copy")
    after = world.function("copy")
    assert (after["Runtime"], after["MemorySize"], after["EphemeralStorage"]) == ("python3.13", 256, {"Size": 512})
    assert after["LoggingConfig"]["LogFormat"] == "Text"
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName=outputs["functionName"])
    assert world.process("copy") == b"hello"


def network(world: World) -> tuple[str, str]:
    ec2 = world.emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=world.namespace, Description="test", VpcId=vpc)["GroupId"]
    return subnet, group


def test_a_function_joins_a_network_and_leaves_it(world: World) -> None:
    subnet, group = network(world)
    vpc = {"subnetIds": [subnet], "securityGroupIds": [group]}
    world.apply("copy", copying(processor={"code": {"inline": COPY}, "vpc": vpc}))
    world.wait_ready("copy")
    assert world.function("copy")["VpcConfig"]["SubnetIds"] == [subnet]
    assert world.function("copy")["VpcConfig"]["SecurityGroupIds"] == [group]

    world.patch("copy", {"spec": {"processor": {"vpc": None}}})
    world.wait_ready("copy")
    assert not (world.function("copy").get("VpcConfig") or {}).get("SubnetIds")


def test_a_function_is_given_more_rights_and_loses_them_again(world: World) -> None:
    sqs = world.emulator.client("sqs")
    url = sqs.create_queue(QueueName=f"jobs-{world.namespace}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    processor: dict[str, Any] = {"code": {"inline": SEND}, "environment": [{"name": "JOBS", "value": url}]}
    world.apply("copy", copying(processor=processor))
    world.wait_ready("copy")
    assert b"AccessDenied" in world.process("copy", "raw/a.txt")

    permissions = [{"actions": ["sqs:SendMessage"], "resources": [arn]}]
    world.patch("copy", {"spec": {"processor": {"permissions": permissions}}})
    world.wait_ready("copy")
    assert world.process("copy", "raw/b.txt") == b"sent"

    world.patch("copy", {"spec": {"processor": {"permissions": []}}})
    world.wait_ready("copy")
    assert b"AccessDenied" in world.process("copy", "raw/c.txt")


def test_rights_on_everything_are_taken_and_said(world: World) -> None:
    permissions = [{"actions": ["cloudwatch:PutMetricData"], "resources": ["*"]}]
    world.apply("copy", copying(processor={"code": {"inline": COPY}, "permissions": permissions}))
    world.wait_ready("copy")

    world.wait("an Event", lambda: "WildcardPermission" in world.event_reasons())
    note = "processor.permissions allows cloudwatch:PutMetricData on every resource: name the ARNs"
    assert world.condition("copy", "Ready")["message"].endswith(f"; note: {note}")


def test_a_deprecated_runtime_works_and_is_said(world: World) -> None:
    world.apply("copy", copying(processor={"code": {"inline": COPY}, "runtime": "python3.9"}))
    world.wait_ready("copy")

    assert "python3.9 was deprecated by AWS on 2025-12-15" in world.condition("copy", "Ready")["message"]
    world.wait("an Event", lambda: "RuntimeDeprecated" in world.event_reasons())


def test_the_functions_rights_are_all_in_one_policy(world: World) -> None:
    world.apply("copy", copying())
    role = world.wait_ready("copy")["outputs"]["functionName"].replace("-fn-", "-role-")
    iam = world.emulator.client("iam")
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["pipeline"]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    found = iam.get_role(RoleName=role)["Role"]
    assert found["Path"] == "/ingestion-operator/"
    assert json.dumps(found["AssumeRolePolicyDocument"]).count("lambda.amazonaws.com") == 1
