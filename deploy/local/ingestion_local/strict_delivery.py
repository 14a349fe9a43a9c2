"""MiniStack, with delivery from EventBridge to Lambda made as strict as AWS. Stricter, never laxer.

What MiniStack lacks and this adds, in its own process, before it starts:

- the function's resource policy must let the rule invoke it, else the event goes to the target's dead-letter queue if
  there is one whose policy lets the rule send, and is lost otherwise, as on AWS;
- what is let in runs the asynchronous way: retries, then the function's dead-letter queue or failure destination.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html,
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import inspect
import json
import logging
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

MINISTACK_VERSION = "1.5.33"
EVENTS_PRINCIPAL = "events.amazonaws.com"

logger = logging.getLogger("ingestion_local.strict_delivery")


@dataclass(frozen=True)
class Delivery:
    """The target that an event is on its way to, and the rule that sent it."""

    target: Mapping[str, Any]
    rule_arn: str
    account_id: str


_current: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


def allows(statements: Iterable[Mapping[str, Any]], action: str, delivery: Delivery, *, resource: str = "") -> bool:
    """Whether a resource policy lets EventBridge do `action` on behalf of the rule: an allow, and no deny, that fits.

    With `resource`, statements about other resources do not fit.
    """
    fitting = [s for s in statements if _fits(s, action, delivery, resource)]
    return any(s.get("Effect") == "Allow" for s in fitting) and not any(s.get("Effect") == "Deny" for s in fitting)


def _fits(statement: Mapping[str, Any], action: str, delivery: Delivery, resource: str) -> bool:
    # What is not understood must never let an event in: then a deny holds, and an allow does not.
    unclear = statement.get("Effect") == "Deny"
    return (
        _names(statement, "Principal", _is_events)
        and _names(statement, "Action", lambda v: any(_like(w, action, ignore_case=True) for w in _listed(v)))
        and (not resource or any(_like(w, resource) for w in _listed(statement.get("Resource", resource))))
        and all(
            _holds(operator, key, _listed(wanted), delivery, unclear=unclear)
            for operator, pairs in (statement.get("Condition") or {}).items()
            for key, wanted in pairs.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, matches: Callable[[Any], bool]) -> bool:
    """Whether an element (`Principal`), or its opposite (`NotPrincipal`), is about this delivery."""
    if element in statement:
        return matches(statement[element])
    return f"Not{element}" in statement and not matches(statement[f"Not{element}"])


def _is_events(principal: Any) -> bool:
    if isinstance(principal, Mapping):
        return EVENTS_PRINCIPAL in _listed(principal.get("Service")) or "*" in _listed(principal.get("AWS"))
    return bool(principal == "*")


def _holds(operator: str, key: str, wanted: list[str], delivery: Delivery, *, unclear: bool) -> bool:
    known = {
        "aws:sourcearn": delivery.rule_arn,
        "aws:sourceaccount": delivery.account_id,
        "aws:securetransport": "true",  # services call each other over TLS
    }
    have = known.get(key.lower())
    exact, pattern = have in wanted, have is not None and any(_like(w, have) for w in wanted)
    found = {
        "StringEquals": exact,
        "ArnEquals": exact,
        "Bool": exact,
        "StringLike": pattern,
        "ArnLike": pattern,
        "StringNotEquals": not exact,
        "ArnNotEquals": not exact,
        "StringNotLike": not pattern,
        "ArnNotLike": not pattern,
    }
    return unclear if have is None else found.get(operator, unclear)


def _like(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.IGNORECASE if ignore_case else 0) is not None


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def make_strict() -> None:
    """Put the strict delivery in place. Raises SystemExit if MiniStack is not the version that it was written for."""
    found = version("ministack")
    if found != MINISTACK_VERSION:
        raise SystemExit(f"ministack is {found}, but the strict delivery is written for {MINISTACK_VERSION}")
    from ministack.services import eventbridge, lambda_svc

    _expect(eventbridge._invoke_target, ["target", "event", "rule", "view"])
    _expect(eventbridge._dispatch_to_lambda, ["arn", "payload"])
    _expect(lambda_svc.invoke_async_with_retry, ["func", "event"])
    _expect(lambda_svc._get_func_record_for_ref, ["function_ref"])
    eventbridge._invoke_target = _remembering(eventbridge._invoke_target, eventbridge)
    eventbridge._dispatch_to_lambda = dispatch_to_lambda


def _expect(function: Callable[..., Any], parameters: list[str]) -> None:
    found = list(inspect.signature(function).parameters)
    if found != parameters:
        raise SystemExit(f"ministack's {function.__name__} takes {found}, not {parameters}: adapt the strict delivery")


def _remembering(inner: Callable[..., None], eventbridge: Any) -> Callable[..., None]:
    """`_invoke_target`, with the rule and the target kept for the dispatch that it leads to."""

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        token = _current.set(Delivery(target, rule.get("Arn", ""), eventbridge.get_account_id()))
        try:
            inner(target, event, rule, view)
        finally:
            _current.reset(token)

    return invoke_target


def dispatch_to_lambda(arn: str, payload: str) -> None:
    """Deliver one event to a function, if it may; else to the target's dead-letter queue."""
    from ministack.services import lambda_svc

    delivery = _current.get()
    if delivery is None:
        raise RuntimeError("an event without a rule")
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not config:
        dead_letter(delivery, payload, "RESOURCE_NOT_FOUND", f"function {name} does not exist")
    elif not allows((function.get("policy") or {}).get("Statement", []), "lambda:InvokeFunction", delivery):
        dead_letter(delivery, payload, "NO_PERMISSIONS", f"function {name} does not let {delivery.rule_arn} invoke it")
    else:
        logger.info("delivering to %s", name)
        lambda_svc.invoke_async_with_retry(
            lambda_svc._execution_record_for_config(function, config), json.loads(payload)
        )


def dead_letter(delivery: Delivery, payload: str, code: str, message: str) -> None:
    """Put an undeliverable event into the target's dead-letter queue, if it has one that lets the rule send."""
    from ministack.services import sqs

    arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn", "")
    queue = sqs._queue_by_arn(arn) if arn else None
    if queue is None:
        logger.warning("dropped: %s (%s), and no dead-letter queue", message, code)
        return
    policy = json.loads(queue["attributes"].get("Policy") or "{}")
    if not allows(policy.get("Statement", []), "sqs:SendMessage", delivery, resource=arn):
        logger.warning("dropped: %s (%s), and %s does not let the rule send", message, code, arn)
        return
    attributes = {
        "RULE_ARN": delivery.rule_arn,
        "TARGET_ARN": delivery.target.get("Arn", ""),
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
    }
    queue["messages"].append(_message(payload, attributes))
    logger.warning("dead-lettered: %s (%s)", message, code)


def _message(payload: str, attributes: Mapping[str, str]) -> dict[str, Any]:
    import hashlib

    now = time.time()
    return {
        "id": str(uuid.uuid4()),
        "body": payload,
        "md5_body": hashlib.md5(payload.encode(), usedforsecurity=False).hexdigest(),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now,
        "receive_count": 0,
        "attributes": {},
        "message_attributes": {k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
        "sys": {"SenderId": EVENTS_PRINCIPAL, "SentTimestamp": str(int(now * 1000))},
    }


def main() -> None:
    """Run the emulator in the foreground."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    make_strict()
    from ministack.app import main as run

    sys.argv = [sys.argv[0]]
    run()


if __name__ == "__main__":
    main()
