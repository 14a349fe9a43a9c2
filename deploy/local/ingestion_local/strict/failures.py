"""What Lambda reports about an asynchronous invocation that finally failed. Pure.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html (the record, the
dead-letter queue), https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html (the error of a function)
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

RETRIES_EXHAUSTED, AGE_EXCEEDED = "RetriesExhausted", "EventAgeExceeded"
LATEST = "$LATEST"
# "The first 1 KB of the error message."
DEAD_LETTER_MESSAGE = 1024
TRACEBACK = "Traceback (most recent call last):\n"
# MiniStack uses this type for every exception of a function.
UNNAMED = "Runtime.HandlerError"
NAME = re.compile(r"([A-Za-z_][\w.]*)(?::|$)")


@dataclass(frozen=True)
class Failure:
    """Why an invocation ended without success: the condition, the number of attempts, and the last answer."""

    condition: str
    attempts: int
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Invocation:
    """An asynchronous invocation. All attempts have the same id."""

    request_id: str
    function_arn: str
    event: Any


def record(invocation: Invocation, failure: Failure, now: datetime.datetime) -> dict[str, Any]:
    """The record for a failure destination."""
    ran = failure.attempts > 0
    return {
        "version": "1.0",
        "timestamp": now.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": f"{invocation.function_arn}:{LATEST}",
            "condition": failure.condition,
            "approximateInvokeCount": failure.attempts,
        },
        "requestPayload": invocation.event,
        **({"responseContext": _context(failure.answer), "responsePayload": failure.answer.get("body")} if ran else {}),
    }


def _context(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "executedVersion": LATEST,
        "functionError": answer.get("function_error") or "Unhandled",
    }


def dead_letter(invocation: Invocation, failure: Failure) -> tuple[str, dict[str, tuple[str, str]]]:
    """The message for a function's dead-letter queue: only the event, with attributes (data type and value)."""
    body = failure.answer.get("body")
    message = str(body.get("errorMessage", "")) if isinstance(body, Mapping) else ""
    attributes = {
        "RequestID": ("String", invocation.request_id),
        "ErrorCode": ("Number", "200" if failure.attempts else "429"),
        # SQS accepts no empty value.
        "ErrorMessage": ("String", message[:DEAD_LETTER_MESSAGE] or "-"),
    }
    return json.dumps(invocation.event), attributes


def reported(answer: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """The answer with AWS's name of the error. MiniStack has the traceback in the log, but not the type."""
    body, log = answer.get("body"), str(answer.get("log") or "")
    if not isinstance(body, Mapping) or body.get("errorType") != UNNAMED or TRACEBACK not in log:
        return dict(answer)
    # The last traceback is the exception's own. Those of its causes come first.
    lines = log.rpartition(TRACEBACK)[2].splitlines()
    frames = list(_frames(lines))
    named = next((NAME.match(line) for line in lines if line and not line.startswith(" ")), None)
    error = {
        "errorMessage": body.get("errorMessage", ""),
        "errorType": named.group(1).rpartition(".")[2] if named else UNNAMED,
        "requestId": request_id,
        # The first frame is the runtime's call of the handler.
        "stackTrace": frames[1:],
    }
    return {**answer, "body": error}


def _frames(lines: list[str]) -> Iterator[str]:
    """The frames of a traceback. Each has a line with the place, and lines with its code."""
    frame: list[str] = []
    for line in lines:
        if frame and not line.startswith("    "):
            yield "".join(frame)
            frame = []
        if line.startswith('  File "') or (frame and line.startswith("    ")):
            frame.append(f"{line}\n")
        elif not line.startswith(" "):
            return
