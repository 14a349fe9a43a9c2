"""The AWS resources that the tests of the stand-in need. boto3 creates them, not the stand-in."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion_local.emulator import Emulator
from ingestion_local.provider.properties import ARCHIVE, SIGNATURE, Document

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class ProviderWorld:
    """Creates the AWS resources that a row needs, through boto3 and not through the stand-in."""

    emulator: Emulator
    directory: Path
    name: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service)

    def bucket(self) -> str:
        self.client("s3").create_bucket(Bucket=self.name)
        return self.name

    def log_bucket(self, bucket: str, trail: str) -> None:
        """A bucket into which this trail may write."""
        self.client("s3").create_bucket(Bucket=bucket)
        arn = f"arn:aws:s3:::{bucket}"
        source = {"aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{trail}"}
        principal = {"Service": "cloudtrail.amazonaws.com"}
        statements = [
            {"Action": "s3:GetBucketAcl", "Resource": arn, "Condition": {"StringEquals": source}},
            {
                "Action": "s3:PutObject",
                "Resource": f"{arn}/*",
                "Condition": {"StringEquals": {**source, "s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ]
        policy = {"Statement": [{"Effect": "Allow", "Principal": principal, **s} for s in statements]}
        self.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def role(self, name: str = "", *actions: str) -> str:
        """The ARN of a role that Lambda may assume, and that allows these actions."""
        answer = self.client("iam").create_role(
            RoleName=name or self.name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com")
        )
        for number, action in enumerate(actions):
            self.client("iam").put_role_policy(
                RoleName=answer["Role"]["RoleName"], PolicyName=f"may-{number}", PolicyDocument=grant(action)
            )
        return str(answer["Role"]["Arn"])

    def archive(self, text: str) -> tuple[Document, str]:
        """A zip with a handler as Pulumi passes it, and its hash as Lambda tells it."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            # A fixed time: the same text is the same archive.
            file.writestr(zipfile.ZipInfo("index.py"), text)
        digest = hashlib.sha256(packed.getvalue())
        path = self.directory / f"{digest.hexdigest()}.zip"
        path.write_bytes(packed.getvalue())
        archive = {SIGNATURE: ARCHIVE, "path": str(path), "hash": digest.hexdigest()}
        return archive, base64.b64encode(digest.digest()).decode()

    def function(self, name: str = "") -> str:
        """The ARN of a function."""
        code, _ = self.archive("def handler(event, context): pass\n")
        answer = self.client("lambda").create_function(
            FunctionName=name or self.name,
            Role=self.role(f"{name or self.name}-for-fn", "sqs:SendMessage"),
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

    def zipped(self, key: str, text: str) -> tuple[Document, str]:
        """A version of an object of S3 that is a zip with a handler, and its hash as Lambda tells it."""
        code, digest = self.archive(text)
        s3, bucket = self.client("s3"), f"{self.name}-{key}"
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        version = s3.put_object(Bucket=bucket, Key=key, Body=Path(code["path"]).read_bytes())["VersionId"]
        return {"s3Bucket": bucket, "s3Key": key, "s3ObjectVersion": version}, digest

    def network(self, number: int) -> Document:
        """Two subnets and a group of the account's own network."""
        ec2 = self.client("ec2")
        network = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [network]}])["Subnets"]
        group = ec2.create_security_group(GroupName=f"{self.name}-{number}", Description="a", VpcId=network)
        # This is not AWS's order, because that order has no meaning.
        found = sorted((subnet["SubnetId"] for subnet in subnets[number : number + 2]), reverse=True)
        return {"subnetIds": found, "securityGroupIds": [group["GroupId"]]}

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
    """The content of a policy or pattern, because AWS may return other white space."""
    return json.loads(text) if isinstance(text, str) and text.startswith("{") else text


def present(document: Document) -> Document:
    return {key: value for key, value in document.items() if value not in (None, "", {}, [])}


def without(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def as_map(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


Pair = tuple[Document, Document]


@dataclass(frozen=True)
class Row:
    """A resource type: two sets of inputs with the resources that they need, and AWS's view of them, read through boto3."""

    inputs: Callable[[ProviderWorld], Pair]
    seen: Callable[[ProviderWorld, Document], Document]
    takes_over: bool = False
    """Whether creating it over an existing one succeeds, because it is put as a whole."""
    fixed: frozenset[str] = field(default=frozenset())
    """Inputs that do not replace it, and that cannot change here."""
    chosen: frozenset[str] = field(default=frozenset())
    """Inputs that this row's alternative requires."""
    others: frozenset[str] = field(default=frozenset())
    """Inputs of the other alternatives."""
