"""The commands that print the operator's policy and an account's trust policy, and the page about them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingestion_handlers.cli import main
from ingestion_operator.offline.operator_policy import (
    MANAGED_POLICY_LIMIT,
    Reach,
    operator_policies,
    operator_policy,
    size,
)
from ingestion_operator.offline.operator_rights import Feature
from unit.policy_reach import ACCOUNT, ACCOUNT_ROLE, BOUNDARY, KNOW_NO_RESOURCE, REACH, ROOT

PAGE = ROOT / "docs" / "operator-policy.md"


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
        ("kind: IngestionPipeline", "must contain one AWSAccount, but contains 0"),
        (f"{MANIFEST}---\n{MANIFEST}", "must contain one AWSAccount, but contains 2"),
        (f"{MANIFEST}  external: x", "AWSAccount search: spec.external"),
    ],
)
def test_without_one_account_there_is_no_trust_policy(manifest: str, message: str, tmp_path: Path) -> None:
    done = trust(manifest, tmp_path)
    assert done.exit_code == 1
    assert message in done.output


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
    assert "there is no part 3: the policy has 2" in iam_policy(*wide, "--part", "3").output


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
