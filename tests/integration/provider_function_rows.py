"""Functions, their permissions, and the settings for their failures; see `provider_world.Row`."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from ingestion_local.provider.properties import Document
from integration.provider_types import (
    FUNCTION,
    INVOKE_CONFIG,
    PERMISSION,
)
from integration.provider_world import (
    ACCOUNT,
    Pair,
    ProviderWorld,
    Row,
    present,
    without,
)


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
    """The source of the code, in the program's form if it is this code."""
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
    FUNCTION: Row(
        function_inputs,
        function_seen,
        chosen=frozenset({"code", "runtime", "handler"}),
        others=frozenset({*S3_OBJECT, "imageUri"}),
    ),
    INVOKE_CONFIG: Row(invoke_config_inputs, invoke_config_seen, takes_over=True),
    PERMISSION: Row(permission_inputs, permission_seen),
}
