"""Decides whether a resource policy lets an AWS service act on behalf of one of the account's resources. Pure.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EVENTS_PRINCIPAL = "events.amazonaws.com"


@dataclass(frozen=True)
class Caller:
    """A service (`principal`) that acts on behalf of a resource of an account.

    `keys`: condition keys of the request, in lower case.
    """

    principal: str
    source_arn: str
    account_id: str
    keys: Mapping[str, str] = field(default_factory=dict)


def allows(
    policy: str | Mapping[str, Any] | Iterable[Mapping[str, Any]], action: str, caller: Caller, *, resource: str = ""
) -> bool:
    """Whether a resource policy (or its statements) lets a service do `action`: an allow fits, and no deny fits.

    With `resource`, statements about other resources do not fit. Raises ValueError for a text that is not JSON.
    """
    fitting = [s for s in _statements(policy) if _fits(s, action, caller, resource)]
    return any(s.get("Effect") == "Allow" for s in fitting) and not any(s.get("Effect") == "Deny" for s in fitting)


def _statements(policy: str | Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    document = json.loads(policy or "{}") if isinstance(policy, str) else policy
    statements = document.get("Statement", []) if isinstance(document, Mapping) else document
    return [statements] if isinstance(statements, Mapping) else statements


def _fits(statement: Mapping[str, Any], action: str, caller: Caller, resource: str) -> bool:
    # A condition that is not understood must never let an event in: then a deny holds, and an allow does not.
    unclear = statement.get("Effect") == "Deny"
    return (
        _names(statement, "Principal", lambda p: _is_caller(p, caller))
        and _names(statement, "Action", lambda v: any(_like(w, action, ignore_case=True) for w in _listed(v)))
        and (not resource or any(_like(w, resource) for w in _listed(statement.get("Resource", resource))))
        and all(
            _holds(operator, key, _listed(wanted), caller, unclear=unclear)
            for operator, pairs in (statement.get("Condition") or {}).items()
            for key, wanted in pairs.items()
        )
    )


def _names(statement: Mapping[str, Any], element: str, matches: Callable[[Any], bool]) -> bool:
    """Whether an element (`Principal`), or its opposite (`NotPrincipal`), is about this call."""
    if element in statement:
        return matches(statement[element])
    return f"Not{element}" in statement and not matches(statement[f"Not{element}"])


def _is_caller(principal: Any, caller: Caller) -> bool:
    if isinstance(principal, Mapping):
        return caller.principal in _listed(principal.get("Service")) or "*" in _listed(principal.get("AWS"))
    return bool(principal == "*")


def _holds(operator: str, key: str, wanted: list[str], caller: Caller, *, unclear: bool) -> bool:
    known = {
        **caller.keys,
        "aws:sourcearn": caller.source_arn,
        "aws:sourceaccount": caller.account_id,
        "aws:securetransport": "true",  # services call each other over TLS
    }
    have = known.get(key.lower())
    exact, pattern = have in wanted, have is not None and any(_like(w, have) for w in wanted)
    # ArnEquals and ArnLike mean the same on AWS: both accept patterns.
    holds = {
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
    return unclear if have is None else holds.get(operator, unclear)


def _like(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.IGNORECASE if ignore_case else 0) is not None


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
