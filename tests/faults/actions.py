"""What a proxy does to a request instead of passing it on, and the rules that say to which requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from faults.operations import Request, protocol_of

# More than the attempts that botocore makes for one call, so that a caller sees the fault.
PERSISTENT = 8
DELAY_SECONDS = 3.0


class Action(StrEnum):
    """What happens to a request."""

    REFUSE = "refuse"
    """The server refuses it for lack of a permission."""
    THROTTLE = "throttle"
    """The server says that there are too many requests."""
    DELAY = "delay"
    """The server does it late."""
    CUT = "cut"
    """The connection ends before the server sees the request."""
    FAIL = "fail"
    """The server does nothing, and answers 500."""
    CUT_AFTER = "cut after"
    """The server does it, and the connection ends before the answer."""
    FAIL_AFTER = "fail after"
    """The server does it, and answers 500."""
    SKEW = "skew"
    """The server says that the client's clock is wrong."""


class ApiAction(StrEnum):
    """What only an API server answers."""

    CONFLICT = "conflict"
    """The object has changed since the client read it."""


DOES_IT = {Action.DELAY, Action.CUT_AFTER, Action.FAIL_AFTER}


@dataclass(frozen=True)
class Refusal:
    """A server's answer that says no."""

    status: int
    content_type: str
    body: bytes


@dataclass
class Rule:
    """Do `action` to the requests that match, from the first one on, as often as `times` says."""

    matches: Callable[[Request], bool]
    action: Action | ApiAction
    times: int = PERSISTENT
    hits: int = 0


@dataclass
class Rules:
    """The rules of one proxy, and all requests that it saw. Threads may use it."""

    seen: list[Request] = field(default_factory=list)
    _rules: list[Rule] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, rule: Rule) -> Rule:
        with self._guard:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Pass everything on from now on, and forget what was seen."""
        with self._guard:
            self._rules.clear()
            self.seen.clear()

    def applied_to(self, request: Request) -> Action | ApiAction | None:
        """What to do to a request; None means to pass it on."""
        with self._guard:
            self.seen.append(request)
            for rule in self._rules:
                if rule.hits < rule.times and rule.matches(request):
                    rule.hits += 1
                    return rule.action
            return None


# The code that AWS uses for each fault, by protocol where the services differ.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/query-api-troubleshooting.html (RequestExpired) is EC2's alone; S3 says
# RequestTimeTooSkewed: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
ACCESS_DENIED = {"rest-xml": "AccessDenied", "query": "AccessDenied"}
THROTTLED = {"rest-xml": "SlowDown", "query": "Throttling", "rest-json": "TooManyRequestsException"}
SKEWED = {"rest-xml": "RequestTimeTooSkewed", "query": "SignatureDoesNotMatch"}
FAILED = {"rest-xml": "InternalError", "query": "InternalFailure", "rest-json": "ServiceException"}


def aws_refusal(action: Action, service: str, operation: str) -> Refusal:
    """How the service words it."""
    protocol = protocol_of(service)
    match action:
        case Action.REFUSE:
            message = f"User: arn:aws:iam::123456789012:user/faults is not authorized to perform: {service}:{operation}"
            return _worded(protocol, 403, ACCESS_DENIED.get(protocol, "AccessDeniedException"), message)
        case Action.THROTTLE:
            status = {"rest-xml": 503, "rest-json": 429}.get(protocol, 400)
            return _worded(protocol, status, THROTTLED.get(protocol, "ThrottlingException"), "Rate exceeded")
        case Action.SKEW:
            code = SKEWED.get(protocol, "InvalidSignatureException")
            return _worded(protocol, 403, code, "Signature expired: the difference to the server's time is too large")
        case _:
            return _worded(protocol, 500, FAILED.get(protocol, "InternalFailure"), "We encountered an internal error")


def _worded(protocol: str, status: int, code: str, message: str) -> Refusal:
    if protocol == "rest-xml":
        return Refusal(
            status, "application/xml", f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        )
    if protocol == "query":
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return Refusal(status, "text/xml", f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>".encode())
    return Refusal(status, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode())


# https://github.com/kubernetes/apimachinery/blob/master/pkg/api/errors/errors.go
KUBERNETES: Mapping[Action | ApiAction, tuple[int, str, str]] = {
    ApiAction.CONFLICT: (
        409,
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
    ),
    Action.REFUSE: (403, "Forbidden", "refused"),
    Action.THROTTLE: (429, "TooManyRequests", "too many requests, please try again later"),
    Action.FAIL: (500, "InternalError", "etcdserver: request timed out"),
    Action.FAIL_AFTER: (504, "Timeout", "the server was unable to return a response in the time allotted"),
}


def kubernetes_refusal(action: Action | ApiAction) -> Refusal:
    """How the API server words it."""
    status, reason, message = KUBERNETES[action]
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": status,
        "reason": reason,
        "message": message,
    }
    return Refusal(status, "application/json", json.dumps(document).encode())
