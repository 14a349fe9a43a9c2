"""What runs: roles, functions, and what leads events to them; see `provider_world.Row`."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from ingestion_local.provider.properties import Document
from integration.provider_world import (
    ACCOUNT,
    Pair,
    ProviderWorld,
    Row,
    as_map,
    grant,
    pattern,
    present,
    trust,
    without,
)


def role_inputs(world: ProviderWorld) -> Pair:
    def boundary(name: str) -> str:
        answer = world.client("iam").create_policy(PolicyName=f"{world.name}-{name}", PolicyDocument=grant("s3:*"))
        return str(answer["Policy"]["Arn"])

    return (
        {
            "name": world.name,
            "path": "/pipelines/",
            "maxSessionDuration": 7200,
            "description": "first",
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "permissionsBoundary": boundary("one"),
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "path": "/pipelines/",
            "maxSessionDuration": 3600,
            "description": "second",
            "assumeRolePolicy": trust("events.amazonaws.com"),
            "permissionsBoundary": boundary("two"),
            "tags": {"team": "b", "more": "x"},
        },
    )


def role_seen(world: ProviderWorld, inputs: Document) -> Document:
    role = world.client("iam").get_role(RoleName=inputs["name"])["Role"]
    return {
        "name": role["RoleName"],
        "path": role["Path"],
        "maxSessionDuration": role["MaxSessionDuration"],
        "description": role.get("Description"),
        "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": as_map(world.client("iam").list_role_tags(RoleName=inputs["name"])["Tags"]),
    }


def role_policy_inputs(world: ProviderWorld) -> Pair:
    world.role()
    first = {"name": "pipeline", "role": world.name, "policy": grant("s3:GetObject")}
    return first, first | {"policy": grant("s3:PutObject")}


def role_policy_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("iam").get_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"])
    return {
        "name": answer["PolicyName"],
        "role": answer["RoleName"],
        "policy": json.dumps(answer["PolicyDocument"]),
    }


def log_group_inputs(world: ProviderWorld) -> Pair:
    name = f"/aws/lambda/{world.name}"
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    return (
        {"name": name, "retentionInDays": 30, "kmsKeyId": key, "tags": {"team": "a", "stage": "dev"}},
        {"name": name, "retentionInDays": 7, "kmsKeyId": key, "tags": {"team": "b", "more": "x"}},
    )


def log_group_seen(world: ProviderWorld, inputs: Document) -> Document:
    logs = world.client("logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=inputs["name"])["logGroups"]
    tags = logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]
    return {
        "name": group["logGroupName"],
        "retentionInDays": group.get("retentionInDays"),
        "kmsKeyId": group.get("kmsKeyId"),
        "tags": tags,
    }


def function_inputs(world: ProviderWorld) -> Pair:
    one, one_hash = world.archive("def handler(event, context): return 1\n")
    two, two_hash = world.archive("def handler(event, context): return 2\n")
    return (
        {
            "name": world.name,
            "description": "first",
            "role": world.role(f"{world.name}-one", "sqs:SendMessage", "ec2:*NetworkInterface*"),
            "runtime": "python3.12",
            "handler": "index.handler",
            "code": one,
            "sourceCodeHash": one_hash,
            "codeSha256": one_hash,
            "packageType": "Zip",
            "layers": [world.layer("a"), world.layer("b")],
            "ephemeralStorage": {"size": 1024},
            "loggingConfig": {
                "logFormat": "JSON",
                "logGroup": "/own/a",
                "applicationLogLevel": "DEBUG",
                "systemLogLevel": "WARN",
            },
            "vpcConfig": world.network(0),
            "kmsKeyArn": key("a"),
            "deadLetterConfig": {"targetArn": world.queue("a")},
            "reservedConcurrentExecutions": 5,
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
            "role": world.role(f"{world.name}-two", "sqs:SendMessage", "ec2:*NetworkInterface*"),
            "runtime": "python3.13",
            "handler": "index.other",
            "code": two,
            "sourceCodeHash": two_hash,
            "codeSha256": two_hash,
            "packageType": "Zip",
            "layers": [world.layer("c")],
            "ephemeralStorage": {"size": 2048},
            "loggingConfig": {"logFormat": "Text", "logGroup": "/own/b"},
            "vpcConfig": world.network(1),
            "kmsKeyArn": key("b"),
            "deadLetterConfig": {"targetArn": world.queue("b")},
            "reservedConcurrentExecutions": 0,
            "architectures": ["x86_64"],
            "memorySize": 512,
            "timeout": 30,
            "tracingConfig": {"mode": "PassThrough"},
            "environment": {"variables": {"MODE": "b"}},
            "tags": {"team": "b", "more": "x"},
        },
    )


def key(name: str) -> str:
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{name * 8}-2222-3333-4444-555555555555"


def stored_inputs(world: ProviderWorld) -> Pair:
    one, one_hash = world.zipped("a", "def handler(event, context): return 1\n")
    two, two_hash = world.zipped("b", "def handler(event, context): return 2\n")
    zipped, changed = function_inputs(world)
    return (
        {**without(zipped, "code"), **one, "sourceCodeHash": one_hash, "codeSha256": one_hash},
        {**without(changed, "code"), **two, "sourceCodeHash": two_hash, "codeSha256": two_hash},
    )


def image_inputs(world: ProviderWorld) -> Pair:
    repository = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/ingestion"
    zipped, changed = (without(inputs, *OF_A_ZIP) for inputs in function_inputs(world))
    image: Document = {"packageType": "Image", "sourceCodeHash": "one"}
    return (
        {**zipped, **image, "imageUri": f"{repository}@sha256:{'a' * 64}"},
        {**changed, **image, "imageUri": f"{repository}@sha256:{'b' * 64}", "sourceCodeHash": "two"},
    )


def code_seen(world: ProviderWorld, inputs: Document, there: str) -> Document:
    """Where the code is from, as it was said if it is this code."""
    if "s3Bucket" in inputs:
        said = {name: inputs[name] for name in S3_OBJECT if name in inputs}
        names = {"Bucket": "s3Bucket", "Key": "s3Key", "VersionId": "s3ObjectVersion"}
        where = {theirs: said[ours] for theirs, ours in names.items() if ours in said}
        wanted = world.client("s3").get_object(**where)["Body"].read()
    elif "code" in inputs:
        said, wanted = {"code": inputs["code"]}, Path(inputs["code"]["path"]).read_bytes()
    else:
        return {name: inputs[name] for name in ("sourceCodeHash",) if name in inputs}
    digest = base64.b64encode(hashlib.sha256(wanted).digest()).decode()
    hashes = {"sourceCodeHash": there, "codeSha256": there}
    return {**hashes, **(said if digest == there else dict.fromkeys(said, "other code"))}


def function_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("lambda").get_function(FunctionName=inputs["name"])
    found = answer["Configuration"]
    logging, network = found["LoggingConfig"], found.get("VpcConfig", {})
    return {
        "name": found["FunctionName"],
        "description": found["Description"],
        "role": found["Role"],
        "runtime": found.get("Runtime"),
        "handler": found.get("Handler"),
        **code_seen(world, inputs, found["CodeSha256"]),
        "imageUri": answer["Code"].get("ImageUri"),
        "kmsKeyArn": found.get("KMSKeyArn") or None,
        "vpcConfig": present({"subnetIds": network.get("SubnetIds"), "securityGroupIds": network["SecurityGroupIds"]}),
        "packageType": found["PackageType"],
        "layers": [layer["Arn"] for layer in found.get("Layers", [])],
        "ephemeralStorage": {"size": found["EphemeralStorage"]["Size"]},
        "loggingConfig": present(
            {
                "logFormat": logging["LogFormat"],
                "logGroup": logging["LogGroup"],
                "applicationLogLevel": logging.get("ApplicationLogLevel"),
                "systemLogLevel": logging.get("SystemLogLevel"),
            }
        ),
        "deadLetterConfig": present({"targetArn": found.get("DeadLetterConfig", {}).get("TargetArn")}),
        "reservedConcurrentExecutions": answer.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
        "architectures": found["Architectures"],
        "memorySize": found["MemorySize"],
        "timeout": found["Timeout"],
        "tracingConfig": {"mode": found["TracingConfig"]["Mode"]},
        "environment": present({"variables": found.get("Environment", {}).get("Variables")}),
        "tags": answer.get("Tags", {}),
    }


def invoke_config_inputs(world: ProviderWorld) -> Pair:
    world.function()
    return (
        {
            "functionName": world.name,
            "maximumRetryAttempts": 1,
            "maximumEventAgeInSeconds": 3600,
            "destinationConfig": {"onFailure": {"destination": world.queue("a")}},
        },
        {
            "functionName": world.name,
            "maximumRetryAttempts": 0,
            "maximumEventAgeInSeconds": 60,
            "destinationConfig": {"onFailure": {"destination": world.queue("b")}},
        },
    )


def invoke_config_seen(world: ProviderWorld, inputs: Document) -> Document:
    found = world.client("lambda").get_function_event_invoke_config(FunctionName=inputs["functionName"])
    failure = found.get("DestinationConfig", {}).get("OnFailure", {})
    return {
        "functionName": found["FunctionArn"].partition(":function:")[2].partition(":")[0],
        "maximumRetryAttempts": found.get("MaximumRetryAttempts"),
        "maximumEventAgeInSeconds": found.get("MaximumEventAgeInSeconds"),
        "destinationConfig": present({"onFailure": present({"destination": failure.get("Destination")})}),
    }


def permission_inputs(world: ProviderWorld) -> Pair:
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


def permission_seen(world: ProviderWorld, inputs: Document) -> Document:
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


def rule_inputs(world: ProviderWorld) -> Pair:
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


def rule_seen(world: ProviderWorld, inputs: Document) -> Document:
    events = world.client("events")
    found = events.describe_rule(Name=inputs["name"])
    return {
        "name": found["Name"],
        "description": found.get("Description"),
        "eventPattern": found["EventPattern"],
        "state": found["State"],
        "tags": as_map(events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]),
    }


def target_inputs(world: ProviderWorld) -> Pair:
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


def target_seen(world: ProviderWorld, inputs: Document) -> Document:
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


ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION = "aws:lambda/function:Function"
INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
PERMISSION = "aws:lambda/permission:Permission"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

S3_OBJECT = ("s3Bucket", "s3Key", "s3ObjectVersion")
OF_A_ZIP = ("code", "codeSha256", "runtime", "handler", "layers")

VARIANTS: dict[str, tuple[str, Row]] = {
    "Function from S3": (
        FUNCTION,
        Row(
            stored_inputs,
            function_seen,
            chosen=frozenset({"s3Bucket", "s3Key", "runtime", "handler"}),
            others=frozenset({"code", "imageUri"}),
        ),
    ),
    "Function from an image": (
        FUNCTION,
        Row(
            image_inputs,
            function_seen,
            chosen=frozenset({"packageType", "imageUri"}),
            others=frozenset({*S3_OBJECT, *OF_A_ZIP}),
        ),
    ),
}

ROWS: dict[str, Row] = {
    ROLE: Row(role_inputs, role_seen),
    ROLE_POLICY: Row(role_policy_inputs, role_policy_seen, takes_over=True),
    # The emulator takes a key when a group is made, and does not know the call that changes it.
    LOG_GROUP: Row(log_group_inputs, log_group_seen, fixed=frozenset({"kmsKeyId"})),
    FUNCTION: Row(
        function_inputs,
        function_seen,
        chosen=frozenset({"code", "runtime", "handler"}),
        others=frozenset({*S3_OBJECT, "imageUri"}),
    ),
    INVOKE_CONFIG: Row(invoke_config_inputs, invoke_config_seen, takes_over=True),
    PERMISSION: Row(permission_inputs, permission_seen),
    RULE: Row(rule_inputs, rule_seen, takes_over=True),
    TARGET: Row(target_inputs, target_seen, takes_over=True),
}
