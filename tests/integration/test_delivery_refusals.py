"""The emulator refuses what AWS refuses for functions, buckets and trails, and accepts it with the right permission."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from ingestion_local.emulator import Emulator
from integration.provider_world import ACCOUNT, ProviderWorld, trust

NO_SUBNET = "subnet-00000000000000000"


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def handler(event, context): return 1")
    return archive.getvalue()


@dataclass
class Developer:
    """A user with all rights on Lambda and the granted ones, and roles that the user may pass."""

    emulator: Emulator
    name: str

    def __post_init__(self) -> None:
        iam = self.emulator.client("iam")
        iam.create_user(UserName=self.name)
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        self.functions = self.emulator.client(
            "lambda", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"]
        )
        self.grant("functions", "lambda:*", "*")

    def grant(self, name: str, action: str, resource: str, **more: Any) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.emulator.client("iam").put_user_policy(UserName=self.name, PolicyName=name, PolicyDocument=policy)

    def grant_pass(self, role: str, service: str = "lambda.amazonaws.com") -> None:
        self.grant("pass", "iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": service}})

    def role(self, suffix: str = "role", *actions: str) -> str:
        iam = self.emulator.client("iam")
        role = iam.create_role(
            Path="/pipelines/", RoleName=f"{self.name}-{suffix}", AssumeRolePolicyDocument=trust("lambda.amazonaws.com")
        )["Role"]
        for number, action in enumerate(actions):
            statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_role_policy(RoleName=role["RoleName"], PolicyName=f"p{number}", PolicyDocument=policy)
        return str(role["Arn"])

    def create(self, role: str, **more: Any) -> None:
        wanted = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": zipped()}, **more}
        self.functions.create_function(FunctionName=self.name, Role=role, **wanted)


@pytest.fixture
def developer(emulator: Emulator) -> Developer:
    return Developer(emulator, f"developer-{uuid4().hex[:8]}")


def test_a_role_is_passed_to_a_new_function_only_by_whom_may(developer: Developer) -> None:
    role = developer.role()
    denied = f"{developer.name} is not authorized to perform: iam:PassRole"
    for passed, service in (("", ""), (role, "ec2.amazonaws.com"), (f"{role}-other", "lambda.amazonaws.com")):
        if passed:
            developer.grant_pass(passed, service)
        with pytest.raises(ClientError, match=denied) as refused:
            developer.create(role)
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    developer.grant_pass(role)
    developer.create(role)


def test_a_deny_of_passing_a_role_wins(developer: Developer) -> None:
    role = developer.role()
    developer.grant_pass(role)
    developer.grant("deny", "iam:PassRole", "*", Effect="Deny")
    with pytest.raises(ClientError, match=r"iam:PassRole.* with an explicit deny in an identity-based policy"):
        developer.create(role)


def test_a_role_is_passed_to_a_function_that_is_there_only_by_whom_may(developer: Developer) -> None:
    role, other = developer.role(), developer.role("other")
    developer.grant_pass(role)
    developer.create(role)
    developer.functions.update_function_configuration(FunctionName=developer.name, Timeout=5)
    with pytest.raises(ClientError, match="is not authorized to perform: iam:PassRole"):
        developer.functions.update_function_configuration(FunctionName=developer.name, Role=other)
    developer.grant_pass(other)
    developer.functions.update_function_configuration(FunctionName=developer.name, Role=other)


def test_code_in_s3_has_to_be_there_and_readable_by_whom_makes_the_function(developer: Developer) -> None:
    s3, bucket = developer.emulator.client("s3"), developer.name
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="code.zip", Body=zipped())
    role = developer.role()
    developer.grant_pass(role)
    stored = {"S3Bucket": bucket, "S3Key": "code.zip"}
    with pytest.raises(ClientError, match="is not authorized to perform: s3:GetObject"):
        developer.create(role, Code=stored)
    developer.grant("read", "s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    with pytest.raises(ClientError, match="S3 Error Code: NoSuchKey"):
        developer.create(role, Code={**stored, "S3Key": "missing.zip"})
    developer.create(role, Code=stored)
    developer.functions.update_function_code(FunctionName=developer.name, **stored)
    with pytest.raises(ClientError, match="S3 Error Code: NoSuchKey"):
        developer.functions.update_function_code(FunctionName=developer.name, S3Bucket=bucket, S3Key="missing.zip")


def test_a_function_joins_a_network_only_if_its_role_may_and_the_subnets_are_there(
    developer: Developer, emulator: Emulator, tmp_path: Any
) -> None:
    network = ProviderWorld(emulator, tmp_path, developer.name).network(0)
    wanted = {"SubnetIds": network["subnetIds"], "SecurityGroupIds": network["securityGroupIds"]}
    role, able = developer.role(), developer.role("able", "ec2:*NetworkInterface*")
    developer.grant("pass", "iam:PassRole", "*")
    with pytest.raises(ClientError, match="does not have permissions to call CreateNetworkInterface on EC2"):
        developer.create(role, VpcConfig=wanted)
    with pytest.raises(ClientError, match=f"The subnet ID '{NO_SUBNET}' does not exist"):
        developer.create(able, VpcConfig={**wanted, "SubnetIds": [NO_SUBNET]})
    developer.create(able, VpcConfig=wanted)
    developer.functions.update_function_configuration(FunctionName=developer.name, VpcConfig={"SubnetIds": []})


def test_a_dead_letter_queue_to_which_the_role_may_not_send_is_refused(developer: Developer) -> None:
    role = developer.role()
    developer.grant_pass(role)
    queue = {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:some"}
    with pytest.raises(
        ClientError, match="The provided execution role does not have permissions to call SendMessage on SQS"
    ):
        developer.create(role, DeadLetterConfig=queue)
    developer.create(role)
    with pytest.raises(ClientError, match="does not have permissions to call SendMessage on SQS"):
        developer.functions.update_function_configuration(FunctionName=developer.name, DeadLetterConfig=queue)


def test_a_name_of_a_bucket_has_to_fit_its_namespace(emulator: Emulator) -> None:
    s3, name = emulator.client("s3"), f"own-{uuid4().hex[:8]}-{ACCOUNT}-us-east-1-an"
    with pytest.raises(ClientError, match="MissingNamespaceHeader"):
        s3.create_bucket(Bucket=name)
    for wrong in (f"own-{uuid4().hex[:8]}", name.replace(ACCOUNT, "210987654321"), name.replace("us-east", "eu-west")):
        with pytest.raises(ClientError, match="InvalidNamespaceHeader"):
            s3.create_bucket(Bucket=wrong, BucketNamespace="account-regional")
    s3.create_bucket(Bucket=name, BucketNamespace="account-regional")
    s3.delete_bucket(Bucket=name)


def test_a_trail_needs_a_bucket_into_which_it_may_write(emulator: Emulator, tmp_path: Any) -> None:
    cloudtrail, name = emulator.client("cloudtrail"), f"trail-{uuid4().hex[:8]}"
    with pytest.raises(ClientError, match="S3BucketDoesNotExistException"):
        cloudtrail.create_trail(Name=name, S3BucketName=name)
    ProviderWorld(emulator, tmp_path, name).log_bucket(name, f"{name}-other")
    with pytest.raises(ClientError, match="InsufficientS3BucketPolicyException"):
        cloudtrail.create_trail(Name=name, S3BucketName=name)
    ProviderWorld(emulator, tmp_path, name).log_bucket(name, name)
    cloudtrail.create_trail(Name=name, S3BucketName=name, S3KeyPrefix="one")
    with pytest.raises(ClientError, match="S3BucketDoesNotExistException"):
        cloudtrail.update_trail(Name=name, S3BucketName=f"{name}-missing")
    cloudtrail.delete_trail(Name=name)
