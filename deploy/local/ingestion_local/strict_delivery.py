"""Makes MiniStack as strict as AWS where a pipeline depends on it. It refuses more than MiniStack, and never less.

This module changes MiniStack in its own process before it starts. It adds what MiniStack lacks:

- The function's resource policy must let the rule invoke the function. Otherwise the event goes to the target's dead-letter
  queue, if the queue's policy lets the rule send. Without such a queue the event is lost, as on AWS. This delivery is not
  tried again, and neither is a delivery to a function that does not exist.
- A delivered event runs asynchronously: after the retries, the failure goes to the function's failure destination or
  dead-letter queue. The message has everything that AWS documents. The function's role must be allowed to send it. AWS waits
  one minute and then two. Here the first wait is LAMBDA_ASYNC_RETRY_BASE_SECONDS, which MiniStack reads. Events wait for a
  function that is throttled.
- An error of a function has its own type and its stack trace.
- Each attempt counts in the metrics AWS/Lambda (Invocations, Errors, Duration). Each failed delivery counts in AWS/Events
  (FailedInvocations, InvocationsSentToDlq, InvocationsFailedToBeSentToDlq). Each failure that cannot be sent on counts in
  AWS/Lambda (DestinationDeliveryFailures, DeadLetterErrors).
- Code in S3 must exist. The role of a function must be allowed to send failures and to join a network. The subnets of the
  network must exist.
- A session with a role is not longer than AWS allows, and as short as a test wants.
- A bucket's name must fit its namespace. A trail's bucket must let the trail write.
- A trail that records the writes to a bucket sends them to the event bus.
- Only the one port that was asked for is open.

MiniStack itself does the rest as AWS does. A bucket sends events only while its notification configuration has EventBridge in
it. A disabled rule delivers nothing. An input transformer is applied before the target is invoked. PutEvents accepts no source
that begins with `aws.`.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html; the modules in `strict` name the sources of the rest.
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
# A client with an idle TLS connection does not answer when the connection closes. asyncio would wait half a minute for it.
TLS_GOODBYE_SECONDS = 0.2

logger = logging.getLogger("ingestion_local.strict_delivery")


@dataclass(frozen=True)
class Delivery:
    """One event on its way: its target, the rule that sent it, and the event as it matched the rule."""

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
    """Install the strict delivery in MiniStack.

    Raises SystemExit with the difference if MiniStack is not the version for which this was written.
    """
    installed = version("ministack")
    if installed != MINISTACK_VERSION:
        raise SystemExit(
            f"ministack is version {installed}, but the strict delivery is written for {MINISTACK_VERSION}"
        )
    check_contract(CONTRACT)
    from ministack import app

    # Otherwise it would also open the port of https, if it may.
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
    # MiniStack finds its functions in a table.
    for action in ("CreateTrail", "UpdateTrail"):
        cloudtrail._DISPATCH[action] = trails.strict_trail(cloudtrail._DISPATCH[action])


def _make_sessions_strict() -> None:
    from ministack.services import sts

    sts.handle_request = sessions.strict_sessions(sts.handle_request)


def check_contract(contract: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Raise SystemExit unless each module has each function with the parameters in the contract."""
    for module_name, wanted in contract.items():
        module = importlib.import_module(module_name)
        for name, parameters in wanted.items():
            function = getattr(module, name, None)
            if not callable(function):
                raise SystemExit(f"{module_name} has no {name}: adapt the strict delivery")
            actual = list(inspect.signature(function).parameters)
            if actual != parameters:
                raise SystemExit(f"{module_name}.{name} takes {actual}, not {parameters}: adapt the strict delivery")


def _remembering(inner: Callable[..., None], eventbridge: Any) -> Callable[..., None]:
    """Wrap `_invoke_target`. It keeps the rule, the target and the event for the dispatch that follows."""

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
    """Wrap `_execute_function_dispatch`. It names the error, and counts the invocations that EventBridge asked for.

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
    """Deliver one event to a function if the policy allows it, otherwise to the target's dead-letter queue."""
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
        dead_letter(delivery, "INVALID_JSON", f"the target's input transformer makes no JSON for function {name}")
    else:
        logger.info("delivering to %s", name)
        # This copies the context, and so the delivery, into the thread in which the attempts run.
        asynchronous.invoke(lambda_svc._execution_record_for_config(function, config), event[0])


def _parsed(payload: str) -> tuple[Any] | None:
    """The JSON value in a tuple, because `null` is a value too. None if the text is not JSON."""
    try:
        return (json.loads(payload),)
    except ValueError:
        return None


def dead_letter(delivery: Delivery, code: str, message: str) -> None:
    """Put an undeliverable event into the target's dead-letter queue, if that queue lets the rule send.

    `code` is one of the codes in https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html.
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
    """Put the event into the queue. Raises PermissionError with the reason if EventBridge could not do so on AWS."""
    if not allows(queue.policy_of(arn), "sqs:SendMessage", delivery.caller, resource=arn):
        raise PermissionError(f"queue {arn} does not let the rule send")
    # AWS adds EXHAUSTED_RETRY_CONDITION only after retries, and these events are never retried.
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
