"""The parts of each bucket, and of the trail that watches one."""

from __future__ import annotations

from typing import Any

import pytest

from builders import make_blueprint
from ingestion_operator.blueprint.resources import Ref
from ingestion_operator.blueprint.trail_selectors import data_event_selector
from unit.plan_parts import BUCKET_PARTS, FULL, KEY_ARN, KMS, NAMED_TRAIL, PLAIN, by_sid, inputs, resource

TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("source", FULL.names.source.name),
        ("results", FULL.names.results.name),
        ("trail", FULL.names.trail_log.name),
    ],
)
def test_each_bucket_is_private_tls_only_cleans_up_and_is_never_deleted_by_the_engine(role: str, name: str) -> None:
    parts = {p: resource(FULL, f"{role}-{p}") for p in BUCKET_PARTS}
    assert all(part.holds_data for part in parts.values())
    blocked = {k: v for k, v in parts["public-access-block"].inputs.items() if k != "bucket"}
    assert len(blocked) == 4
    assert all(blocked.values())
    arn = f"arn:aws:s3:::{name}"
    assert by_sid(FULL, f"{role}-bucket-policy")["TlsOnly"] == {**TLS_ONLY, "Resource": [arn, f"{arn}/*"]}
    (rule,) = parts["lifecycle"].inputs["rules"]
    assert rule["abort_incomplete_multipart_upload"] == {"days_after_initiation": 7}
    assert ("expiration" in rule) is (role == "trail"), "only the log of a trail may be thrown away by age"


@pytest.mark.parametrize(
    ("bucket", "part", "field", "expected"),
    [
        ({}, "encryption", "rules", [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]),
        (
            KMS,
            "encryption",
            "rules",
            [
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": KEY_ARN,
                    },
                    "bucket_key_enabled": True,
                }
            ],
        ),
        ({}, "versioning", "versioning_configuration", {"status": "Enabled"}),
        ({"versioning": "Suspended"}, "versioning", "versioning_configuration", {"status": "Suspended"}),
    ],
    ids=["SSE-S3", "KMS with a bucket key", "versioned", "not versioned"],
)
def test_the_source_bucket_is_as_it_is_asked_for(bucket: dict[str, Any], part: str, field: str, expected: Any) -> None:
    assert inputs(make_blueprint(source={"bucket": bucket}), f"source-{part}")[field] == expected


def test_earlier_versions_are_kept_as_long_as_is_asked() -> None:
    found = inputs(make_blueprint(source={"bucket": {"noncurrentVersionDays": 5}}), "source-lifecycle")
    assert found["rules"][0]["noncurrent_version_expiration"] == {"noncurrent_days": 5}


def test_a_name_of_the_account_and_region_is_asked_for_as_such() -> None:
    regional = make_blueprint(source={"bucket": {"naming": "AccountRegional"}})
    assert inputs(regional, "source-bucket")["bucket_namespace"] == "account-regional"
    assert "bucket_namespace" not in inputs(PLAIN, "source-bucket")


# The trail.


def test_only_this_trail_writes_into_its_log_bucket() -> None:
    log = f"arn:aws:s3:::{FULL.names.trail_log.name}"
    policy = by_sid(FULL, "trail-bucket-policy")
    allowed = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    assert policy == {
        "TlsOnly": {**TLS_ONLY, "Resource": [log, f"{log}/*"]},
        "TrailMayLook": {
            **allowed,
            "Action": "s3:GetBucketAcl",
            "Resource": [log],
            "Condition": {"StringEquals": {"aws:SourceArn": FULL.trail_arn}},
        },
        "TrailMayWrite": {
            **allowed,
            "Action": "s3:PutObject",
            "Resource": [f"{log}/AWSLogs/123456789012/*"],
            "Condition": {
                "StringEquals": {"aws:SourceArn": FULL.trail_arn, "s3:x-amz-acl": "bucket-owner-full-control"}
            },
        },
    }
    assert set(by_sid(FULL, "source-bucket-policy")) == {"TlsOnly"}


def test_the_trail_logs_the_writes_of_the_source_bucket_into_another() -> None:
    found = resource(FULL, "trail")
    assert found.inputs["advanced_event_selectors"] == [data_event_selector(f"arn:aws:s3:::{FULL.names.source.name}")]
    assert found.inputs["s3_bucket_name"] == Ref("trail-bucket", "bucket")
    assert found.inputs["enable_logging"] is True
    assert "trail-bucket-policy" in found.depends_on
    assert FULL.names.trail_log.name != FULL.names.source.name
    assert FULL.trail_arn.endswith(f":trail/{FULL.names.trail}")


def test_a_trail_of_others_is_named_and_not_made() -> None:
    found = make_blueprint(source={"trigger": "CloudTrail", "cloudTrail": {"trailArn": NAMED_TRAIL}})
    assert (found.trail_arn, found.names.trail, found.listens_to_bucket) == (NAMED_TRAIL, "", False)
    assert found.outputs.trail_arn == NAMED_TRAIL
