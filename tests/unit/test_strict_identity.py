"""The emulator checks rights that MiniStack does not check. The layer accepts only the MiniStack for which it was written."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion_local.strict.identity import (
    CONTRACT,
    Check,
    Request,
    further_checks,
    resource_of,
    tagging_whole_functions,
)
from ingestion_local.strict_delivery import check_contract

PLACE = "us-east-1:123456789012"
FUNCTION = f"arn:aws:lambda:{PLACE}:function:fn"
ROLE = "arn:aws:iam::123456789012:role/path/role"
PASS = Check("iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"})


@pytest.mark.parametrize(
    ("service", "action", "parameters", "arn"),
    [
        ("lambda", "lambda:CreateFunction", {"FunctionName": "fn"}, FUNCTION),
        ("events", "events:PutRule", {"Name": "r"}, f"arn:aws:events:{PLACE}:rule/r"),
        ("events", "events:PutTargets", {"Rule": "r", "EventBusName": "default"}, f"arn:aws:events:{PLACE}:rule/r"),
        ("events", "events:PutTargets", {"Rule": "r", "EventBusName": "own"}, f"arn:aws:events:{PLACE}:rule/own/r"),
        ("events", "events:TagResource", {"ResourceARN": "arn:x"}, "arn:x"),
        ("dynamodb", "dynamodb:TagResource", {"ResourceArn": "arn:x"}, "arn:x"),
        ("cloudtrail", "cloudtrail:AddTags", {"ResourceId": "arn:x"}, "arn:x"),
        ("cloudtrail", "cloudtrail:ListTags", {"ResourceIdList": ["arn:x", "arn:y"]}, "arn:x"),
        ("events", "events:ListRules", {}, None),
        ("sqs", "sqs:CreateQueue", {"QueueName": "q"}, None),
    ],
)
def test_the_resource_is_what_the_request_names(
    service: str, action: str, parameters: dict[str, Any], arn: str | None
) -> None:
    assert resource_of(service, Request(action, parameters), PLACE) == arn


@pytest.mark.parametrize(
    ("action", "parameters", "checks"),
    [
        ("lambda:CreateFunction", {"Role": ROLE, "Code": {"ZipFile": "x"}}, [PASS]),
        (
            "lambda:CreateFunction",
            {"Role": ROLE, "Code": {"S3Bucket": "b", "S3Key": "k/f.zip"}, "Layers": ["arn:layer"], "Tags": {"a": "b"}},
            [
                Check("lambda:TagResource", FUNCTION),
                PASS,
                Check("lambda:GetLayerVersion", "arn:layer"),
                Check("s3:GetObject", "arn:aws:s3:::b/k/f.zip"),
            ],
        ),
        (
            "lambda:UpdateFunctionCode",
            {"S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v"},
            [Check("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        ("lambda:UpdateFunctionConfiguration", {"Timeout": 3}, []),
        ("lambda:GetFunction", {"Role": ROLE}, []),
        ("iam:CreateRole", {"RoleName": "r", "Tags.member.1.Key": "a"}, [Check("iam:TagRole", FUNCTION)]),
        ("sqs:CreateQueue", {"QueueName": "q", "tags": {}}, []),
    ],
    ids=["a zip", "everything", "a version of an object", "no role", "a read", "a role with tags", "no tags"],
)
def test_an_action_needs_what_it_uses(action: str, parameters: dict[str, Any], checks: list[Check]) -> None:
    assert list(further_checks(Request(action, parameters), FUNCTION)) == checks


@pytest.mark.parametrize(
    ("arn", "asked"),
    [
        (FUNCTION, FUNCTION),
        (f"{FUNCTION}:7", FUNCTION),
        (f"arn:aws:lambda:{PLACE}:layer:l:1", f"arn:aws:lambda:{PLACE}:layer:l:1"),
    ],
)
def test_a_version_of_a_function_has_the_tags_of_the_function(arn: str, asked: str) -> None:
    assert tagging_whole_functions({asked: {"team": "a"}}.get)(arn) == {"team": "a"}


def test_ministack_has_what_the_layer_wraps() -> None:
    check_contract(CONTRACT)
