"""What Lambda refuses when a function is created or changed, but MiniStack accepts.

`identity` checks the caller's rights (to pass the role, to read the code).

- The object with the code must exist (https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html).
- The role must allow everything that Lambda does with it: send to the dead-letter queue and to failure destinations, and
  join the network (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html). The subnets of the network must exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from ingestion_local.strict.asynchronous import ACTIONS
from ingestion_local.strict.execution_role import role_may

INVALID = "InvalidParameterValueException"
# The role needs these on every resource, because Lambda itself looks for them.
NETWORK_ACTIONS = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
NO_OBJECT = (
    "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
)
NO_SUBNET = "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message:"
VERBS = {"sqs": "SendMessage", "sns": "Publish"}

Answer = tuple[Any, ...]


def strict_create(inner: Callable[[dict[str, Any]], Answer]) -> Callable[[dict[str, Any]], Answer]:
    """Wrap `lambda_svc._create_function`, and refuse what AWS refuses."""

    @wraps(inner)
    def create_function(data: dict[str, Any]) -> Answer:
        problems = [*_missing(data.get("Code") or {}), *_unfit(data, data)]
        return _refusal(problems) or inner(data)

    return create_function


def strict_update(inner: Callable[[str, dict[str, Any]], Answer]) -> Callable[[str, dict[str, Any]], Answer]:
    """Wrap `lambda_svc._update_config`, and refuse what AWS refuses."""

    @wraps(inner)
    def update_config(name: str, data: dict[str, Any]) -> Answer:
        config = _config(name)
        problems = list(_unfit({**config, **data}, data)) if config else []
        return _refusal(problems) or inner(name, data)

    return update_config


def strict_code(inner: Callable[[str, dict[str, Any]], Answer]) -> Callable[[str, dict[str, Any]], Answer]:
    """Wrap `lambda_svc._update_code`, and refuse what AWS refuses."""

    @wraps(inner)
    def update_code(name: str, data: dict[str, Any]) -> Answer:
        return _refusal(list(_missing(data))) or inner(name, data)

    return update_code


def strict_invoke_config(inner: Callable[..., Answer]) -> Callable[..., Answer]:
    """Wrap `lambda_svc._put_event_invoke_config`, and refuse a destination to which the function's role may not send."""

    @wraps(inner)
    def put_event_invoke_config(func_name: str, qualifier: str | None, data: dict[str, Any]) -> Answer:
        config = _config(func_name)
        parts = (data.get("DestinationConfig") or {}).values() if config else ()
        arns = [part["Destination"] for part in parts if part and part.get("Destination")]
        problems = [problem for arn in arns for problem in _unsendable(config, arn)]
        return _refusal(problems) or inner(func_name, qualifier, data)

    return put_event_invoke_config


def _config(name: str) -> dict[str, Any]:
    from ministack.services import lambda_svc

    return dict((lambda_svc._functions.get(name) or {}).get("config") or {})


def _refusal(problems: list[str]) -> Answer | None:
    """Lambda's answer for the first problem."""
    from ministack.core.responses import error_response_json

    if not problems:
        return None
    answer: Answer = error_response_json(INVALID, problems[0], 400)
    return answer


def _missing(code: Mapping[str, Any]) -> Iterator[str]:
    """The problem of code in S3 that does not exist."""
    from ministack.services import lambda_svc

    bucket, key, version = code.get("S3Bucket"), code.get("S3Key"), code.get("S3ObjectVersion")
    if not (bucket and key):
        return
    if lambda_svc._fetch_code_from_s3(bucket, key, version_id=version) is None:
        yield f"{NO_OBJECT} ({bucket}/{key})"


def _unfit(config: dict[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    """The actions of the request that the role of the whole configuration does not allow."""
    queue = str((data.get("DeadLetterConfig") or {}).get("TargetArn") or "")
    # MiniStack itself refuses anything but a queue or a topic.
    service = next((name for name in VERBS if queue.startswith(f"arn:aws:{name}:")), "")
    if service and not role_may(config, ACTIONS[service], queue):
        yield _may_not(VERBS[service], service.upper())
    subnets = (data.get("VpcConfig") or {}).get("SubnetIds") or []
    if subnets:
        yield from _unreachable(config, subnets)


def _unreachable(config: dict[str, Any], subnets: list[str]) -> Iterator[str]:
    from ministack.services import ec2

    yield from (_may_not(verb, "EC2") for verb in NETWORK_ACTIONS if not role_may(config, f"ec2:{verb}"))
    ec2._ensure_defaults_initialized()
    yield from (
        f"{NO_SUBNET} The subnet ID '{subnet}' does not exist" for subnet in subnets if subnet not in ec2._subnets
    )


def _unsendable(config: dict[str, Any], arn: str) -> Iterator[str]:
    action = ACTIONS.get(arn.split(":")[2])
    if action and not role_may(config, action, f"{arn}/*" if action == "s3:PutObject" else arn):
        verb = action.partition(":")[2]
        yield f"The function's execution role does not have permissions to call {verb} on {arn}"


def _may_not(verb: str, service: str) -> str:
    return f"The provided execution role does not have permissions to call {verb} on {service}"
