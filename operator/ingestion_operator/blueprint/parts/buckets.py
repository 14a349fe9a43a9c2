"""Buckets that the pipeline makes: they are encrypted and private, require TLS, and expire old versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingestion_operator.blueprint import iam
from ingestion_operator.blueprint.parts.draft import Draft
from ingestion_operator.blueprint.resources import Ref, Resource, as_json
from ingestion_operator.model.fields import Encryption, EncryptionType
from ingestion_operator.model.source import Naming, Trigger, Versioning

NONCURRENT_VERSION_DAYS = 90
ABORT_MULTIPART_DAYS = 7
TRAIL_LOG_DAYS = 30


@dataclass(frozen=True)
class BucketPlan:
    """The settings of one bucket."""

    role: str
    name: str
    encryption: Encryption = Encryption()
    versioning: Versioning = Versioning.ENABLED
    noncurrent_version_days: int = NONCURRENT_VERSION_DAYS
    expiration_days: int | None = None
    account_regional: bool = False
    may: tuple[iam.Statement, ...] = ()
    """Statements of the bucket's policy besides the one that denies plain HTTP."""


def source_bucket(draft: Draft) -> Iterator[Resource]:
    """The source bucket, if the pipeline makes it, and the setting that sends its events to EventBridge."""
    if not draft.names.source.made:
        return
    wanted = draft.spec.source.bucket
    yield from bucket(
        draft,
        BucketPlan(
            "source",
            draft.names.source.name,
            wanted.encryption,
            wanted.versioning,
            wanted.noncurrent_version_days,
            account_regional=wanted.naming is Naming.ACCOUNT_REGIONAL,
        ),
    )
    if draft.spec.source.trigger is Trigger.EVENT_BRIDGE:
        yield Resource(
            "source-notification",
            "aws:s3/bucketNotification:BucketNotification",
            {"bucket": Ref("source-bucket", "bucket"), "eventbridge": True},
            # The setting stays with the bucket, because another pipeline may use the bucket as its own source.
            holds_data=True,
        )


def results_bucket(draft: Draft) -> Iterator[Resource]:
    """The bucket for results, if the pipeline makes it."""
    wanted = draft.spec.results.bucket if draft.spec.results else None
    if wanted is not None and draft.names.results.made:
        yield from bucket(draft, BucketPlan("results", draft.names.results.name, wanted.encryption))


def bucket(draft: Draft, plan: BucketPlan) -> Iterator[Resource]:
    """One bucket, and the resources with its settings."""
    main = f"{plan.role}-bucket"
    namespace = {"bucket_namespace": "account-regional"} if plan.account_regional else {}
    yield Resource(
        main, "aws:s3/bucket:Bucket", {"bucket": plan.name, "tags": draft.tags, **namespace}, holds_data=True
    )
    for part, (kind, inputs) in _settings(plan, draft.place.bucket_arn(plan.name)).items():
        type_ = f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}"
        yield Resource(f"{plan.role}-{part}", type_, {"bucket": Ref(main, "bucket"), **inputs}, holds_data=True)


def _settings(plan: BucketPlan, arn: str) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        "encryption": ("BucketServerSideEncryptionConfiguration", {"rules": [_encryption(plan.encryption)]}),
        "public-access-block": (
            "BucketPublicAccessBlock",
            {
                "block_public_acls": True,
                "block_public_policy": True,
                "ignore_public_acls": True,
                "restrict_public_buckets": True,
            },
        ),
        "versioning": ("BucketVersioning", {"versioning_configuration": {"status": plan.versioning.value}}),
        "lifecycle": ("BucketLifecycleConfiguration", {"rules": [_lifecycle(plan)]}),
        "bucket-policy": ("BucketPolicy", {"policy": as_json(iam.document(iam.tls_only(arn), *plan.may))}),
    }


def _encryption(wanted: Encryption) -> dict[str, Any]:
    if wanted.type is EncryptionType.SSE_S3:
        return {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
    # With a bucket key, S3 calls KMS only now and then instead of for each object.
    return {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": wanted.key_arn},
        "bucket_key_enabled": True,
    }


def _lifecycle(plan: BucketPlan) -> dict[str, Any]:
    expiration = {"expiration": {"days": plan.expiration_days}} if plan.expiration_days else {}
    return {
        "id": "clean-up",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrent_version_expiration": {"noncurrent_days": plan.noncurrent_version_days},
        "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_MULTIPART_DAYS},
        **expiration,
    }
