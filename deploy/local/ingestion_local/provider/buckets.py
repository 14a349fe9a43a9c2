"""S3: a bucket, and its settings that are resources of their own in pulumi-aws."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, ClassVar

from typing_extensions import override

from ingestion_local.provider.calls import Refused, absent_is_fine, doing, error_code
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import UNKNOWN, Document, present
from ingestion_local.provider.shapes import Block, block
from ingestion_local.provider.tags import tag_list, tag_map

MISSING_BUCKET = ("NoSuchBucket", "404")
# CreateBucket names every region but this one.
DEFAULT_REGION = "us-east-1"


GLOBAL, OWN = "global", "account-regional"
# AWS's rule for names with account and region.
OWN_NAME = re.compile(r".+-[0-9]{12}-[a-z0-9-]+-an")


class Bucket(ResourceKind):
    """`aws.s3.Bucket`: only the bucket, its namespace and its tags.

    The emulator does not know namespaces. The ending of a name, which AWS reserves, says that it belongs to one.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """

    type = "aws:s3/bucket:Bucket"
    service = "s3"
    inputs = block("bucket", bucketNamespace=None, tags=None, forceDestroy=None)
    replaces = frozenset({"bucket", "bucketNamespace"})
    only = MappingProxyType({"forceDestroy": False})
    defaults = MappingProxyType({"bucketNamespace": GLOBAL})
    outputs = frozenset({"arn", "bucketDomainName", "bucketRegionalDomainName", "region", "tagsAll"})
    follows = MappingProxyType({"tagsAll": frozenset({"tags"})})

    @override
    @classmethod
    def wrong(cls, given: Document) -> Iterator[tuple[str, str]]:
        name, namespace = given.get("bucket"), given.get("bucketNamespace", GLOBAL)
        if namespace not in (GLOBAL, OWN, UNKNOWN):
            yield "bucketNamespace", f"is neither {GLOBAL!r} nor {OWN!r}"
        elif name is not None and UNKNOWN not in (name, namespace) and _is_own(str(name)) != (namespace == OWN):
            # The first message is the real provider's, and the other one is AWS's.
            yield "bucket", f"{'is not' if namespace == OWN else 'is'} an account-regional namespace bucket"

    @override
    def create(self, inputs: Document) -> str:
        name = str(inputs["bucket"])
        wanted: Document = {"Bucket": name}
        if self.aws.region != DEFAULT_REGION:
            wanted["CreateBucketConfiguration"] = {"LocationConstraint": self.aws.region}
        if "bucketNamespace" in inputs:
            wanted["BucketNamespace"] = inputs["bucketNamespace"]
        with doing(f"creating S3 Bucket ({name})", self.client):
            self._refuse_own(name)
            self.client.create_bucket(**wanted)
        return name

    def _refuse_own(self, name: str) -> None:
        """Refuse a bucket that exists and is ours. In us-east-1, CreateBucket would succeed again."""
        try:
            self.client.head_bucket(Bucket=name)
        except Exception as error:
            # 403: another account has the bucket, and CreateBucket will say so.
            if error_code(error) not in (*MISSING_BUCKET, "403"):
                raise
        else:
            raise Refused(
                f"creating S3 Bucket ({name}): operation error S3: CreateBucket, https response error "
                "StatusCode: 409, BucketAlreadyOwnedByYou: the bucket exists already and is yours"
            )

    @override
    def complete(self, identity: str, inputs: Document) -> None:
        if inputs.get("tags"):
            self._tag(identity, inputs)

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        try:
            self.client.head_bucket(Bucket=identity)
        except Exception as error:
            if error_code(error) in MISSING_BUCKET:
                return None
            raise
        tags: dict[str, str] = {}
        with absent_is_fine("NoSuchTagSet"):
            tags = tag_map(self.client.get_bucket_tagging(Bucket=identity)["TagSet"])
        outputs = {
            "arn": f"arn:aws:s3:::{identity}",
            "bucketDomainName": f"{identity}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{identity}.s3.{self.aws.region}.amazonaws.com",
            "region": self.aws.region,
            "tagsAll": tags,
        }
        namespace = OWN if _is_own(identity) else GLOBAL
        return present({"bucket": identity, "bucketNamespace": namespace, "tags": tags}), outputs

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        self._tag(identity, after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting S3 Bucket ({identity})", self.client), absent_is_fine(*MISSING_BUCKET):
            self.client.delete_bucket(Bucket=identity)

    def _tag(self, name: str, inputs: Document) -> None:
        with doing(f"tagging S3 Bucket ({name})", self.client):
            if tags := inputs.get("tags"):
                self.client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
            else:
                self.client.delete_bucket_tagging(Bucket=name)


def _is_own(name: str) -> bool:
    return OWN_NAME.fullmatch(name) is not None


class Setting(ResourceKind):
    """One document of a bucket. It is put, read and removed as a whole. Its id is the bucket."""

    service = "s3"
    replaces = frozenset({"bucket"})
    outputs = frozenset()
    absent: ClassVar[tuple[str, ...]] = ()
    """AWS's codes for a bucket without this document."""
    word: ClassVar[str]
    """The real provider's name of the document in messages."""

    @override
    def create(self, inputs: Document) -> str:
        bucket = str(inputs["bucket"])
        with doing(f"creating S3 {self.word} ({bucket})", self.client):
            self.put(bucket, inputs)
        return bucket

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        with doing(f"updating S3 {self.word} ({identity})", self.client):
            self.put(identity, after)

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        found: Document | None = None
        with absent_is_fine(*self.absent, *MISSING_BUCKET):
            found = self.get(identity)
        return None if found is None else ({"bucket": identity, **found}, {})

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting S3 {self.word} ({identity})", self.client), absent_is_fine(*self.absent, *MISSING_BUCKET):
            self.remove(identity)

    def put(self, bucket: str, inputs: Document) -> None:
        """Write the document. Raises what botocore raises."""
        raise NotImplementedError

    def get(self, bucket: str) -> Document | None:
        """The inputs as AWS has them, without the bucket. None if there is no document."""
        raise NotImplementedError

    def remove(self, bucket: str) -> None:
        """Remove the document."""
        raise NotImplementedError


SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


class PublicAccessBlock(Setting):
    """`aws.s3.BucketPublicAccessBlock`."""

    type = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    inputs = block("bucket", **dict.fromkeys(SWITCHES))
    absent = ("NoSuchPublicAccessBlockConfiguration",)
    word = "Bucket Public Access Block"

    @override
    def put(self, bucket: str, inputs: Document) -> None:
        wanted = {_capital(name): bool(inputs.get(name, False)) for name in SWITCHES}
        self.client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=wanted)

    @override
    def get(self, bucket: str) -> Document | None:
        found = self.client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        return {name: bool(found.get(_capital(name))) for name in SWITCHES}

    @override
    def remove(self, bucket: str) -> None:
        self.client.delete_public_access_block(Bucket=bucket)


class Versioning(Setting):
    """`aws.s3.BucketVersioning`. It cannot be removed, only suspended."""

    type = "aws:s3/bucketVersioning:BucketVersioning"
    inputs = Block(
        {"bucket": None, "versioningConfiguration": block("status")},
        frozenset({"bucket", "versioningConfiguration"}),
    )
    word = "Bucket Versioning"

    @override
    def put(self, bucket: str, inputs: Document) -> None:
        status = inputs["versioningConfiguration"]["status"]
        self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    @override
    def get(self, bucket: str) -> Document | None:
        status = self.client.get_bucket_versioning(Bucket=bucket).get("Status")
        return {"versioningConfiguration": {"status": status}} if status else None

    @override
    def remove(self, bucket: str) -> None:
        self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


class Policy(Setting):
    """`aws.s3.BucketPolicy`."""

    type = "aws:s3/bucketPolicy:BucketPolicy"
    inputs = block("bucket", "policy")
    json = frozenset({"policy"})
    absent = ("NoSuchBucketPolicy",)
    word = "Bucket Policy"

    @override
    def put(self, bucket: str, inputs: Document) -> None:
        self.client.put_bucket_policy(Bucket=bucket, Policy=inputs["policy"])

    @override
    def get(self, bucket: str) -> Document | None:
        return {"policy": self.client.get_bucket_policy(Bucket=bucket)["Policy"]}

    @override
    def remove(self, bucket: str) -> None:
        self.client.delete_bucket_policy(Bucket=bucket)


# Other receivers of events. The stand-in does not apply them, but they are drift when somebody adds them.
OTHER_RECEIVERS = {
    "LambdaFunctionConfigurations": "lambdaFunctions",
    "QueueConfigurations": "queues",
    "TopicConfigurations": "topics",
}


class Notification(Setting):
    """`aws.s3.BucketNotification`, but only the switch for EventBridge. It replaces the whole document, as on AWS."""

    type = "aws:s3/bucketNotification:BucketNotification"
    inputs = block("bucket", eventbridge=None)
    word = "Bucket Notification"

    @override
    def put(self, bucket: str, inputs: Document) -> None:
        wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if inputs.get("eventbridge") else {}
        self.client.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)

    @override
    def get(self, bucket: str) -> Document | None:
        found = self.client.get_bucket_notification_configuration(Bucket=bucket)
        others = {ours: found.get(theirs) for theirs, ours in OTHER_RECEIVERS.items()}
        return {"eventbridge": "EventBridgeConfiguration" in found, **present(others)}

    @override
    def remove(self, bucket: str) -> None:
        self.client.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


KINDS: tuple[type[ResourceKind], ...] = (Bucket, PublicAccessBlock, Versioning, Policy, Notification)
