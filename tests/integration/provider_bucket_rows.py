"""Buckets and the settings that belong to one; see `provider_world.Row`."""

from __future__ import annotations

from ingestion_local.provider.properties import Document
from integration.provider_types import (
    BUCKET,
    BUCKET_POLICY,
    ENCRYPTION,
    LIFECYCLE,
    NOTIFICATION,
    PRIVATE,
    VERSIONING,
)
from integration.provider_world import (
    ACCOUNT,
    Pair,
    ProviderWorld,
    Row,
    as_map,
    grant,
    present,
)


def bucket_inputs(world: ProviderWorld) -> Pair:
    first = {
        "bucket": world.name,
        "bucketNamespace": "global",
        "forceDestroy": False,
        "tags": {"team": "a", "stage": "dev"},
    }
    return first, first | {"tags": {"team": "b", "more": "x"}}


def own_bucket_inputs(world: ProviderWorld) -> Pair:
    own = {"bucket": f"{world.name}-{ACCOUNT}-us-east-1-an", "bucketNamespace": "account-regional"}
    first, changed = bucket_inputs(world)
    return {**first, **own}, {**changed, **own}


def bucket_seen(world: ProviderWorld, inputs: Document) -> Document:
    s3 = world.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    try:
        tags = as_map(s3.get_bucket_tagging(Bucket=inputs["bucket"])["TagSet"])
    except s3.exceptions.ClientError:
        tags = {}
    return {
        "bucket": inputs["bucket"] if inputs["bucket"] in names else None,
        # No call returns it. The ending of the name shows it.
        "bucketNamespace": "account-regional" if inputs["bucket"].endswith("-an") else "global",
        "tags": tags,
        "forceDestroy": False,
    }


def encryption_inputs(world: ProviderWorld) -> Pair:
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    managed = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    bucket = world.bucket()
    return (
        {"bucket": bucket, "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        {
            "bucket": bucket,
            "rules": [{"applyServerSideEncryptionByDefault": managed, "bucketKeyEnabled": True}],
        },
    )


def encryption_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_encryption(Bucket=inputs["bucket"])
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    found = {"sseAlgorithm": default["SSEAlgorithm"], "kmsMasterKeyId": default.get("KMSMasterKeyID")}
    whole: Document = {"applyServerSideEncryptionByDefault": present(found)}
    if rule.get("BucketKeyEnabled"):
        whole["bucketKeyEnabled"] = True
    return {"bucket": inputs["bucket"], "rules": [whole]}


SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def private_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    return (
        {"bucket": bucket, **dict(zip(SWITCHES, (True, False, True, False), strict=True))},
        {"bucket": bucket, **dict(zip(SWITCHES, (False, True, False, True), strict=True))},
    )


def private_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_public_access_block(Bucket=inputs["bucket"])
    found = answer["PublicAccessBlockConfiguration"]
    return {"bucket": inputs["bucket"]} | {name: found[name[0].upper() + name[1:]] for name in SWITCHES}


def versioning_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    return (
        {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}},
        {"bucket": bucket, "versioningConfiguration": {"status": "Suspended"}},
    )


def versioning_seen(world: ProviderWorld, inputs: Document) -> Document:
    status = world.client("s3").get_bucket_versioning(Bucket=inputs["bucket"])["Status"]
    return {"bucket": inputs["bucket"], "versioningConfiguration": {"status": status}}


def lifecycle_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    one = {
        "id": "one",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrentVersionExpiration": {"noncurrentDays": 90},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    }
    two = {
        "id": "two",
        "status": "Disabled",
        "filter": {"prefix": "raw/"},
        "noncurrentVersionExpiration": {"noncurrentDays": 3},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
        "expiration": {"days": 5},
    }
    three = {
        "id": "three",
        "status": "Enabled",
        "filter": {"prefix": "tmp/"},
        "expiration": {"expiredObjectDeleteMarker": True},
    }
    return {"bucket": bucket, "rules": [one, three]}, {"bucket": bucket, "rules": [two]}


LIFECYCLE_NAMES = {
    "Filter": {"Prefix": "prefix"},
    "NoncurrentVersionExpiration": {"NoncurrentDays": "noncurrentDays"},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "daysAfterInitiation"},
    "Expiration": {"Days": "days", "ExpiredObjectDeleteMarker": "expiredObjectDeleteMarker"},
}


def lifecycle_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_lifecycle_configuration(Bucket=inputs["bucket"])
    rules = []
    for rule in answer["Rules"]:
        parts = {
            part[0].lower() + part[1:]: {names[key]: value for key, value in rule[part].items()}
            for part, names in LIFECYCLE_NAMES.items()
            if part in rule
        }
        rules.append({"id": rule["ID"], "status": rule["Status"], **parts})
    return {"bucket": inputs["bucket"], "rules": rules}


def bucket_policy_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    first = grant("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal=principal)
    second = grant("s3:PutObject", f"arn:aws:s3:::{bucket}/*", Principal=principal)
    return {"bucket": bucket, "policy": first}, {"bucket": bucket, "policy": second}


def bucket_policy_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_policy(Bucket=inputs["bucket"])
    return {"bucket": inputs["bucket"], "policy": answer["Policy"]}


def notification_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    return {"bucket": bucket, "eventbridge": True}, {"bucket": bucket, "eventbridge": False}


def notification_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_notification_configuration(Bucket=inputs["bucket"])
    return {"bucket": inputs["bucket"], "eventbridge": "EventBridgeConfiguration" in answer}


VARIANTS: dict[str, tuple[str, Row]] = {
    "Bucket of the account's own": (
        BUCKET,
        Row(
            own_bucket_inputs,
            bucket_seen,
            fixed=frozenset({"forceDestroy"}),
            chosen=frozenset({"bucketNamespace"}),
        ),
    ),
}


ROWS: dict[str, Row] = {
    BUCKET: Row(bucket_inputs, bucket_seen, fixed=frozenset({"forceDestroy"})),
    ENCRYPTION: Row(encryption_inputs, encryption_seen, takes_over=True),
    PRIVATE: Row(private_inputs, private_seen, takes_over=True),
    VERSIONING: Row(versioning_inputs, versioning_seen, takes_over=True),
    LIFECYCLE: Row(lifecycle_inputs, lifecycle_seen, takes_over=True),
    BUCKET_POLICY: Row(bucket_policy_inputs, bucket_policy_seen, takes_over=True),
    NOTIFICATION: Row(notification_inputs, notification_seen, takes_over=True),
}
