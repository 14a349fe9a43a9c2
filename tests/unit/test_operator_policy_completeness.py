"""The operator's own policy: every type of the program and every call of the adapter has its rights."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

import botocore.session
from botocore import xform_name

from ingestion_operator.adapters.pulumi.program import CLASSES
from ingestion_operator.blueprint.names import physical_name
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.resources import ROLE_PATH
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.offline.operator_rights import ALL, CALLS, RIGHTS, Feature
from unit.policy_reach import ACCOUNT, REACH, ROOT, WIDE, allows

STATE_ADAPTER = ROOT / "operator" / "ingestion_operator" / "adapters" / "aws" / "state_bucket.py"
SERVICES = ("cloudtrail", "cloudwatch", "dynamodb", "ecr", "events", "iam", "kms", "lambda", "logs", "s3", "sqs", "sts")


def methods_of_boto3() -> dict[str, set[str]]:
    """The operations behind each name of a boto3 method."""
    session = botocore.session.get_session()
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(operation), set()).add(operation)
    return found


def called(source: str) -> Iterator[str]:
    """The name of each method that a module calls, and of each operation that it pages through."""
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
