"""S3: a bucket and the settings that pulumi-aws makes resources of their own."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ingestion_local.provider.kinds import Kind, Refused, absent_is_fine, doing, error_code, tag_list, tag_map
from ingestion_local.provider.properties import Document

MISSING_BUCKET = ("NoSuchBucket", "404")


class Bucket(Kind):
    """`aws.s3.Bucket`; the bucket and its tags only."""

    type = "aws:s3/bucket:Bucket"
    inputs = frozenset({"bucket", "tags"})
    required = frozenset({"bucket"})
    replaces = frozenset({"bucket"})

    def create(self, inputs: Document) -> str:
        name = str(inputs["bucket"])
        s3 = self.aws("s3")
        with doing(f"creating S3 Bucket ({name})"):
            # us-east-1 answers success for a bucket that is there already and yours; the real provider looks first.
            try:
                s3.head_bucket(Bucket=name)
            except Exception as error:
                if error_code(error) not in ("404", "NoSuchBucket", "403"):
                    raise
            else:
                raise Refused(f"creating S3 Bucket ({name}): BucketAlreadyOwnedByYou: the bucket exists")
            region = self.aws.region
            where = (
                {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            )
            s3.create_bucket(Bucket=name, **where)
        self._tag(name, inputs)
        return name

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        s3 = self.aws("s3")
        try:
            s3.head_bucket(Bucket=identity)
        except Exception as error:
            if error_code(error) in MISSING_BUCKET:
                return None
            raise
        tags: dict[str, str] = {}
        with absent_is_fine("NoSuchTagSet"):
            tags = tag_map(s3.get_bucket_tagging(Bucket=identity)["TagSet"])
        domain = f"{identity}.s3.amazonaws.com"
        computed = {
            "arn": f"arn:aws:s3:::{identity}",
            "bucketDomainName": domain,
            "bucketRegionalDomainName": f"{identity}.s3.{self.aws.region}.amazonaws.com",
            "region": self.aws.region,
            "tagsAll": tags,
        }
        return {"bucket": identity, **({"tags": tags} if tags else {})}, computed

    def update(self, identity: str, before: Document, after: Document) -> None:
        self._tag(identity, after)

    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting S3 Bucket ({identity})"), absent_is_fine(*MISSING_BUCKET):
            self.aws("s3").delete_bucket(Bucket=identity)

    def _tag(self, name: str, inputs: Document) -> None:
        with doing(f"tagging S3 Bucket ({name})"):
            if tags := inputs.get("tags"):
                self.aws("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
            else:
                self.aws("s3").delete_bucket_tagging(Bucket=name)


class _Setting(Kind):
    """One document that belongs to a bucket: put whole, read whole, removed whole."""

    replaces = frozenset({"bucket"})
    required = frozenset({"bucket"})
    absent: ClassVar[tuple[str, ...]] = ()
    word: ClassVar[str]

    def create(self, inputs: Document) -> str:
        with doing(f"creating S3 {self.word} ({inputs['bucket']})"):
            self.put(str(inputs["bucket"]), inputs)
        return str(inputs["bucket"])

    def update(self, identity: str, before: Document, after: Document) -> None:
        with doing(f"updating S3 {self.word} ({identity})"):
            self.put(identity, after)

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        found: Document | None = None
        with absent_is_fine(*self.absent, *MISSING_BUCKET):
            found = self.get(identity)
        return None if found is None else ({"bucket": identity, **found}, {})

    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting S3 {self.word} ({identity})"), absent_is_fine(*self.absent, *MISSING_BUCKET):
            self.remove(identity)

    def put(self, bucket: str, inputs: Document) -> None:
        raise NotImplementedError

    def get(self, bucket: str) -> Document | None:
        raise NotImplementedError

    def remove(self, bucket: str) -> None:
        raise NotImplementedError


class Encryption(_Setting):
    """`aws.s3.BucketServerSideEncryptionConfiguration`."""

    type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    inputs = frozenset({"bucket", "rules"})
    required = inputs
    absent = ("ServerSideEncryptionConfigurationNotFoundError",)
    word = "Bucket Server-side Encryption Configuration"

    def put(self, bucket: str, inputs: Document) -> None:
        self.aws("s3").put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": [_encryption_to_aws(r) for r in inputs["rules"]]},
        )

    def get(self, bucket: str) -> Document | None:
        found = self.aws("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
            "Rules"
        ]
        return {"rules": [_encryption_from_aws(rule) for rule in found]}

    def remove(self, bucket: str) -> None:
        self.aws("s3").delete_bucket_encryption(Bucket=bucket)


def _encryption_to_aws(rule: Document) -> Document:
    known(rule, {"applyServerSideEncryptionByDefault", "bucketKeyEnabled"}, "rules")
    default = rule["applyServerSideEncryptionByDefault"]
    known(default, {"sseAlgorithm", "kmsMasterKeyId"}, "rules.applyServerSideEncryptionByDefault")
    found: Document = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": default["sseAlgorithm"]}}
    if key := default.get("kmsMasterKeyId"):
        found["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = key
    if "bucketKeyEnabled" in rule:
        found["BucketKeyEnabled"] = rule["bucketKeyEnabled"]
    return found


def _encryption_from_aws(rule: Document) -> Document:
    default = rule["ApplyServerSideEncryptionByDefault"]
    found: Document = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": default["SSEAlgorithm"]}}
    if key := default.get("KMSMasterKeyID"):
        found["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] = key
    if rule.get("BucketKeyEnabled"):
        found["bucketKeyEnabled"] = True
    return found


class PublicAccessBlock(_Setting):
    """`aws.s3.BucketPublicAccessBlock`."""

    type = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    inputs = frozenset({"bucket", *switches})
    absent = ("NoSuchPublicAccessBlockConfiguration",)
    word = "Bucket Public Access Block"

    def put(self, bucket: str, inputs: Document) -> None:
        wanted = {_capital(name): bool(inputs.get(name, False)) for name in self.switches}
        self.aws("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=wanted)

    def get(self, bucket: str) -> Document | None:
        found = self.aws("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        return {name: bool(found.get(_capital(name))) for name in self.switches}

    def remove(self, bucket: str) -> None:
        self.aws("s3").delete_public_access_block(Bucket=bucket)


class Versioning(_Setting):
    """`aws.s3.BucketVersioning`. It cannot be taken away, only suspended."""

    type = "aws:s3/bucketVersioning:BucketVersioning"
    inputs = frozenset({"bucket", "versioningConfiguration"})
    required = inputs
    word = "Bucket Versioning"

    def put(self, bucket: str, inputs: Document) -> None:
        wanted = inputs["versioningConfiguration"]
        known(wanted, {"status"}, "versioningConfiguration")
        self.aws("s3").put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": wanted["status"]}
        )

    def get(self, bucket: str) -> Document | None:
        status = self.aws("s3").get_bucket_versioning(Bucket=bucket).get("Status")
        return {"versioningConfiguration": {"status": status}} if status else None

    def remove(self, bucket: str) -> None:
        self.aws("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


class Lifecycle(_Setting):
    """`aws.s3.BucketLifecycleConfiguration`."""

    type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    inputs = frozenset({"bucket", "rules"})
    required = inputs
    absent = ("NoSuchLifecycleConfiguration",)
    word = "Bucket Lifecycle Configuration"

    def put(self, bucket: str, inputs: Document) -> None:
        wanted = {"Rules": [_lifecycle_to_aws(rule) for rule in inputs["rules"]]}
        self.aws("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=wanted)

    def get(self, bucket: str) -> Document | None:
        found = self.aws("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        return {"rules": [_lifecycle_from_aws(rule) for rule in found]}

    def remove(self, bucket: str) -> None:
        self.aws("s3").delete_bucket_lifecycle(Bucket=bucket)


def _lifecycle_to_aws(rule: Document) -> Document:
    known(
        rule,
        {"id", "status", "filter", "noncurrentVersionExpiration", "abortIncompleteMultipartUpload"},
        "rules",
    )
    known(rule.get("filter", {}), {"prefix"}, "rules.filter")
    found: Document = {
        "ID": rule["id"],
        "Status": rule["status"],
        "Filter": {"Prefix": rule.get("filter", {}).get("prefix", "")},
    }
    if old := rule.get("noncurrentVersionExpiration"):
        known(old, {"noncurrentDays"}, "rules.noncurrentVersionExpiration")
        found["NoncurrentVersionExpiration"] = {"NoncurrentDays": old["noncurrentDays"]}
    if parts := rule.get("abortIncompleteMultipartUpload"):
        known(parts, {"daysAfterInitiation"}, "rules.abortIncompleteMultipartUpload")
        found["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": parts["daysAfterInitiation"]}
    return found


def _lifecycle_from_aws(rule: Document) -> Document:
    prefix = (rule.get("Filter") or {}).get("Prefix", rule.get("Prefix", ""))
    found: Document = {"id": rule["ID"], "status": rule["Status"], "filter": {"prefix": prefix}}
    if old := rule.get("NoncurrentVersionExpiration"):
        found["noncurrentVersionExpiration"] = {"noncurrentDays": old["NoncurrentDays"]}
    if parts := rule.get("AbortIncompleteMultipartUpload"):
        found["abortIncompleteMultipartUpload"] = {"daysAfterInitiation": parts["DaysAfterInitiation"]}
    if expiration := rule.get("Expiration"):
        found["expiration"] = {"days": expiration.get("Days")}
    return found


class Policy(_Setting):
    """`aws.s3.BucketPolicy`."""

    type = "aws:s3/bucketPolicy:BucketPolicy"
    inputs = frozenset({"bucket", "policy"})
    required = inputs
    absent = ("NoSuchBucketPolicy",)
    word = "Bucket Policy"

    def put(self, bucket: str, inputs: Document) -> None:
        json.loads(inputs["policy"])
        self.aws("s3").put_bucket_policy(Bucket=bucket, Policy=inputs["policy"])

    def get(self, bucket: str) -> Document | None:
        return {"policy": self.aws("s3").get_bucket_policy(Bucket=bucket)["Policy"]}

    def remove(self, bucket: str) -> None:
        self.aws("s3").delete_bucket_policy(Bucket=bucket)


class Notification(_Setting):
    """`aws.s3.BucketNotification`, the switch for EventBridge only. Replaces the whole document, as AWS does."""

    type = "aws:s3/bucketNotification:BucketNotification"
    inputs = frozenset({"bucket", "eventbridge"})
    word = "Bucket Notification"

    def put(self, bucket: str, inputs: Document) -> None:
        wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if inputs.get("eventbridge") else {}
        self.aws("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)

    def get(self, bucket: str) -> Document | None:
        found = self.aws("s3").get_bucket_notification_configuration(Bucket=bucket)
        return {"eventbridge": "EventBridgeConfiguration" in found}

    def remove(self, bucket: str) -> None:
        self.aws("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})


def known(document: Document, names: set[str], where: str) -> None:
    """Raises Refused for a nested input that would not be applied."""
    if unknown := sorted(set(document) - names):
        raise Refused(f"input {where}.{unknown[0]}: the stand-in does not apply it")


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


KINDS: tuple[type[Kind], ...] = (
    Bucket,
    Encryption,
    PublicAccessBlock,
    Versioning,
    Lifecycle,
    Policy,
    Notification,
)
