"""Some resource policies let EventBridge deliver on behalf of a rule. The strict layer accepts only the pinned MiniStack."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion_local import strict_delivery
from ingestion_local.strict.contract import CONTRACT
from ingestion_local.strict.resource_policy import EVENTS_PRINCIPAL, Caller, allows

RULE = "arn:aws:events:us-east-1:123456789012:rule/new-objects"
OTHER = "arn:aws:events:us-east-1:123456789012:rule/another"
ACCOUNT = "123456789012"
INVOKE = "lambda:InvokeFunction"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:fn"
RULE_CALLS = Caller(EVENTS_PRINCIPAL, RULE, ACCOUNT)
NOTHING = object()


def statement(effect: str = "Allow", /, **changes: Any) -> dict[str, Any]:
    """A statement that lets EventBridge invoke, with fields changed or (NOTHING) taken away."""
    whole = {
        "Effect": effect,
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": INVOKE,
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not NOTHING}


def when(operator: str, key: str, wanted: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: wanted}}}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        pytest.param([], False, id="no statement allows nothing"),
        pytest.param([statement()], True, id="a statement without a condition allows every rule"),
        pytest.param([statement("Deny")], False, id="a deny alone allows nothing"),
        pytest.param([statement(), statement("Deny")], False, id="a deny wins over an allow"),
        pytest.param(
            [statement(), statement("Deny", **when("ArnEquals", "aws:SourceArn", OTHER))],
            True,
            id="a deny for another rule denies nothing here",
        ),
        pytest.param(
            [statement(), statement("Deny", **when("ArnNotEquals", "aws:SourceArn", OTHER))],
            False,
            id="a deny for all but another rule denies this one",
        ),
        pytest.param(
            [statement(), statement("Deny", **when("ArnNotLike", "aws:SourceArn", "*:rule/new-*"))],
            True,
            id="a deny for all but this rule denies nothing here",
        ),
        pytest.param(
            [statement(), statement("Deny", **when("IpAddress", "aws:SourceIp", "10.0.0.0/8"))],
            False,
            id="a deny on a condition that is not understood counts as one that holds",
        ),
        pytest.param(
            [statement(), statement("Deny", Principal="*", **when("Bool", "aws:SecureTransport", "false"))],
            True,
            id="a deny of what is not encrypted denies nothing, as EventBridge encrypts",
        ),
        pytest.param(
            [statement(), statement("Deny", Principal={"AWS": "*"})],
            False,
            id="a deny for everybody written with AWS denies",
        ),
        pytest.param(
            [statement(), statement("Deny", Principal=NOTHING, NotPrincipal={"Service": "s3.amazonaws.com"})],
            False,
            id="a deny for all but another principal denies",
        ),
        pytest.param(
            [statement(), statement("Deny", Action=NOTHING, NotAction="lambda:GetFunction")],
            False,
            id="a deny of all but another action denies",
        ),
        pytest.param([statement(Principal="*")], True, id="a principal of everybody is EventBridge too"),
        pytest.param([statement(Principal={"AWS": "*"})], True, id="everybody written with AWS is everybody"),
        pytest.param(
            [statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})],
            False,
            id="the account is not EventBridge",
        ),
        pytest.param(
            [statement(Principal={"Service": "s3.amazonaws.com"})],
            False,
            id="another service is not EventBridge",
        ),
        pytest.param(
            [statement(Principal={"Service": ["s3.amazonaws.com", "events.amazonaws.com"]})],
            True,
            id="EventBridge may be one of several services",
        ),
        pytest.param([statement(Principal=NOTHING)], False, id="a statement without a principal allows nothing"),
        pytest.param([statement(Action="lambda:GetFunction")], False, id="another action does not fit"),
        pytest.param([statement(Action="sqs:SendMessage")], False, id="another service's action does not fit"),
        pytest.param([statement(Action="lambda:*")], True, id="a wildcard covers the action"),
        pytest.param([statement(Action="*")], True, id="the wildcard of all covers the action"),
        pytest.param([statement(Action="LAMBDA:invokefunction")], True, id="the case of an action is no matter"),
        pytest.param([statement(Action=["lambda:GetFunction", INVOKE])], True, id="one of a list of actions"),
        pytest.param([statement(Action=NOTHING)], False, id="a statement without an action allows nothing"),
        pytest.param([statement(Action="lambda.InvokeFunction")], False, id="a dot in an action is only a dot"),
        pytest.param([statement(**when("ArnLike", "AWS:SourceArn", RULE))], True, id="the rule's own ARN fits"),
        pytest.param([statement(**when("ArnLike", "AWS:SourceArn", OTHER))], False, id="another rule's does not"),
        pytest.param(
            [statement(**when("ArnLike", "aws:SourceArn", "arn:aws:events:*:*:rule/new-*"))],
            True,
            id="a pattern of ARNs fits with ArnLike",
        ),
        pytest.param(
            [statement(**when("ArnEquals", "aws:SourceArn", "arn:aws:events:*:*:rule/new-*"))],
            True,
            id="a pattern of ARNs fits with ArnEquals, which is the same on AWS",
        ),
        pytest.param(
            [statement(**when("StringEquals", "aws:SourceArn", "arn:aws:events:*"))],
            False,
            id="a pattern is plain text for StringEquals",
        ),
        pytest.param(
            [statement(**when("ArnEquals", "aws:SourceArn", [OTHER, RULE]))],
            True,
            id="one of several ARNs fits",
        ),
        pytest.param([statement(**when("ArnEquals", "aws:SourceArn", []))], False, id="none of no ARNs fits"),
        pytest.param(
            [statement(**when("StringEquals", "AWS:SourceAccount", ACCOUNT))],
            True,
            id="the rule's account fits",
        ),
        pytest.param(
            [statement(**when("StringEquals", "aws:SourceAccount", "210987654321"))],
            False,
            id="another account does not fit",
        ),
        pytest.param(
            [
                statement(
                    Condition={
                        "ArnLike": {"aws:SourceArn": RULE},
                        "StringEquals": {"aws:SourceAccount": "210987654321"},
                    }
                )
            ],
            False,
            id="all conditions have to hold",
        ),
        pytest.param(
            [statement(**when("StringEquals", "aws:PrincipalOrgID", "o-1"))],
            False,
            id="an allow on what an event does not have allows nothing",
        ),
        pytest.param(
            [statement(**when("StringEqualsIgnoreCase", "aws:SourceArn", RULE))],
            False,
            id="an allow on a condition that is not understood allows nothing",
        ),
        pytest.param(
            [statement(**when("ArnLike", "aws:SourceArn", OTHER)), statement()],
            True,
            id="one fitting statement is enough",
        ),
    ],
)
def test_a_resource_policy_lets_a_rule_in_or_not(statements: list[dict[str, Any]], allowed: bool) -> None:
    assert allows(statements, INVOKE, RULE_CALLS) is allowed


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        pytest.param(FUNCTION, True, id="the resource itself"),
        pytest.param("arn:aws:lambda:*:*:function:*", True, id="a pattern that covers it"),
        pytest.param("*", True, id="everything"),
        pytest.param(["arn:aws:s3:::data", FUNCTION], True, id="one of several"),
        pytest.param(f"{FUNCTION}-2", False, id="another one whose name begins the same"),
        pytest.param(NOTHING, True, id="none given, as in a policy that is attached to it"),
    ],
)
def test_a_statement_is_about_the_resource_that_it_names(resource: Any, allowed: bool) -> None:
    assert allows([statement(Resource=resource)], INVOKE, RULE_CALLS, resource=FUNCTION) is allowed


def test_the_pinned_ministack_keeps_the_contract() -> None:
    strict_delivery.check_contract(CONTRACT)


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        pytest.param({"json": {"dispatch": ["arn"]}}, "json has no dispatch", id="a function that is gone"),
        pytest.param({"json": {"__all__": []}}, "json has no __all__", id="something that is no function"),
        pytest.param(
            {"fnmatch": {"filter": ["names", "pattern"]}},
            r"fnmatch.filter takes \['names', 'pat'\], not \['names', 'pattern'\]",
            id="a function with other parameters",
        ),
    ],
)
def test_a_broken_contract_ends_the_start_and_says_what_is_different(
    contract: dict[str, dict[str, list[str]]], message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        strict_delivery.check_contract(contract)


def test_another_version_of_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_delivery, "version", lambda _: "1.5.34")
    with pytest.raises(
        SystemExit, match=r"ministack is version 1\.5\.34, but the strict delivery is written for 1\.5\.33"
    ):
        strict_delivery.make_strict()
