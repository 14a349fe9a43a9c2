"""MiniStack, made as strict as AWS where a pipeline depends on it. Stricter, never laxer.

What MiniStack lacks and this adds, in its own process, before it starts:

- the function's resource policy must let the rule invoke it, else the event goes to the target's dead-letter queue if
  there is one whose policy lets the rule send, and is lost otherwise, as on AWS; neither that nor a function that
  does not exist is tried again;
- what is let in runs the asynchronous way: retries, then the function's failure destination or dead-letter queue,
  with what AWS documents in the message, and only if the function's role may send there. AWS waits one minute and then
  two; here LAMBDA_ASYNC_RETRY_BASE_SECONDS, which MiniStack reads, is the first wait. A function that is throttled is
  waited for;
- an error of a function has its own type and its stack trace;
- each attempt counts in the metrics AWS/Lambda (Invocations, Errors, Duration), each failed delivery in AWS/Events
  (FailedInvocations, InvocationsSentToDlq, InvocationsFailedToBeSentToDlq), each failure that cannot be handed over in
  AWS/Lambda (DestinationDeliveryFailures, DeadLetterErrors);
- code in S3 must be there; the role of a function must be allowed to send failures and to join a network, whose subnets
  must exist;
- a session with a role is not longer than it may be, and as short as a test wants it;
- a bucket's name and namespace must fit; a trail's bucket must let it write;
- a trail that records the writes to a bucket leads them to the event bus;
- nothing listens but the one port that was asked for.

MiniStack itself does the rest as AWS does: a bucket sends events only while its notification configuration has
EventBridge in it, a disabled rule delivers nothing, an input transformer is applied before the target is invoked,
PutEvents takes no source that begins with `aws.`.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html; those of the rest are in `strict`.
"""

from __future__ import annotations

import asyncio.constants
import importlib
import inspect
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ingestion_local.strict import asynchronous, buckets, functions, queue, sessions, trails
from ingestion_local.strict.contract import CONTRACT
from ingestion_local.strict.failures import reported
from ingestion_local.strict.resource_policy import EVENTS_PRINCIPAL, Caller, allows

MINISTACK_VERSION = "1.5.33"
# A client that keeps an idle TLS connection does not answer its end, for which asyncio waits half a minute.
TLS_GOODBYE_SECONDS = 0.2

logger = logging.getLogger("ingestion_local.strict_delivery")


@dataclass(frozen=True)
class Delivery:
    """The target that an event is on its way to, the rule that sent it, and the event as it matched the rule."""

    target: Mapping[str, Any]
    rule_arn: str
    account_id: str
    event: str = ""

    @property
    def caller(self) -> Caller:
        """EventBridge, on behalf of the rule."""
        return Caller(EVENTS_PRINCIPAL, self.rule_arn, self.account_id)


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

    # It would take the port of https as well, when it may.
    app._port_is_bindable = lambda host, port: False  # noqa: ARG005 - called by position
    asyncio.constants.SSL_SHUTDOWN_TIMEOUT = TLS_GOODBYE_SECONDS
    _make_delivery_strict()
    _make_functions_strict()
    _make_storage_strict()
    _make_sessions_strict()


def _make_delivery_strict() -> None:
    from ministack.services import eventbridge, lambda_svc

    eventbridge._invoke_target = _remembering(eventbridge._invoke_target, eventbridge)
    eventbridge._dispatch_to_lambda = dispatch_to_lambda
    lambda_svc._execute_function_dispatch = _counting(lambda_svc._execute_function_dispatch, lambda_svc)
    lambda_svc.invoke_async_with_retry = asynchronous.invoke


def _make_functions_strict() -> None:
    from ministack.services import lambda_svc

    lambda_svc._create_function = functions.strict_create(lambda_svc._create_function)
    lambda_svc._update_config = functions.strict_update(lambda_svc._update_config)
    lambda_svc._update_code = functions.strict_code(lambda_svc._update_code)
    lambda_svc._put_event_invoke_config = functions.strict_invoke_config(lambda_svc._put_event_invoke_config)


def _make_storage_strict() -> None:
    from ministack.services import cloudtrail, s3

    s3._create_bucket = buckets.strict_bucket(s3._create_bucket)
    s3._fire_s3_event_async = trails.telling_event_bus(s3._fire_s3_event_async)
    # It looks its functions up in a table.
    for action in ("CreateTrail", "UpdateTrail"):
        cloudtrail._DISPATCH[action] = trails.strict_trail(cloudtrail._DISPATCH[action])


def _make_sessions_strict() -> None:
    from ministack.services import sts

    sts.handle_request = sessions.strict_sessions(sts.handle_request)


def check_contract(contract: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Raise SystemExit unless every module has every function with the parameters that the contract gives."""
    for module_name, wanted in contract.items():
        module = importlib.import_module(module_name)
        for name, parameters in wanted.items():
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
    """`_execute_function_dispatch`, its error named, and counted when EventBridge asked for it.

    MiniStack counts the other invocations.
    """

    def execute(
        func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float
    ) -> dict[str, Any]:
        # All attempts of one asynchronous invocation have its id.
        request_id = asynchronous.request_id.get() or request_id
        result = reported(inner(func, config, event, request_id, started), request_id)
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
    elif not allows(function.get("policy") or {}, "lambda:InvokeFunction", delivery.caller):
        dead_letter(delivery, "NO_PERMISSIONS", f"function {name} does not let {delivery.rule_arn} invoke it")
    elif (event := _parsed(payload)) is None:
        dead_letter(delivery, "INVALID_JSON", f"what the target's input makes for function {name} is not JSON")
    else:
        logger.info("delivering to %s", name)
        # It copies the context, and with it the delivery, into the thread in which the attempts run.
        asynchronous.invoke(lambda_svc._execution_record_for_config(function, config), event[0])


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
    if not allows(queue.policy_of(arn), "sqs:SendMessage", delivery.caller, resource=arn):
        raise PermissionError(f"queue {arn} does not let the rule send")
    # EXHAUSTED_RETRY_CONDITION is told of what was tried again, and nothing that ends here ever is.
    attributes = {
        "RULE_ARN": delivery.rule_arn,
        "TARGET_ARN": delivery.target.get("Arn", ""),
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "RETRY_ATTEMPTS": "0",
    }
    texts = {name: ("String", value) for name, value in attributes.items()}
    queue.send(arn, delivery.event, texts, sender=EVENTS_PRINCIPAL)


def _count(delivery: Delivery, metric: str) -> None:
    from ministack.services import cloudwatch

    rule = delivery.rule_arn.rpartition("/")[2]
    cloudwatch.record_metric("AWS/Events", metric, 1, "Count", {"RuleName": rule})
