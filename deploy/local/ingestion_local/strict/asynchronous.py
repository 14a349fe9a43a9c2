"""Asynchronous invocations. The function decides the retries, and its role must be allowed to send the failures.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html,
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import contextvars
import datetime
import json
import logging
import threading
import time
import uuid
from typing import Any

from ingestion_local.strict import queue
from ingestion_local.strict.attempts import DEFAULT_AGE_SECONDS, DEFAULT_RETRIES, Limits, attempt
from ingestion_local.strict.execution_role import role_may
from ingestion_local.strict.failures import RETRIES_EXHAUSTED, Failure, Invocation, dead_letter, record

# The action that the role needs, for each service that may receive a failure.
ACTIONS = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
    "s3": "s3:PutObject",
}
NEVER_TRIED: dict[str, Any] = {"error": True, "throttle": True}

logger = logging.getLogger("ingestion_local.strict_delivery")

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")


def invoke(func: dict[str, Any], event: Any) -> None:
    """Begin an asynchronous invocation (MiniStack's `invoke_async_with_retry`)."""
    # The context holds the account, the region and the delivery.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, func, event), daemon=True).start()


def _run(func: dict[str, Any], event: Any) -> None:
    from ministack.services import lambda_svc

    config = func["config"]
    account, region = lambda_svc._account_region_from_function_config(config)
    lambda_svc._request_account_id.set(account)
    lambda_svc._request_region.set(region)
    request_id.set(str(uuid.uuid4()))
    invocation = Invocation(request_id.get(), config["FunctionArn"], event)
    failure = _attempted(func, event)
    if failure is not None:
        _hand_over(func, invocation, failure)


def _attempted(func: dict[str, Any], event: Any) -> Failure | None:
    from ministack.services import lambda_svc

    if lambda_svc._reserved_concurrency(func, func["config"]) == 0:
        # "Lambda begins sending new events to the destination without any retries."
        return Failure(RETRIES_EXHAUSTED, 0, NEVER_TRIED)
    return attempt(lambda: _execute(func, event), _limits(func), time.monotonic, time.sleep)


def _execute(func: dict[str, Any], event: Any) -> dict[str, Any]:
    from ministack.services import lambda_svc

    answer: dict[str, Any] = lambda_svc._execute_function(func, event)
    if log := answer.get("log"):
        logger.info("%s wrote:\n%s", func["config"].get("FunctionName"), log)
    return answer


def _settings(func: dict[str, Any]) -> dict[str, Any]:
    return func.get("event_invoke_config") or (func.get("event_invoke_configs") or {}).get("$LATEST") or {}


def _limits(func: dict[str, Any]) -> Limits:
    from ministack.services import lambda_svc

    settings = _settings(func)
    return Limits(
        lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS,
        lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS,
        int(settings.get("MaximumRetryAttempts", DEFAULT_RETRIES)),
        float(settings.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS)),
    )


def _hand_over(func: dict[str, Any], invocation: Invocation, failure: Failure) -> None:
    """Send the failure to the failure destination or else to the dead-letter queue, if there is one and the role may send."""
    config = func["config"]
    destination = ((_settings(func).get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    arn = destination or (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if not arn:
        logger.warning(
            "dropped: %s failed (%s), and the function has no failure destination",
            invocation.function_arn,
            failure.condition,
        )
        return
    try:
        _tell(func, arn, invocation, failure, whole=bool(destination))
    except PermissionError as error:
        _count(config, "DestinationDeliveryFailures" if destination else "DeadLetterErrors")
        logger.warning("dropped: %s failed (%s), and %s", invocation.function_arn, failure.condition, error)
    else:
        logger.warning("sent to the failure destination: %s failed (%s)", invocation.function_arn, failure.condition)


def _tell(func: dict[str, Any], arn: str, invocation: Invocation, failure: Failure, *, whole: bool) -> None:
    """Send the record (`whole`) or only the event. Raises PermissionError with the reason if Lambda could not do so on AWS."""
    from ministack.services import lambda_svc

    config, service = func["config"], arn.split(":")[2]
    if not role_may(config, ACTIONS[service], f"{arn}/*" if service == "s3" else arn):
        raise PermissionError(f"the role {config['Role']} may not {ACTIONS[service]} on {arn}")
    if service != "sqs":
        name = config["FunctionName"]
        lambda_svc._route_async_failure(arn, name, invocation.event, dict(failure.answer))
        return
    body, attributes = dead_letter(invocation, failure)
    if whole:
        body, attributes = json.dumps(record(invocation, failure, datetime.datetime.now(datetime.UTC))), {}
    queue.send(arn, body, attributes, sender=f"{config['Role'].rpartition('/')[2]}:{config['FunctionName']}")


def _count(config: dict[str, Any], metric: str) -> None:
    from ministack.services import cloudwatch

    cloudwatch.record_metric("AWS/Lambda", metric, 1, "Count", {"FunctionName": config.get("FunctionName", "")})
