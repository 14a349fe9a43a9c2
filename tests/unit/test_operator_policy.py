"""The operator's own policy: complete for the program and the adapter, nothing wider than it must be, small enough for IAM.

To write the golden file anew: `UPDATE_GOLDEN=1 pytest tests/unit/test_operator_policy.py`, and read the difference.
"""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from click.testing import CliRunner, Result

from ingestion_handlers.cli import main
from ingestion_operator.adapters.pulumi.program import CLASSES
from ingestion_operator.blueprint.names import physical_name
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.resources import ROLE_PATH
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.offline.operator_policy import (
    MANAGED_POLICY_LIMIT,
    Reach,
    operator_policies,
    operator_policy,
    size,
)
from ingestion_operator.offline.operator_rights import ALL, CALLS, RIGHTS, Feature

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "operator-policy.json"
PAGE = ROOT / "docs" / "operator-policy.md"
STATE_ADAPTER = ROOT / "operator" / "ingestion_operator" / "adapters" / "aws" / "state_bucket.py"
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
# Actions that know no narrower resource than everything, as their service's page of the reference says.
KNOW_NO_RESOURCE = {
    "cloudtrail:DescribeTrails": "lists the trails of a region",
    "ec2:DescribeSecurityGroups": "Describe actions of EC2 take no resource",
    "ec2:DescribeSubnets": "Describe actions of EC2 take no resource",
    "ec2:DescribeVpcs": "Describe actions of EC2 take no resource",
    "events:ListRules": "lists the rules of a bus",
    "logs:DescribeLogGroups": "lists the groups of a region",
}
SERVICES = ("cloudtrail", "cloudwatch", "dynamodb", "ecr", "events", "iam", "kms", "lambda", "logs", "s3", "sqs", "sts")


def statements(reach: Reach = REACH, features: frozenset[Feature] = ALL) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = operator_policy(reach, features)["Statement"]
    return found


def allows(action: str, resource: str, *features: Feature, reach: Reach = REACH) -> bool:
    """Whether a statement names the action and the resource, whatever its condition."""
    return any(
        action in statement["Action"] and any(fnmatch.fnmatchcase(resource, r) for r in statement["Resource"])
        for statement in statements(reach, frozenset(features))
    )


def statement_of(action: str, reach: Reach = REACH) -> dict[str, Any]:
    (found,) = [s for s in statements(reach) if action in s["Action"]]
    return found


def methods_of_boto3() -> dict[str, set[str]]:
    """The names of boto3's methods, with the operations that are called so."""
    session = botocore.session.get_session()
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), set()).add(operation)
    return found


def called(source: str) -> Iterator[str]:
    """Every method that a module calls, and every name of a paginator or waiter."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr
            if node.func.attr == "get_paginator" and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def test_every_resource_type_of_the_program_has_its_rights() -> None:
    assert set(CLASSES) <= set(RIGHTS), "write what the AWS provider needs for the new type into RIGHTS"


def test_every_call_of_the_aws_adapter_has_its_rights() -> None:
    modules = set(ROOT.glob("operator/ingestion_operator/adapters/aws/*.py")) - {STATE_ADAPTER}
    known = methods_of_boto3()
    calls = {name for module in modules for name in called(module.read_text()) if name in known}
    assert len(calls) > 10
    assert calls <= set(CALLS), "write what the new call needs into CALLS"


def test_the_rights_to_the_state_are_enough_for_what_the_adapter_does_with_it() -> None:
    calls = {"list_objects_v2": "ListBucket", "delete_objects": "DeleteObject"}
    used = set(called(STATE_ADAPTER.read_text())) & methods_of_boto3().keys()
    assert {"get_object", "put_object", "get_bucket_versioning"} < used
    for call in used:
        action = f"s3:{calls.get(call) or ''.join(part.title() for part in call.split('_'))}"
        assert allows(action, "arn:aws-us-gov:s3:::team-pulumi", Feature.S3_STATE, reach=WIDE), action
        assert not allows(action, "arn:aws-us-gov:s3:::other-pulumi", Feature.S3_STATE, reach=WIDE), action


def test_a_key_for_the_state_may_be_used_and_no_other() -> None:
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234"
    reach = replace(REACH, state_key=key)
    for action in ("kms:Encrypt", "kms:Decrypt"):
        assert allows(action, key, Feature.KMS_STATE, reach=reach)
        assert not allows(action, f"{key}5", Feature.KMS_STATE, reach=reach)
        assert not allows(action, key, Feature.S3_STATE, reach=reach)


def test_no_row_is_of_a_call_that_boto3_does_not_have() -> None:
    assert set(CALLS) <= set(methods_of_boto3())


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


def test_every_name_that_a_pipeline_gives_is_within_reach() -> None:
    for key in (PipelineKey("team-a", "words"), PipelineKey("x" * 63, "y" * 80)):
        owner = Owner("some-cluster", key, "uid")
        in_region = f"{{}}:eu-west-1:{ACCOUNT}:{{}}"
        function = physical_name(owner, "fn", 64)
        log_group = in_region.format("logs", f"log-group:/aws/lambda/{function}")
        for action, service, resource in (
            ("lambda:CreateFunction", "lambda", f"function:{function}"),
            ("events:PutRule", "events", f"rule/{physical_name(owner, 'rule', 64)}"),
            ("sqs:CreateQueue", "sqs", physical_name(owner, "dlq", 80)),
            ("dynamodb:CreateTable", "dynamodb", f"table/{physical_name(owner, 'table', 255)}"),
            ("cloudtrail:CreateTrail", "cloudtrail", f"trail/{physical_name(owner, 'trail', 128)}"),
        ):
            assert allows(action, "arn:aws:" + in_region.format(service, resource), *ALL)
        assert allows("logs:TagResource", f"arn:aws:{log_group}")
        assert allows("logs:PutRetentionPolicy", f"arn:aws:{log_group}:*")
        role = f"arn:aws:iam::{ACCOUNT}:role{ROLE_PATH}{physical_name(owner, 'role', 64)}"
        for action in ("iam:CreateRole", "iam:PassRole", "iam:GetRole", "iam:DeleteRole"):
            assert allows(action, role)


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


def test_the_command_prints_the_right_to_the_roles_of_accounts() -> None:
    done = iam_policy("--account", ACCOUNT, "--feature", "accounts", "--account-role", ACCOUNT_ROLE)
    assert json.loads(done.output) == operator_policy(Reach(ACCOUNT, account_roles=(ACCOUNT_ROLE,)), [Feature.ACCOUNTS])


MANIFEST = """\
kind: AWSAccount
metadata: {name: search}
spec:
  roleArn: arn:aws:iam::210987654321:role/ingestion
