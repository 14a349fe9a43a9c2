"""Makes MiniStack's IAM check what AWS checks. It refuses more than MiniStack, and never less.

This module changes MiniStack in its own process before it starts. It adds what MiniStack lacks:

- The ARN of a role contains the role's path. The ARN of an absent role has no path.
- Some calls name a function, an EventBridge rule, a DynamoDB table or a trail in a way that MiniStack does not expect. Their
  resource is what they name, and not `*`. The ARN of a rule on the default bus does not contain the bus.
- Some actions need another action too: `iam:PassRole` (with `iam:PassedToService`) to give a function its role, the tagging
  action to create something with tags, and the right to read the object and the layers of a function's code.
- `iam:PermissionsBoundary` is the boundary in the request for a new role, or else the boundary of the role.
- The settings of a function have their own actions.
- `aws:ResourceTag` is known for rules too, and the tags of a function are those of its versions and aliases
  (https://docs.aws.amazon.com/lambda/latest/dg/attribute-based-access-control.html).

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

# The functions inside MiniStack that this layer wraps, with the parameters that it relies on.
CONTRACT: Mapping[str, Mapping[str, list[str]]] = {
    "ministack.core.iam_actions": {
        "extract_iam_action": ["service", "method", "path", "headers", "body", "query_params"],
        "extract_resource_arn": [
            "service", "method", "path", "headers", "body", "query_params", "region", "account_id",
        ],
        "access_denied_response": [
            "service", "action", "principal_arn", "request_id",
            "error_code", "message", "headers", "resource_arn", "explicit_deny", "resource_policy_arn",
        ],
    },
    "ministack.core.iam_evaluator": {
        "enforce": ["access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"],
    },
    "ministack.services.tagging": {"resource_tags": ["arn"], "_collect_eventbridge": []},
}  # fmt: skip

LAMBDA = "lambda.amazonaws.com"
SETTINGS_OF_FUNCTIONS: Mapping[tuple[str, str], str] = {
    ("event-invoke-config", "GET"): "lambda:GetFunctionEventInvokeConfig",
    ("event-invoke-config", "PUT"): "lambda:PutFunctionEventInvokeConfig",
    ("event-invoke-config", "POST"): "lambda:UpdateFunctionEventInvokeConfig",
    ("event-invoke-config", "DELETE"): "lambda:DeleteFunctionEventInvokeConfig",
    ("concurrency", "GET"): "lambda:GetFunctionConcurrency",
    ("concurrency", "DELETE"): "lambda:DeleteFunctionConcurrency",
}
# By the action that creates something: the parameter with the tags, and the action that tags need too.
TAGGING: Mapping[str, tuple[str, str]] = {
    "cloudtrail:CreateTrail": ("TagsList", "cloudtrail:AddTags"),
    "dynamodb:CreateTable": ("Tags", "dynamodb:TagResource"),
    "events:PutRule": ("Tags", "events:TagResource"),
    "iam:CreateRole": ("Tags.member.1.Key", "iam:TagRole"),
    "lambda:CreateFunction": ("Tags", "lambda:TagResource"),
    "logs:CreateLogGroup": ("tags", "logs:TagResource"),
    "sqs:CreateQueue": ("tags", "sqs:TagQueue"),
    "sts:AssumeRole": ("Tags.member.1.Key", "sts:TagSession"),
}


@dataclass(frozen=True)
class Request:
    """A request: the action and its parameters."""

    action: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One more action that must be allowed."""

    action: str
    resource: str
    keys: Mapping[str, Any] = field(default_factory=dict)


_request: ContextVar[Request | None] = ContextVar("request", default=None)
_refused: ContextVar[Check | None] = ContextVar("refused", default=None)


def make_identity_strict() -> None:
    """Install the strict checks in MiniStack's modules."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import tagging

    iam_actions.extract_iam_action = _remembering(iam_actions.extract_iam_action)
    iam_actions.extract_resource_arn = _naming(iam_actions.extract_resource_arn)
    iam_actions.access_denied_response = _telling(iam_actions.access_denied_response)
    iam_evaluator.enforce = _asking_more(iam_evaluator.enforce)
    tagging._RESOURCE_TAG_COLLECTORS["events"] = tagging._collect_eventbridge
    tagging.resource_tags = tagging_whole_functions(tagging.resource_tags)


def tagging_whole_functions(inner: Callable[[str], dict[str, str] | None]) -> Callable[[str], dict[str, str] | None]:
    """Wrap `resource_tags`: a version or an alias of a function has the tags of the function."""

    def resource_tags(arn: str) -> dict[str, str] | None:
        parts = arn.split(":")
        return inner(":".join(parts[:7]) if parts[2:3] == ["lambda"] and parts[5:6] == ["function"] else arn)

    return resource_tags


def _remembering(inner: Callable[..., str | None]) -> Callable[..., str | None]:
    """Wrap `extract_iam_action`. It keeps the request for the checks that follow."""

    def extract_iam_action(
        service: str, method: str, path: str, headers: Any, body: bytes, query_params: Mapping[str, Any]
    ) -> str | None:
        _refused.set(None)
        action = inner(service, method, path, headers, body, query_params)
        if service == "lambda":
            action = SETTINGS_OF_FUNCTIONS.get((path.rstrip("/").rpartition("/")[2], method), action)
        _request.set(Request(action, _parameters(body, query_params)) if action else None)
        return action

    return extract_iam_action


def _naming(inner: Callable[..., str]) -> Callable[..., str]:
    """Wrap `extract_resource_arn`, and correct it where MiniStack's own result is wrong."""

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any, region: str, account_id: str
    ) -> str:
        request = _request.get()
        resource = None if request is None else resource_of(service, request, f"{region}:{account_id}")
        return resource or inner(service, method, path, headers, body, query_params, region, account_id)

    return extract_resource_arn


