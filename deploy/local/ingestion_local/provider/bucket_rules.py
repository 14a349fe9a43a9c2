"""S3: the settings of a bucket that are lists of rules, encryption and life cycle."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from ingestion_local.provider.buckets import Setting
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import Block, block


def _rules(rule: Block) -> Block:
    return Block({"bucket": None, "rules": rule}, frozenset({"bucket", "rules"}))


class Encryption(Setting):
    """`aws.s3.BucketServerSideEncryptionConfiguration`.

    A bucket always has one. When it is deleted, AWS's default comes back.
    """

    type = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    inputs = _rules(
        Block(
            {
                "applyServerSideEncryptionByDefault": block("sseAlgorithm", kmsMasterKeyId=None),
                "bucketKeyEnabled": None,
            },
            frozenset({"applyServerSideEncryptionByDefault"}),
        )
    )
    absent = ("ServerSideEncryptionConfigurationNotFoundError",)
    word = "Bucket Server-side Encryption Configuration"

    @override
    def put(self, bucket: str, inputs: Document) -> None:
        self.client.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": [_encryption_to_aws(r) for r in inputs["rules"]]},
        )

    @override
    def get(self, bucket: str) -> Document | None:
        answer = self.client.get_bucket_encryption(Bucket=bucket)
        rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
        return {"rules": [_encryption_from_aws(rule) for rule in rules]}

    @override
    def remove(self, bucket: str) -> None:
        self.client.delete_bucket_encryption(Bucket=bucket)


def _encryption_to_aws(rule: Document) -> Document:
    default = rule["applyServerSideEncryptionByDefault"]
    method = {"SSEAlgorithm": default["sseAlgorithm"], "KMSMasterKeyID": default.get("kmsMasterKeyId")}
    aws_rule: Document = {"ApplyServerSideEncryptionByDefault": present(method)}
    if "bucketKeyEnabled" in rule:
        aws_rule["BucketKeyEnabled"] = rule["bucketKeyEnabled"]
    return aws_rule


def _encryption_from_aws(rule: Document) -> Document:
    default = rule["ApplyServerSideEncryptionByDefault"]
    method = {"sseAlgorithm": default["SSEAlgorithm"], "kmsMasterKeyId": default.get("KMSMasterKeyID")}
    our_rule: Document = {"applyServerSideEncryptionByDefault": present(method)}
    if rule.get("BucketKeyEnabled"):
        our_rule["bucketKeyEnabled"] = True
    return our_rule


# By Pulumi's name of a part of a rule: AWS's name of the part, and the names of its fields.
PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "filter": ("Filter", {"prefix": "Prefix"}),
    "noncurrentVersionExpiration": ("NoncurrentVersionExpiration", {"noncurrentDays": "NoncurrentDays"}),
    "abortIncompleteMultipartUpload": (
        "AbortIncompleteMultipartUpload",
        {"daysAfterInitiation": "DaysAfterInitiation"},
    ),
    "expiration": ("Expiration", {"days": "Days", "expiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}),
}


class Lifecycle(Setting):
    """`aws.s3.BucketLifecycleConfiguration`."""

    type = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    inputs = _rules(block("id", "status", **{ours: block(**dict.fromkeys(n)) for ours, (_, n) in PARTS.items()}))
    absent = ("NoSuchLifecycleConfiguration",)
    word = "Bucket Lifecycle Configuration"

    @override
    @classmethod
    def same(cls, name: str, before: Any, after: Any) -> bool:
        return super().same(name, _filtered(before), _filtered(after))

    @override
    def put(self, bucket: str, inputs: Document) -> None:
        wanted = {"Rules": [_lifecycle_to_aws(rule) for rule in inputs["rules"]]}
        self.client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=wanted)

    @override
    def get(self, bucket: str) -> Document | None:
        rules = self.client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        return {"rules": [_lifecycle_from_aws(rule) for rule in rules]}

    @override
    def remove(self, bucket: str) -> None:
        self.client.delete_bucket_lifecycle(Bucket=bucket)


def _lifecycle_to_aws(rule: Document) -> Document:
    # AWS needs a filter. An empty filter means every object.
    aws_rule: Document = {"ID": rule["id"], "Status": rule["status"], "Filter": {"Prefix": ""}}
    for ours, (theirs, names) in PARTS.items():
        if part := rule.get(ours):
            aws_rule[theirs] = {names[name]: value for name, value in part.items()}
    return aws_rule


def _lifecycle_from_aws(rule: Document) -> Document:
    our_rule: Document = {"id": rule["ID"], "status": rule["Status"]}
    parts = {theirs: (ours, names) for ours, (theirs, names) in PARTS.items()}
    for theirs, value in rule.items():
        if theirs in parts:
            ours, names = parts[theirs]
            our_rule[ours] = {_ours(name, names): inner for name, inner in value.items()}
        elif theirs not in ("ID", "Status"):
            # A setting that a program cannot express is drift too.
            our_rule[_ours(theirs, {})] = value
    return our_rule


def _ours(theirs: str, names: dict[str, str]) -> str:
    known = {field: name for name, field in names.items()}
    return known.get(theirs, theirs[0].lower() + theirs[1:])


def _filtered(rules: Any) -> Any:
    """Rules that all have a filter. A rule without a filter is for every object."""
    return [{"filter": {"prefix": ""}, **rule} for rule in rules] if isinstance(rules, list) else rules


KINDS: tuple[type[ResourceKind], ...] = (Encryption, Lifecycle)
