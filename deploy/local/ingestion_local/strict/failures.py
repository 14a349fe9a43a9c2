"""What Lambda tells of an asynchronous invocation that failed for good. Pure.

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
# What MiniStack calls every exception of a function.
UNNAMED = "Runtime.HandlerError"
NAME = re.compile(r"([A-Za-z_][\w.]*)(?::|$)")


@dataclass(frozen=True)
class Failure:
    """Why an invocation was given up, after how many attempts, and what the last one answered."""

    condition: str
    attempts: int
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Invocation:
    """An asynchronous invocation: its id is the same in all attempts."""

    request_id: str
    function_arn: str
    event: Any


def record(invocation: Invocation, failure: Failure, now: datetime.datetime) -> dict[str, Any]:
    """What a failure destination gets."""
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
    """What a function's dead-letter queue gets: the event alone, and attributes (data type and value)."""
    body = failure.answer.get("body")
    message = str(body.get("errorMessage", "")) if isinstance(body, Mapping) else ""
    attributes = {
        "RequestID": ("String", invocation.request_id),
        "ErrorCode": ("Number", "200" if failure.attempts else "429"),
        # SQS takes no empty value.
        "ErrorMessage": ("String", message[:DEAD_LETTER_MESSAGE] or "-"),
    }
    return json.dumps(invocation.event), attributes


def reported(answer: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """An answer whose error is named as AWS names it: MiniStack keeps the traceback in the log, and forgets the type."""
    body, log = answer.get("body"), str(answer.get("log") or "")
    if not isinstance(body, Mapping) or body.get("errorType") != UNNAMED or TRACEBACK not in log:
        return dict(answer)
    # The last one is that of the exception itself, after those of its causes.
    lines = log.rpartition(TRACEBACK)[2].splitlines()
    frames = list(_frames(lines))
    named = next((NAME.match(line) for line in lines if line and not line.startswith(" ")), None)
    error = {
        "errorMessage": body.get("errorMessage", ""),
        "errorType": named.group(1).rpartition(".")[2] if named else UNNAMED,
        "requestId": request_id,
        # The first is the call of the handler by the runtime.
        "stackTrace": frames[1:],
    }
    return {**answer, "body": error}


def _frames(lines: list[str]) -> Iterator[str]:
    """Each frame of a traceback: the line that names the place, and those that show it."""
    frame: list[str] = []
    for line in lines:
        if frame and not line.startswith("    "):
            yield "".join(frame)
            frame = []
        if line.startswith('  File "') or (frame and line.startswith("    ")):
            frame.append(f"{line}\n")
        elif not line.startswith(" "):
            return
