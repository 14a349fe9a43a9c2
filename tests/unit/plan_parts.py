"""Two plans, a plain one and one with everything, and how to read a part of a plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from builders import CODE, EVERYTHING, SECRETS, make_blueprint
from ingestion_operator.blueprint.resources import Blueprint, Resource

KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
KMS = {"encryption": {"type": "KMS", "keyArn": KEY_ARN}}
EXISTING = {"name": "docs", "management": "Existing"}
NAMED_TRAIL = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
VPC = {"subnetIds": ["subnet-0123abcd"], "securityGroupIds": ["sg-0123abcd"]}


def inline(**options: Any) -> dict[str, Any]:
    return {"code": {"inline": CODE}, **options}


def resource(found: Blueprint, name: str) -> Resource:
    return next(r for r in found.resources if r.name == name)


def inputs(found: Blueprint, name: str) -> Mapping[str, Any]:
    return resource(found, name).inputs


def statements(found: Blueprint, name: str, field: str = "policy") -> list[dict[str, Any]]:
    document = json.loads(inputs(found, name)[field])
    assert document["Version"] == "2012-10-17"
    listed: list[dict[str, Any]] = document["Statement"]
    return listed


def by_sid(found: Blueprint, name: str = "role-policy") -> dict[str, dict[str, Any]]:
    listed = statements(found, name)
    assert len({s["Sid"] for s in listed}) == len(listed)
    return {s.pop("Sid"): s for s in listed}


PLAIN = make_blueprint()
FULL = make_blueprint(secrets=SECRETS, **EVERYTHING)
QUEUE, RULE, FUNCTION = PLAIN.queue_arn, PLAIN.rule_arn, PLAIN.function_arn
SOURCE = f"arn:aws:s3:::{PLAIN.names.source.name}"
LOGS = f"arn:aws:logs:eu-west-1:123456789012:log-group:{PLAIN.names.log_group}:*"
VIA_S3 = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}


RESULTS = f"arn:aws:s3:::{make_blueprint(results={'bucket': {}}).names.results.name}"
TABLE = make_blueprint(results={"table": {}}).names.table.name
BUCKET_PARTS = {"bucket", "encryption", "public-access-block", "versioning", "lifecycle", "bucket-policy"}
