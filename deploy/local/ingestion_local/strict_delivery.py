"""MiniStack, with delivery from EventBridge to Lambda made as strict as AWS. Stricter, never laxer.

What MiniStack lacks and this adds, in its own process, before it starts:

- the function's resource policy must let the rule invoke it, else the event goes to the target's dead-letter queue if
  there is one whose policy lets the rule send, and is lost otherwise, as on AWS; neither that nor a function that
  does not exist is tried again;
- what is let in runs the asynchronous way: retries, then the function's dead-letter queue or failure destination.
  AWS waits one minute and then two; here LAMBDA_ASYNC_RETRY_BASE_SECONDS, which MiniStack reads, is the first wait;
- each attempt counts in the metrics AWS/Lambda (Invocations, Errors, Duration), each failed delivery in AWS/Events
  (FailedInvocations, InvocationsSentToDlq, InvocationsFailedToBeSentToDlq);
- nothing listens but the one port that was asked for, and no function outlives the emulator.

MiniStack itself does the rest as AWS does: a bucket sends events only while its notification configuration has
EventBridge in it, a disabled rule delivers nothing, an input transformer is applied before the target is invoked.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html,
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio.constants
import hashlib
import importlib
import inspect
import json
import logging
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from importlib.metadata import version
from typing import Any

from ingestion_local.strict.lifetime import end_group_with_this_process
from ingestion_local.strict.resource_policy import EVENTS_PRINCIPAL, Delivery, allows

MINISTACK_VERSION = "1.5.33"
# A client that keeps an idle TLS connection does not answer its end, for which asyncio waits half a minute.
TLS_GOODBYE_SECONDS = 0.2

# What this layer calls or wraps inside MiniStack, with the parameters it relies on.
CONTRACT: Mapping[str, Mapping[str, list[str]]] = {
    "ministack.app": {"main": [], "_port_is_bindable": ["host", "port"]},
    "ministack.services.cloudwatch": {
        "record_metric": ["namespace", "metric_name", "value", "unit", "dimensions"],
    },
    "ministack.services.eventbridge": {
        "get_account_id": [],
        "_dispatch_to_lambda": ["arn", "payload"],
        "_invoke_target": ["target", "event", "rule", "view"],
        "_pattern_event_view": ["event"],
    },
    "ministack.services.lambda_svc": {
        "invoke_async_with_retry": ["func", "event"],
        "_emit_lambda_metrics": ["function_name", "duration_ms", "error", "throttle"],
        "_execute_function_dispatch": ["func", "config", "event", "request_id", "started"],
        "_execution_record_for_config": ["func", "config"],
        "_get_func_record_for_ref": ["function_ref"],
    },
    "ministack.services.sqs": {
        "queue_delay": ["q"],
        "_ensure_msg_fields": ["m"],
        "_queue_by_arn": ["arn"],
    },
}

logger = logging.getLogger("ingestion_local.strict_delivery")

_current: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


def make_strict() -> None:
    """Put the strict delivery in place.

    Raises SystemExit, naming the difference, if MiniStack is not the one that it was written for.
    """
    found = version("ministack")
    if found != MINISTACK_VERSION:
        raise SystemExit(f"ministack is {found}, but the strict delivery is written for {MINISTACK_VERSION}")
    check_contract(CONTRACT)
    from ministack import app
    from ministack.services import eventbridge, lambda_svc

    # It would take the port of https as well, when it may.
    app._port_is_bindable = lambda host, port: False  # noqa: ARG005 - called by position
    eventbridge._invoke_target = _remembering(eventbridge._invoke_target, eventbridge)
    eventbridge._dispatch_to_lambda = dispatch_to_lambda
    lambda_svc._execute_function_dispatch = _counting(lambda_svc._execute_function_dispatch, lambda_svc)
    asyncio.constants.SSL_SHUTDOWN_TIMEOUT = TLS_GOODBYE_SECONDS


def check_contract(contract: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Raise SystemExit unless every module has every function with the parameters that the contract gives."""
    for module_name, functions in contract.items():
        module = importlib.import_module(module_name)
        for name, parameters in functions.items():
            function = getattr(module, name, None)
            if not callable(function):
                raise SystemExit(f"{module_name} has no {name}: adapt the strict delivery")
            found = list(inspect.signature(function).parameters)
            if found != parameters:
                raise SystemExit(f"{module_name}.{name} takes {found}, not {parameters}: adapt the strict delivery")


def _remembering(inner: Callable[..., None], eventbridge: Any) -> Callable[..., None]:
    """`_invoke_target`, with the rule, the target and the event kept for the dispatch that it leads to."""

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        view = view or eventbridge._pattern_event_view(event)
        whole = json.dumps(view.event_with_detail())
        token = _current.set(Delivery(target, rule.get("Arn", ""), eventbridge.get_account_id(), whole))
        try:
            inner(target, event, rule, view)
        finally:
            _current.reset(token)

    return invoke_target