"""
OPERATOR = f"arn:aws:iam::{ACCOUNT}:role/ingestion-operator"


def trust(manifest: str, tmp_path: Path) -> Result:
    (tmp_path / "account.yaml").write_text(manifest)
    return CliRunner().invoke(main, ["trust-policy", "-f", str(tmp_path / "account.yaml"), "--operator", OPERATOR])


def test_the_trust_policy_is_as_the_account_says(tmp_path: Path) -> None:
    plain = json.loads(trust(MANIFEST, tmp_path).output)["Statement"]
    principal = {"AWS": [OPERATOR]}
    assert plain == [
        {"Sid": "OperatorMayAssume", "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    ]
    said = f"{MANIFEST}  externalId: id-1\n  sessionTags: {{team: search}}\n"
    assume, tag = json.loads(trust(said, tmp_path).output)["Statement"]
    assert assume["Condition"] == {"StringEquals": {"sts:ExternalId": "id-1"}}
    assert (tag["Action"], tag["Principal"]) == ("sts:TagSession", principal)
    assert tag["Condition"] == {"StringEquals": {"aws:RequestTag/team": "search"}}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("kind: IngestionPipeline", "has to have one AWSAccount, and has 0"),
        (f"{MANIFEST}---\n{MANIFEST}", "has to have one AWSAccount, and has 2"),
        (f"{MANIFEST}  external: x", "AWSAccount search: spec.external"),
    ],
)
def test_without_one_account_there_is_no_trust_policy(manifest: str, message: str, tmp_path: Path) -> None:
    done = trust(manifest, tmp_path)
    assert done.exit_code == 1
    assert message in done.output


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


def iam_policy(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["iam-policy", *arguments])


def test_the_command_prints_the_policy() -> None:
    done = iam_policy(
        "--account", ACCOUNT, "--region", "eu-west-1", "--code-bucket", "team-code", "--permissions-boundary", BOUNDARY
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == operator_policy(REACH)


def test_the_command_prints_what_the_features_need() -> None:
    done = iam_policy("--account", ACCOUNT, "--partition", "aws-cn", "--feature", "core", "--bucket", "team-*")
    assert json.loads(done.output) == operator_policy(Reach(ACCOUNT, partition="aws-cn", buckets=("team-*",)), [])


def test_the_command_prints_the_parts_of_what_does_not_fit() -> None:
    wide = ["--account", ACCOUNT, "--region", "a-b-1", "--region", "a-b-2", "--code-bucket", "x", "--state-bucket", "y"]
    done = iam_policy(*wide)
    assert done.exit_code == 2
    assert "print --part 1 to --part 2" in done.output
    printed = [json.loads(iam_policy(*wide, "--part", part).output) for part in ("1", "2")]
    assert tuple(printed) == operator_policies(
        Reach(ACCOUNT, ("a-b-1", "a-b-2"), code_buckets=("x",), state_bucket="y")
    )
    assert "there is no part 3 of 2" in iam_policy(*wide, "--part", "3").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--feature", "s3-code"], "--feature s3-code needs --code-bucket"),
        (["--feature", "kms-code"], "--feature kms-code needs --code-bucket"),
        (["--feature", "s3-state"], "--feature s3-state needs --state-bucket"),
        (["--feature", "accounts"], "--feature accounts needs --account-role"),
        (["--feature", "everything"], "Invalid value for '--feature'"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_the_command_says_what_is_missing(arguments: list[str], message: str) -> None:
    done = iam_policy("--account", ACCOUNT, *arguments)
    assert done.exit_code == 2
    assert message in done.output


def documented() -> list[str]:
    return re.findall(r"^\$ ingestion-operator (.*)$", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", documented())
def test_a_command_of_the_page_prints_a_policy(command: str) -> None:
    arguments = shlex.split(command.partition(" > ")[0])
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert size(json.loads(done.output)) <= MANAGED_POLICY_LIMIT


def test_the_page_tells_of_every_feature_and_of_every_action_on_everything() -> None:
    page = PAGE.read_text()
    assert documented()
    for feature in Feature:
        assert f"| `{feature}`" in page
    for action in KNOW_NO_RESOURCE:
        assert f"`{action}`" in page or action.startswith("ec2:Describe")
