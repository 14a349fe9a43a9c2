"""The operator's own policy: nothing wider than it must be, and small enough for IAM.

To renew the golden file, run `UPDATE_GOLDEN=1 pytest tests/unit/test_operator_policy.py` and read the difference.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace

import pytest

from ingestion_operator.blueprint.resources import ROLE_PATH
from ingestion_operator.offline.operator_policy import (
    MANAGED_POLICY_LIMIT,
    Reach,
    operator_policies,
    operator_policy,
    size,
)
from ingestion_operator.offline.operator_rights import ALL, Feature
from unit.policy_reach import (
    ACCOUNT,
    ACCOUNT_ROLE,
    BOUNDARY,
    KNOW_NO_RESOURCE,
    REACH,
    ROOT,
    WIDE,
    WITH_ACCOUNTS,
    allows,
    statement_of,
    statements,
)

GOLDEN = ROOT / "tests" / "golden" / "operator-policy.json"


@pytest.mark.parametrize("reach", [REACH, WIDE], ids=["one region", "wide"])
def test_no_action_is_a_wildcard(reach: Reach) -> None:
    for statement in statements(reach):
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action), action


@pytest.mark.parametrize("reach", [REACH, WIDE], ids=["one region", "wide"])
def test_only_actions_that_know_no_resource_are_on_everything(reach: Reach) -> None:
    everything = [s for s in statements(reach) if "*" in s["Resource"]]
    assert {action for s in everything for action in s["Action"]} == set(KNOW_NO_RESOURCE)
    for statement in statements(reach):
        assert statement in everything or all(r.startswith(f"arn:{reach.partition}:") for r in statement["Resource"])


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("lambda:DeleteFunction", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:billing"),
        ("lambda:DeleteFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:a-b-fn-abcdefgh"),
        ("lambda:DeleteFunction", "arn:aws:lambda:eu-west-1:999999999999:function:a-b-fn-abcdefgh"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/me"),
        ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role{ROLE_PATH}a-b-role-abcdefgh"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/a-b-role-abcdefgh"),
        ("iam:DeleteRolePermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role{ROLE_PATH}a-b-role-abcdefgh"),
        ("s3:GetObject", "arn:aws:s3:::a-b-data-abcdefgh/raw/secret"),
        ("s3:PutObject", "arn:aws:s3:::team-code/function.zip"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:a-b-dlq-abcdefgh"),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/customers"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/a-b-table-abcdefgh"),
    ],
    ids=lambda value: value.rpartition(":")[2],
)
def test_what_is_nobodys_business_is_not_allowed_even_with_all_features(action: str, resource: str) -> None:
    assert not allows(action, resource, *ALL)


def test_a_role_is_passed_to_lambda_only_and_only_from_the_path() -> None:
    found = statement_of("iam:PassRole")
    assert found["Action"] == ["iam:PassRole"]
    assert found["Resource"] == [f"arn:aws:iam::{ACCOUNT}:role/ingestion-operator/*"]
    assert found["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def test_with_a_boundary_no_role_is_given_a_right_without_it() -> None:
    found = statement_of("iam:CreateRole")
    assert found["Action"] == ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
    assert found["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}


def test_without_a_boundary_none_can_be_put() -> None:
    found = statement_of("iam:CreateRole", Reach(ACCOUNT))
    assert found["Action"] == ["iam:CreateRole", "iam:PutRolePolicy"]
    assert "Condition" not in found


def test_buckets_are_those_of_the_account() -> None:
    for statement in statements():
        on_buckets = any(r.startswith("arn:aws:s3:::*") for r in statement["Resource"])
        if on_buckets and statement["Sid"] != "NewBuckets":
            assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
    assert statement_of("s3:CreateBucket")["Action"] == ["s3:CreateBucket", "s3:TagResource"]


def test_objects_are_read_only_in_the_buckets_with_code() -> None:
    assert statement_of("s3:GetObject")["Resource"] == ["arn:aws:s3:::team-code/*"]
    assert not allows("s3:GetObject", "arn:aws:s3:::x/y", *ALL, reach=Reach(ACCOUNT))
    assert not allows("s3:GetObject", "arn:aws:s3:::team-code/y", Feature.TABLE)


def test_items_of_a_table_are_counted_but_never_read() -> None:
    found = statement_of("dynamodb:Scan")
    assert found["Action"] == ["dynamodb:Scan"]
    assert found["Condition"] == {"StringEquals": {"dynamodb:Select": "COUNT"}}


def test_several_regions_are_a_condition() -> None:
    for action in ("lambda:CreateFunction", "events:PutRule", "events:ListRules", "dynamodb:CreateTable"):
        equal = statement_of(action, WIDE)["Condition"]["StringEquals"]
        assert equal["aws:RequestedRegion"] == ["us-gov-west-1", "us-gov-east-1"]
    for action in ("iam:CreateRole", "s3:ListBucketVersions"):
        assert "aws:RequestedRegion" not in str(statement_of(action, WIDE).get("Condition"))


@pytest.mark.parametrize(
    ("feature", "action", "resource"),
    [
        (Feature.TABLE, "dynamodb:CreateTable", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/a-b-table-abcdefgh"),
        (Feature.CLOUDTRAIL, "cloudtrail:GetTrail", "arn:aws:cloudtrail:eu-west-1:999999999999:trail/all"),
        (Feature.VPC, "ec2:DescribeSubnets", "*"),
        (Feature.LAYERS, "lambda:GetLayerVersion", "arn:aws:lambda:eu-west-1:999999999999:layer:tools:3"),
        (Feature.S3_CODE, "s3:GetObject", "arn:aws:s3:::team-code/function.zip"),
        (Feature.KMS_CODE, "kms:Decrypt", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/some"),
        (Feature.IMAGE_CODE, "ecr:BatchGetImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team"),
        (Feature.PURGE, "s3:DeleteObjectVersion", "arn:aws:s3:::a/b"),
        (Feature.PURGE, "s3:DeleteBucket", "arn:aws:s3:::a"),
    ],
)
def test_a_feature_brings_its_rights_and_only_it_does(feature: Feature, action: str, resource: str) -> None:
    assert allows(action, resource, feature)
    assert not allows(action, resource, *(ALL - {feature}))


def test_the_roles_of_accounts_are_assumed_and_no_others() -> None:
    for action in ("sts:AssumeRole", "sts:TagSession"):
        assert statement_of(action, WITH_ACCOUNTS)["Resource"] == [ACCOUNT_ROLE]
        assert allows(action, ACCOUNT_ROLE, Feature.ACCOUNTS, reach=WITH_ACCOUNTS)
        assert not allows(action, ACCOUNT_ROLE, *(ALL - {Feature.ACCOUNTS}), reach=WITH_ACCOUNTS)
        assert not allows(action, f"{ACCOUNT_ROLE}-2", *ALL, reach=WITH_ACCOUNTS)
        assert not allows(action, ACCOUNT_ROLE, *ALL)
    several = replace(WIDE, account_roles=(ACCOUNT_ROLE,))
    assert "Condition" not in statement_of("sts:AssumeRole", several), "a role is of no region"


def test_a_table_is_deleted_only_with_both_features() -> None:
    table = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/a-b-table-abcdefgh"
    assert allows("dynamodb:DeleteTable", table, Feature.TABLE, Feature.PURGE)
    assert not allows("dynamodb:DeleteTable", table, Feature.TABLE)
    assert not allows("dynamodb:DeleteTable", table, Feature.PURGE)


def test_all_of_it_fits_into_one_managed_policy() -> None:
    assert size(operator_policy(REACH)) <= MANAGED_POLICY_LIMIT
    assert operator_policies(REACH) == (operator_policy(REACH),)


def test_what_does_not_fit_is_split_without_a_loss() -> None:
    parts = operator_policies(WIDE)
    assert len(parts) == 2
    assert all(size(part) <= MANAGED_POLICY_LIMIT for part in parts)
    assert [s for part in parts for s in part["Statement"]] == statements(WIDE)


def test_the_policy_is_as_its_golden_file_says() -> None:
    found = json.dumps(operator_policy(REACH), indent=2) + "\n"
    if "UPDATE_GOLDEN" in os.environ:
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text()
