"""With IAM enforced: the function can do its work, and nothing with anybody else's data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.world import World, copying

# Tries what the object asks for and writes down what came of it.
TRY = """
import json, os, boto3
from botocore.exceptions import ClientError
s3 = boto3.client("s3")
def handler(event, context):
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    wanted = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    found = {}
    for name, (service, call, arguments) in wanted.items():
        try:
            getattr(boto3.client(service), call)(**arguments)
            found[name] = "allowed"
        except ClientError as error:
            found[name] = error.response["Error"]["Code"]
    s3.put_object(Bucket=os.environ["RESULTS_BUCKET"], Key=os.environ["RESULTS_PREFIX"] + key, Body=json.dumps(found))
"""
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
Tries = dict[str, tuple[str, str, dict[str, Any]]]


def trying(**changes: Any) -> dict[str, Any]:
    results = {"bucket": {"prefix": "out/"}, **changes.pop("results", {})}
    processor = {"code": {"inline": TRY}, "timeoutSeconds": 120, **changes.pop("processor", {})}
    return copying(processor=processor, results=results, **changes)


def outcomes(world: World, name: str, tries: Tries) -> dict[str, str]:
    """What each try came to: "allowed" or "denied"; anything else is a mistake of the test."""
    found = json.loads(world.process(name, "raw/try.txt", json.dumps(tries).encode()))
    assert set(found.values()) <= {"allowed", *DENIED}, found
    return {what: "allowed" if code == "allowed" else "denied" for what, code in found.items()}


def allowed(found: dict[str, str]) -> set[str]:
    return {what for what, outcome in found.items() if outcome == "allowed"}


@pytest.fixture
def theirs(world: World) -> dict[str, str]:
    """Another pipeline, with everything that there may be."""
    world.apply("theirs", trying(results={"table": {}}))
    found: dict[str, str] = world.wait_ready("theirs")["outputs"]
    world.put(found["bucketName"], "raw/x.txt", b"{}")
    return found


def test_a_function_reads_its_own_objects_writes_its_results_and_nothing_else(
    world: World, theirs: dict[str, str]
) -> None:
    world.apply("mine", trying())
    mine = world.wait_ready("mine")["outputs"]
    world.put(mine["bucketName"], "raw/x.txt", b"{}")
    world.put(mine["bucketName"], "other/x.txt", b"{}")
    source, results = mine["bucketName"], mine["resultsBucket"]
    tries: Tries = {
        "read own object": ("s3", "get_object", {"Bucket": source, "Key": "raw/x.txt"}),
        "write result": ("s3", "put_object", {"Bucket": results, "Key": "out/x", "Body": "x"}),
        "read outside the prefix": ("s3", "get_object", {"Bucket": source, "Key": "other/x.txt"}),
        "write outside the prefix": ("s3", "put_object", {"Bucket": results, "Key": "x", "Body": "x"}),
        "write to the source": ("s3", "put_object", {"Bucket": source, "Key": "raw/y.txt", "Body": "x"}),
        "delete own object": ("s3", "delete_object", {"Bucket": source, "Key": "raw/x.txt"}),
        "read back a result": ("s3", "get_object", {"Bucket": results, "Key": "out/x"}),
        "read another's object": ("s3", "get_object", {"Bucket": theirs["bucketName"], "Key": "raw/x.txt"}),
        "write another's results": (
            "s3",
            "put_object",
            {"Bucket": theirs["resultsBucket"], "Key": "out/x", "Body": "x"},
        ),
        "list buckets": ("s3", "list_buckets", {}),
        "list another's bucket": ("s3", "list_objects_v2", {"Bucket": theirs["bucketName"]}),
        "change its own bucket": ("s3", "delete_bucket_policy", {"Bucket": source}),
    }

    assert allowed(outcomes(world, "mine", tries)) == {"read own object", "write result"}


def test_a_function_uses_its_own_table_and_queue_and_nobody_elses(world: World, theirs: dict[str, str]) -> None:
    world.apply("mine", trying(results={"table": {}}))
    mine = world.wait_ready("mine")["outputs"]
    item, key = {"id": {"S": "x"}}, {"id": {"S": "x"}}
    question = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "x"}}}
    table, other = mine["resultsTable"], theirs["resultsTable"]
    queue, their_queue = mine["deadLetterQueueUrl"], theirs["deadLetterQueueUrl"]
    group = theirs["logGroup"]
    tries: Tries = {
        "put an item": ("dynamodb", "put_item", {"TableName": table, "Item": item}),
        "get an item": ("dynamodb", "get_item", {"TableName": table, "Key": key}),
        "query": ("dynamodb", "query", {"TableName": table, **question}),
        "delete an item": ("dynamodb", "delete_item", {"TableName": table, "Key": key}),
        "send a failure": ("sqs", "send_message", {"QueueUrl": queue, "MessageBody": "x"}),
        "scan": ("dynamodb", "scan", {"TableName": table}),
        "delete the table": ("dynamodb", "delete_table", {"TableName": table}),
        "put into another's table": ("dynamodb", "put_item", {"TableName": other, "Item": item}),
        "query another's table": ("dynamodb", "query", {"TableName": other, **question}),
        "list tables": ("dynamodb", "list_tables", {}),
        "read the queue": ("sqs", "receive_message", {"QueueUrl": queue}),
        "send to another's queue": ("sqs", "send_message", {"QueueUrl": their_queue, "MessageBody": "x"}),
        "list queues": ("sqs", "list_queues", {}),
        "write to another's log": ("logs", "create_log_stream", {"logGroupName": group, "logStreamName": "x"}),
        "invoke another function": ("lambda", "invoke", {"FunctionName": theirs["functionName"]}),
        "change itself": ("lambda", "get_function", {"FunctionName": mine["functionName"]}),
        "make a user": ("iam", "create_user", {"UserName": "mallory"}),
        "send an event": ("events", "put_events", {"Entries": [{"Source": "x", "DetailType": "x", "Detail": "{}"}]}),
    }

    found = allowed(outcomes(world, "mine", tries))
    assert found == {"put an item", "get an item", "query", "delete an item", "send a failure"}


def test_a_function_in_a_network_has_no_use_of_lambdas_rights_there(world: World) -> None:
    ec2 = world.emulator.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=world.namespace, Description="test", VpcId=vpc)["GroupId"]
    world.apply("mine", trying(processor={"vpc": {"subnetIds": [subnet], "securityGroupIds": [group]}}))
    outputs = world.wait_ready("mine")["outputs"]

    role = outputs["functionName"].replace("-fn-", "-role-")
    document = world.emulator.client("iam").get_role_policy(RoleName=role, PolicyName="pipeline")["PolicyDocument"]
    by_name = {statement["Sid"]: statement for statement in document["Statement"]}
    own = {"ArnEquals": {"lambda:SourceFunctionArn": [outputs["functionArn"]]}}
    assert by_name["NotByTheFunctionItself"]["Condition"] == own
    assert set(by_name["NotByTheFunctionItself"]["Action"]) == set(by_name["JoinNetwork"]["Action"])


def test_a_key_is_used_through_s3_only(world: World) -> None:
    kms = world.emulator.client("kms")
    source, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    bucket = {"encryption": {"type": "KMS", "keyArn": source}}
    world.apply("mine", trying(source={"bucket": bucket, "filter": {"prefixes": ["raw/"]}}))
    mine = world.wait_ready("mine")["outputs"]
    world.put(mine["bucketName"], "raw/x.txt", b"{}")
    tries: Tries = {
        "read an object encrypted with it": ("s3", "get_object", {"Bucket": mine["bucketName"], "Key": "raw/x.txt"}),
        "use it without S3": ("kms", "generate_data_key", {"KeyId": source, "KeySpec": "AES_256"}),
        "use another one": ("kms", "generate_data_key", {"KeyId": other, "KeySpec": "AES_256"}),
        "look at it": ("kms", "describe_key", {"KeyId": source}),
    }

    assert allowed(outcomes(world, "mine", tries)) == {"read an object encrypted with it"}


def test_of_a_shared_bucket_a_function_reads_its_prefix_only(world: World) -> None:
    landing = world.bucket("landing")
    source = {"bucket": {"name": landing, "management": "Existing"}, "filter": {"prefixes": ["raw/"]}}
    world.apply("mine", trying(source=source))
    world.wait_ready("mine")
    world.put(landing, "raw/x.txt", b"{}")
    world.put(landing, "secret/x.txt", b"{}")
    tries: Tries = {
        "read under its prefix": ("s3", "get_object", {"Bucket": landing, "Key": "raw/x.txt"}),
        "read elsewhere": ("s3", "get_object", {"Bucket": landing, "Key": "secret/x.txt"}),
        "write": ("s3", "put_object", {"Bucket": landing, "Key": "raw/y.txt", "Body": "x"}),
        "list": ("s3", "list_objects_v2", {"Bucket": landing}),
        "switch events off": (
            "s3",
            "put_bucket_notification_configuration",
            {"Bucket": landing, "NotificationConfiguration": {}},
        ),
    }

    assert allowed(outcomes(world, "mine", tries)) == {"read under its prefix"}


def test_the_administrators_boundary_holds_whatever_the_pipeline_allows(world: World, bounds: str) -> None:
    topic = world.emulator.client("sns").create_topic(Name=f"news-{world.namespace}")["TopicArn"]
    permissions = [{"actions": ["sns:Publish", "sns:GetTopicAttributes"], "resources": [topic]}]
    world.apply("mine", trying(processor={"permissions": permissions}))
    outputs = world.wait_ready("mine")["outputs"]
    role = world.emulator.client("iam").get_role(RoleName=outputs["functionName"].replace("-fn-", "-role-"))["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == bounds
    tries: Tries = {"publish": ("sns", "publish", {"TopicArn": topic, "Message": "x"})}

    assert allowed(outcomes(world, "mine", tries)) == set()


def test_the_log_of_a_trail_is_not_the_functions_to_read(world: World) -> None:
    world.apply("trail", copying(source={"trigger": "CloudTrail"}))
    status = world.wait_ready("trail")
    log = next(bucket for bucket in status["workings"]["dataBuckets"] if "-trail-" in bucket)
    world.put(log, "AWSLogs/x.json", b"{}")
    world.apply("mine", trying())
    world.wait_ready("mine")
    tries: Tries = {"read the log": ("s3", "get_object", {"Bucket": log, "Key": "AWSLogs/x.json"})}

    assert allowed(outcomes(world, "mine", tries)) == set()