def resource_of(service: str, request: Request, place: str) -> str | None:
    """The ARN of the resource, where MiniStack's own guess is wrong. `place` is `<region>:<account>`."""
    given = request.parameters
    if service == "iam" and given.get("RoleName"):
        return _role(given, place.partition(":")[2])
    if request.action == "lambda:CreateFunction":
        return f"arn:aws:lambda:{place}:function:{given.get('FunctionName')}"
    if service == "events" and (name := given.get("Rule") or given.get("Name")):
        bus = str(given.get("EventBusName") or "default").rpartition("/")[2]
        return f"arn:aws:events:{place}:rule/{name if bus == 'default' else f'{bus}/{name}'}"
    if service in ("events", "dynamodb"):
        return given.get("ResourceARN") or given.get("ResourceArn")
    if service == "cloudtrail":
        return given.get("ResourceId") or next(iter(given.get("ResourceIdList") or []), None)
    return None


def _role(given: Mapping[str, Any], account: str) -> str:
    from ministack.services import iam

    name = given["RoleName"]
    known = iam._roles.get(name) or {}
    return known.get("Arn") or f"arn:aws:iam::{account}:role{given.get('Path') or '/'}{name}"


def _asking_more(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `enforce`, and check the further actions that an action needs."""

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = _request.get()
        mine = request if request is not None and request.action == iam_action else None
        keys = {**(service_context or {}), **(_boundary(mine) if mine else {})}
        denied = inner(access_key_id, iam_action, service, region, resource_arn, keys)
        if denied or mine is None:
            return denied
        for check in further_checks(mine, resource_arn):
            denied = inner(access_key_id, check.action, service, region, check.resource, {**keys, **check.keys})
            if denied:
                _refused.set(check)
                return denied
        return None

    return enforce


def further_checks(request: Request, resource: str) -> Iterator[Check]:
    """The further actions that the request needs."""
    given = request.parameters
    parameter, tagging = TAGGING.get(request.action, ("", ""))
    if given.get(parameter):
        yield Check(tagging, resource)
    if request.action not in (
        "lambda:CreateFunction",
        "lambda:UpdateFunctionConfiguration",
        "lambda:UpdateFunctionCode",
    ):
        return
    if role := given.get("Role"):
        yield Check("iam:PassRole", role, {"iam:PassedToService": LAMBDA})
    for layer in given.get("Layers") or []:
        yield Check("lambda:GetLayerVersion", layer)
    code = given.get("Code") or given
    if bucket := code.get("S3Bucket"):
        action = "s3:GetObjectVersion" if code.get("S3ObjectVersion") else "s3:GetObject"
        yield Check(action, f"arn:aws:s3:::{bucket}/{code.get('S3Key')}")


def _boundary(request: Request) -> dict[str, Any]:
    """The condition key of the boundary: the boundary in the request, or else that of the named role."""
    given = request.parameters
    if not request.action.startswith("iam:") or "RoleName" not in given:
        return {}
    from ministack.services import iam

    boundary = given.get("PermissionsBoundary") or (iam._roles.get(given["RoleName"]) or {}).get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": boundary} if boundary else {}


def _telling(inner: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """Wrap `access_denied_response`, and name the refused action."""

    def access_denied_response(
        service: str, action: str, principal_arn: str, request_id: str, **more: Any
    ) -> tuple[Any, ...]:
        refused = _refused.get()
        if refused is not None:
            action, more = refused.action, {**more, "resource_arn": refused.resource}
        return inner(service, action, principal_arn, request_id, **more)

    return access_denied_response


def _parameters(body: bytes, query_params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a request in JSON or of a form. MiniStack has merged those of a form into the query."""
    try:
        document = json.loads(body) if body[:1] == b"{" else None
    except ValueError:  # the service will refuse the request
        document = None
    plain = {name: value[0] if isinstance(value, list) and value else value for name, value in query_params.items()}
    return {**plain, **(document if isinstance(document, dict) else {})}
