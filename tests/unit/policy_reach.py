"""Reaches that the tests of the operator's own policy share, and how to ask such a policy what it allows."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingestion_operator.offline.operator_policy import (
    Reach,
    operator_policy,
)
from ingestion_operator.offline.operator_rights import ALL, Feature

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/ingestion-boundary"
ACCOUNT_ROLE = "arn:aws:iam::210987654321:role/ingestion"
REACH = Reach(ACCOUNT, ("eu-west-1",), code_buckets=("team-code",), boundary=BOUNDARY)
WITH_ACCOUNTS = replace(REACH, account_roles=(ACCOUNT_ROLE,))
WIDE = Reach(
    ACCOUNT,
    ("us-gov-west-1", "us-gov-east-1"),
    "aws-us-gov",
    ("team-*",),
    ("team-code", "other-code"),
    "team-pulumi",
    BOUNDARY.replace("aws", "aws-us-gov", 1),
)
# The Service Authorization Reference lists no resource for these actions, so they need "*".
KNOW_NO_RESOURCE = {
    "cloudtrail:DescribeTrails": "lists the trails of a region",
    "ec2:DescribeSecurityGroups": "Describe actions of EC2 take no resource",
    "ec2:DescribeSubnets": "Describe actions of EC2 take no resource",
    "ec2:DescribeVpcs": "Describe actions of EC2 take no resource",
    "events:ListRules": "lists the rules of a bus",
    "logs:DescribeLogGroups": "lists the groups of a region",
}


def statements(reach: Reach = REACH, features: frozenset[Feature] = ALL) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = operator_policy(reach, features)["Statement"]
    return found


def allows(action: str, resource: str, *features: Feature, reach: Reach = REACH) -> bool:
    """Whether a statement names the action and the resource. Conditions are not looked at."""
    return any(
        action in statement["Action"] and any(fnmatch.fnmatchcase(resource, r) for r in statement["Resource"])
        for statement in statements(reach, frozenset(features))
    )


def statement_of(action: str, reach: Reach = REACH) -> dict[str, Any]:
    (found,) = [s for s in statements(reach) if action in s["Action"]]
    return found
