"""Which resource policies let EventBridge act on behalf of a rule. Pure.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EVENTS_PRINCIPAL = "events.amazonaws.com"


@dataclass(frozen=True)
class Delivery:
    """The target that an event is on its way to, the rule that sent it, and the event as it matched the rule."""

    target: Mapping[str, Any]
    rule_arn: str
    account_id: str
    event: str = ""


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
    # ArnEquals and ArnLike are one and the same on AWS: both take patterns.
    found = {
        "StringEquals": exact,
        "ArnEquals": pattern,
        "Bool": exact,
        "StringLike": pattern,
        "ArnLike": pattern,
        "StringNotEquals": not exact,
        "ArnNotEquals": not pattern,
        "StringNotLike": not pattern,
        "ArnNotLike": not pattern,
    }
    return unclear if have is None else found.get(operator, unclear)


def _like(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.IGNORECASE if ignore_case else 0) is not None


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
