"""What the tests of the stand-in need to be there in AWS, made through boto3 and not through the stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion_local.emulator import Emulator
from ingestion_local.provider.properties import ARCHIVE, SIGNATURE, Document
from ingestion_operator.code import CodeBundle

ACCOUNT = "123456789012"


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

    def layer(self, name: str) -> str:
        """The ARN of a version of a layer."""
        code, _ = self.archive("LAYER = 1\n")
        answer = self.client("lambda").publish_layer_version(
            LayerName=f"{self.name}-{name}", Content={"ZipFile": Path(code["path"]).read_bytes()}
        )
        return str(answer["LayerVersionArn"])


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


def as_map(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


Pair = tuple[Document, Document]


@dataclass(frozen=True)
class Row:
    """A kind: two sets of inputs (and what they need, made), and AWS's own view of them, read through boto3."""

    inputs: Callable[[World], Pair]
    seen: Callable[[World, Document], Document]
    takes_over: bool = False
    """Whether making it over one that is there succeeds, as it is a document that is put whole."""
    fixed: frozenset[str] = field(default=frozenset())
    """Inputs that neither replace it nor can be changed here."""
