"""What a function's execution role may do: its policies, its boundary, and the policy of the resource.

MiniStack's own evaluation decides. Without IAM enforcement everything is allowed, as everywhere in MiniStack.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
"""

from __future__ import annotations

from typing import Any


def role_may(config: dict[str, Any], action: str, resource: str = "*") -> bool:
    """Whether the role of the function with this configuration may do `action`."""
    from ministack import app
    from ministack.core import iam_evaluator as iam

    if not app.AUTH:
        return True
    context, policies, limits = _asking(config, action, resource)
    result = iam.evaluate(context, policies, *limits)
    resource_policy = iam._resource_policy(action.partition(":")[0], resource)
    if resource_policy is not None:
        result = iam.combine_resource_policy(result, context, *resource_policy, limits=limits)
    return bool(result.decision == "Allow")


def _asking(config: dict[str, Any], action: str, resource: str) -> tuple[Any, list[Any], list[Any]]:
    """The request, the role's policies, and their limits."""
    from ministack.core import iam_evaluator as iam
    from ministack.core.responses import get_region
    from ministack.services import iam as roles
    from ministack.services import tagging

    role_arn, tags = str(config["Role"]), tagging.resource_tags(resource) or {}
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    context = iam.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/{config.get('FunctionName', '')}",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        # Services call each other over TLS, and not from the caller's address.
        source_ip="",
        secure_transport=True,
        service_context={f"aws:resourcetag/{name}".lower(): value for name, value in tags.items()},
    )
    policies = iam._gather_role_policies(name, account)
    return context, policies, iam._permissions_boundary(roles._roles, name, account)
