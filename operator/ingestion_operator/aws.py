"""The AWS adapter: the core's `Cloud` port on boto3. The only place in the operator that calls AWS by itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    BucketNotEmpty,
    CredentialsMissing,
    UpdateFailed,
)
from ingestion_operator.naming import Owner
from ingestion_operator.resources import Blueprint, Place

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_iam.client import IAMClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef
    from types_boto3_sts.client import STSClient

ABSENT = {"NoSuchBucket", "404", "NotFound", "NoSuchTagSet"}
DENIED = {"AccessDenied", "AccessDeniedException", "403", "Forbidden", "UnauthorizedOperation"}
BAD_CREDENTIALS = {
    "InvalidClientTokenId",
    "ExpiredToken",
    "ExpiredTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
PURGE_BATCH = 1000
# Reads of IAM, Lambda and EventBridge follow writes within seconds: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
SETTLING_SECONDS = 10.0
SETTLING_INTERVAL_SECONDS = 0.25


class Boto3Cloud:
    """The `Cloud` port on boto3, with the credentials and the endpoint of the environment."""

    def __init__(self, *, path_style: bool = False) -> None:
        self._session = boto3.Session()
        self._config = Config(
            retries={"mode": "standard", "max_attempts": 5},
            connect_timeout=5,
            read_timeout=30,
            s3={"addressing_style": "path" if path_style else "auto"},
        )
        self._guard = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._account: tuple[str, str] | None = None

    def place(self, region: str) -> Place:
        """See the port. The account is asked for once: the operator's identity does not change while it runs."""
        if self._account is None:
            with _translated("finding out the AWS account"):
                identity = self._sts(region).get_caller_identity()
                self._account = (identity["Account"], identity["Arn"].split(":")[1])
        account, partition = self._account
        return Place(account, region, partition)

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        """See the port."""
        try:
            tags = self._s3(region).get_bucket_tagging(Bucket=bucket)["TagSet"]
        except ClientError as error:
            code = _code(error)
            if code == "NoSuchTagSet":
                return {}
            if code in ABSENT:
                return None
            if code in DENIED:
                raise BucketNameTaken(
                    f"bucket {bucket} exists and this account may not look at it: choose another source.bucket.name"
                ) from error
            raise _translation(error, f"looking at bucket {bucket}") from error
        return {tag["Key"]: tag["Value"] for tag in tags}

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        """See the port."""
        with _translated(f"tagging bucket {bucket}"):
            tag_set = [{"Key": k, "Value": v} for k, v in tags.items()]
            self._s3(region).put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": cast(Any, tag_set)})

    def leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        """See the port."""
        found: dict[str, str] = {}
        with _translated("looking for what an interrupted creation left"):
            for resource in blueprint.resources:
                if resource.type == "aws:iam/role:Role" and self._claim_role(blueprint, resource.inputs["tags"]):
                    found[resource.name] = blueprint.names.role
                elif resource.type == "aws:cloudwatch/logGroup:LogGroup" and self._claim_log_group(
                    blueprint, resource.inputs["tags"]
                ):
                    found[resource.name] = blueprint.names.log_group
            self._drop_function(blueprint)
        return found

    def _claim_role(self, blueprint: Blueprint, tags: Mapping[str, str]) -> bool:
        iam = cast("IAMClient", self._client("iam", blueprint.place.region))
        name = blueprint.names.role
        try:
            there = {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]}
        except iam.exceptions.NoSuchEntityException:
            return False
        if not blueprint.owner.owns(there):
            return False
        if stale := [key for key in there if key not in tags]:
            iam.untag_role(RoleName=name, TagKeys=stale)
        iam.tag_role(RoleName=name, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
        return True

    def _claim_log_group(self, blueprint: Blueprint, tags: Mapping[str, str]) -> bool:
        logs = cast("CloudWatchLogsClient", self._client("logs", blueprint.place.region))
        arn = blueprint.place.arn("logs", f"log-group:{blueprint.names.log_group}")
        try:
            there = logs.list_tags_for_resource(resourceArn=arn).get("tags", {})
        except logs.exceptions.ResourceNotFoundException:
            return False
        if not blueprint.owner.owns(there):
            return False
        if stale := [key for key in there if key not in tags]:
            logs.untag_resource(resourceArn=arn, tagKeys=stale)
        logs.tag_resource(resourceArn=arn, tags=dict(tags))
        return True

    def _drop_function(self, blueprint: Blueprint) -> None:
        client, name = self._lambda(blueprint.place.region), blueprint.names.function
        try:
            there = client.get_function(FunctionName=name).get("Tags", {})
        except client.exceptions.ResourceNotFoundException:
            return
        if blueprint.owner.owns(there):
            client.delete_function(FunctionName=name)

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        """See the port."""
        found = 0
        with _translated(f"counting the objects of bucket {bucket}"):
            for batch in self._versions(bucket, region):
                found += len(batch)
                if found >= limit:
                    return limit
        return found

    def purge_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """See the port."""
        if not self._is_owned(bucket, region, owner):
            return
        with _translated(f"emptying bucket {bucket}"):
            for batch in self._versions(bucket, region):
                answer = self._s3(region).delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
                if errors := answer.get("Errors"):
                    raise UpdateFailed(f"emptying bucket {bucket}: {errors[0].get('Key')}: {errors[0].get('Message')}")

    def delete_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """See the port."""
        if not self._is_owned(bucket, region, owner):
            return
        try:
            self._s3(region).delete_bucket(Bucket=bucket)
        except ClientError as error:
            if _code(error) == "BucketNotEmpty":
                raise BucketNotEmpty(f"objects arrived in bucket {bucket} while it was being deleted") from error
            if _code(error) not in ABSENT:
                raise _translation(error, f"deleting bucket {bucket}") from error

    def wiring_faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        """See the port."""
        checks: tuple[Callable[[Blueprint], str], ...] = (
            self._bucket_fault,
            self._rule_fault,
            self._function_fault,
        )
        deadline = time.monotonic() + SETTLING_SECONDS
        while True:
            with _translated("reading the wiring back"):
                faults = tuple(fault for check in checks if (fault := check(blueprint)))
            if not faults or time.monotonic() > deadline:
                return faults
            time.sleep(SETTLING_INTERVAL_SECONDS)

    def _bucket_fault(self, blueprint: Blueprint) -> str:
        bucket = blueprint.names.source_bucket
        found = self._s3(blueprint.place.region).get_bucket_notification_configuration(Bucket=bucket)
        return "" if "EventBridgeConfiguration" in found else f"bucket {bucket} does not send events to EventBridge"

    def _rule_fault(self, blueprint: Blueprint) -> str:
        rule, events = blueprint.names.rule, self._events(blueprint.place.region)
        if events.describe_rule(Name=rule).get("State") != "ENABLED":
            return f"rule {rule} is not enabled"
        targets = {target["Arn"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]}
        return (
            "" if blueprint.outputs.function_arn in targets else f"rule {rule} does not have the function as its target"
        )

    def _function_fault(self, blueprint: Blueprint) -> str:
        function, client = blueprint.names.function, self._lambda(blueprint.place.region)
        found = client.get_function_configuration(FunctionName=function)
        if found.get("State", "Active") != "Active" or found.get("LastUpdateStatus", "Successful") != "Successful":
            return f"function {function} is {found.get('State')}, its last update {found.get('LastUpdateStatus')}"
        if found.get("CodeSha256") != blueprint.code.sha256_base64:
            return f"function {function} does not run the pipeline's code"
        return self._permission_fault(client, function, blueprint.outputs.rule_arn)

    @staticmethod
    def _permission_fault(client: LambdaClient, function: str, rule_arn: str) -> str:
        try:
            policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
        except ClientError as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            policy = {"Statement": []}
        named = rule_arn in json.dumps(policy["Statement"])
        return "" if named else f"function {function} does not let the rule invoke it"

    def _is_owned(self, bucket: str, region: str, owner: Owner) -> bool:
        """Whether the bucket is there and the owner's. Raises BucketNameTaken if it is there and somebody else's."""
        tags = self.bucket_tags(bucket, region)
        if tags is None:
            return False
        if not owner.owns(tags):
            raise BucketNameTaken(
                f"bucket {bucket} does not carry this pipeline's ownership tags any more and is not deleted: delete it "
                "yourself, or set spec.deletion.policy to RetainData"
            )
        return True

    def _versions(self, bucket: str, region: str) -> Iterator[list[ObjectIdentifierTypeDef]]:
        """Every version and delete marker, in batches that one call can delete."""
        pages = (
            self._s3(region)
            .get_paginator("list_object_versions")
            .paginate(Bucket=bucket, PaginationConfig={"PageSize": PURGE_BATCH})
        )
        try:
            for page in pages:
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if found:
                    yield [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        except ClientError as error:
            if _code(error) not in ABSENT:
                raise

    def _client(self, service: str, region: str) -> Any:
        with self._guard:  # making a client is not thread-safe, using one is
            if (service, region) not in self._clients:
                make = cast(Any, partial(self._session.client, region_name=region, config=self._config))
                self._clients[service, region] = make(service)
            return self._clients[service, region]

    def _sts(self, region: str) -> STSClient:
        return cast("STSClient", self._client("sts", region))

    def _s3(self, region: str) -> S3Client:
        return cast("S3Client", self._client("s3", region))

    def _events(self, region: str) -> EventBridgeClient:
        return cast("EventBridgeClient", self._client("events", region))

    def _lambda(self, region: str) -> LambdaClient:
        return cast("LambdaClient", self._client("lambda", region))


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except NoCredentialsError as error:
        raise CredentialsMissing(
            f"{doing}: the operator has no AWS credentials; give its ServiceAccount a role"
        ) from error
    except ClientError as error:
        raise _translation(error, doing) from error
    except BotoCoreError as error:
        raise UpdateFailed(f"{doing}: {error}") from error


def _translation(error: ClientError, doing: str) -> Exception:
    code = _code(error)
    message = f"{doing}: {code}: {error.response['Error'].get('Message', '')}"
    if code in BAD_CREDENTIALS:
        return CredentialsMissing(f"{message}: the operator's AWS credentials are not valid")
    if code in DENIED:
        return AccessDenied(f"{message}: give the operator's identity this permission")
    return UpdateFailed(message)


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))