def _counting(inner: Callable[..., dict[str, Any]], lambda_svc: Any) -> Callable[..., dict[str, Any]]:
    """`_execute_function_dispatch`, counted when EventBridge asked for it; MiniStack counts the other invocations."""

    def execute(
        func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float
    ) -> dict[str, Any]:
        result = inner(func, config, event, request_id, started)
        if _current.get() is not None:
            milliseconds = (time.time() - started) * 1000
            failed = bool(result.get("error"))
            lambda_svc._emit_lambda_metrics(config.get("FunctionName", ""), milliseconds, failed, False)
        return result

    return execute


def dispatch_to_lambda(arn: str, payload: str) -> None:
    """Deliver one event to a function, if it may; else to the target's dead-letter queue."""
    from ministack.services import lambda_svc

    delivery = _current.get()
    if delivery is None:
        raise RuntimeError("an event without a rule")
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        dead_letter(delivery, "NO_RESOURCE", f"function {name} does not exist")
    elif not allows((function.get("policy") or {}).get("Statement", []), "lambda:InvokeFunction", delivery):
        dead_letter(delivery, "NO_PERMISSIONS", f"function {name} does not let {delivery.rule_arn} invoke it")
    elif (event := _parsed(payload)) is None:
        dead_letter(delivery, "INVALID_JSON", f"what the target's input makes for function {name} is not JSON")
    else:
        logger.info("delivering to %s", name)
        # It copies the context, and with it the delivery, into the thread in which the attempts run.
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event[0])


def _parsed(payload: str) -> tuple[Any] | None:
    """The JSON value in a tuple, as `null` is one; None if it is none."""
    try:
        return (json.loads(payload),)
    except ValueError:
        return None


def dead_letter(delivery: Delivery, code: str, message: str) -> None:
    """Put an undeliverable event into the target's dead-letter queue, if it has one that lets the rule send.

    `code` is one of those of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html.
    """
    arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn", "")
    _count(delivery, "FailedInvocations")
    if not arn:
        logger.warning("dropped: %s (%s), and no dead-letter queue", message, code)
        return
    try:
        _send(delivery, arn, code, message)
    except PermissionError as error:
        _count(delivery, "InvocationsFailedToBeSentToDlq")
        logger.warning("dropped: %s (%s), and %s", message, code, error)
    else:
        _count(delivery, "InvocationsSentToDlq")
        logger.warning("dead-lettered: %s (%s)", message, code)


def _send(delivery: Delivery, arn: str, code: str, message: str) -> None:
    """Put the event into the queue. Raises PermissionError, saying why, if EventBridge could not on AWS."""
    from ministack.services import sqs

    queue = sqs._queue_by_arn(arn)
    if queue is None:
        raise PermissionError(f"queue {arn} does not exist")
    if queue.get("is_fifo"):
        raise PermissionError(f"queue {arn} is a FIFO queue, which EventBridge does not take for dead letters")
    policy = json.loads(queue["attributes"].get("Policy") or "{}")
    if not allows(policy.get("Statement", []), "sqs:SendMessage", delivery, resource=arn):
        raise PermissionError(f"queue {arn} does not let the rule send")
    attributes = {
        "RULE_ARN": delivery.rule_arn,
        "TARGET_ARN": delivery.target.get("Arn", ""),
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "RETRY_ATTEMPTS": "0",
    }
    letter = _letter(delivery.event, attributes, delay_seconds=sqs.queue_delay(queue))
    sqs._ensure_msg_fields(letter)
    queue["messages"].append(letter)


def _count(delivery: Delivery, metric: str) -> None:
    from ministack.services import cloudwatch

    rule = delivery.rule_arn.rpartition("/")[2]
    cloudwatch.record_metric("AWS/Events", metric, 1, "Count", {"RuleName": rule})


def _letter(body: str, attributes: Mapping[str, str], *, delay_seconds: float) -> dict[str, Any]:
    """A message as MiniStack's queues hold them."""
    now = time.time()
    return {
        "id": str(uuid.uuid4()),
        "body": body,
        "md5_body": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + delay_seconds,
        "receive_count": 0,
        "attributes": {},
        "message_attributes": {k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
        "sys": {"SenderId": EVENTS_PRINCIPAL, "SentTimestamp": str(int(now * 1000))},
    }


def main() -> None:
    """Run the emulator in the foreground. Raises SystemExit if MiniStack is not the one that was pinned."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    end_group_with_this_process()
    make_strict()
    from ministack import app

    sys.argv = [sys.argv[0]]
    app.main()


if __name__ == "__main__":
    main()
