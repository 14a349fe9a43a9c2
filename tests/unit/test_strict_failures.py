"""The report of an invocation that finally failed has everything that AWS documents."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from ingestion_local.strict.failures import Failure, Invocation, dead_letter, record, reported

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
INVOCATION = Invocation("some-id", "arn:aws:lambda:us-east-1:123456789012:function:fn", {"key": 1})
ERROR = {"errorMessage": "no", "errorType": "ValueError"}


def test_a_record_has_the_event_the_reason_and_the_error() -> None:
    assert record(INVOCATION, Failure("RetriesExhausted", 3, {"body": ERROR}), NOW) == {
        "version": "1.0",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "requestContext": {
            "requestId": "some-id",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"key": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": ERROR,
    }


def test_a_record_of_what_never_ran_has_no_answer() -> None:
    found = record(INVOCATION, Failure("EventAgeExceeded", 0, {"error": True}), NOW)
    assert {"responseContext", "responsePayload"} & set(found) == set()


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        pytest.param(Failure("RetriesExhausted", 1, {"body": ERROR}), "200", "no", id="an error"),
        pytest.param(
            Failure("RetriesExhausted", 1, {"body": {"errorMessage": "x" * 2000}}), "200", "x" * 1024, id="a long error"
        ),
        pytest.param(Failure("EventAgeExceeded", 0, {"body": None}), "429", "-", id="a function that was busy"),
    ],
)
def test_a_dead_letter_is_the_event_with_attributes(failure: Failure, code: str, message: str) -> None:
    body, attributes = dead_letter(INVOCATION, failure)
    assert json.loads(body) == {"key": 1}
    assert attributes == {
        "RequestID": ("String", "some-id"),
        "ErrorCode": ("Number", code),
        "ErrorMessage": ("String", message),
    }


CHAINED = """printed
Traceback (most recent call last):
  File "runtime.py", line 1, in run
    handler_fn(event, context)
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "runtime.py", line 1, in run
    result = handler_fn(event, context)
             ^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/code/index.py", line 5, in handler
    call()
  File "/code/index.py", line 9, in call
botocore.exceptions.ClientError: An error occurred
  with more lines: of text
"""


def answer(error_type: str = "Runtime.HandlerError", log: str = CHAINED) -> dict[str, Any]:
    return {"error": True, "body": {"errorMessage": "An error", "errorType": error_type}, "log": log}


def test_an_error_has_the_type_and_the_trace_of_the_last_exception() -> None:
    assert reported(answer(), "some-id")["body"] == {
        "errorMessage": "An error",
        "errorType": "ClientError",
        "requestId": "some-id",
        "stackTrace": [
            '  File "/code/index.py", line 5, in handler\n    call()\n',
            '  File "/code/index.py", line 9, in call\n',
        ],
    }


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"body": 5, "log": CHAINED}, id="a success"),
        pytest.param(answer(log="killed"), id="an error without a trace"),
        pytest.param(answer("Sandbox.Timedout"), id="a function that took too long"),
        pytest.param(
            {"error": True, "throttle": True, "body": {"__type": "TooManyRequestsException"}}, id="a busy one"
        ),
    ],
)
def test_every_other_answer_stays_as_it_is(given: dict[str, Any]) -> None:
    assert reported(given, "some-id") == given
