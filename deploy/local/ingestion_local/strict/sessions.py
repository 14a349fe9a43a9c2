"""Sessions with a role last only as long as AWS allows. MiniStack itself accepts any duration.

- A session cannot be longer than the role's MaxSessionDuration. If a role assumes another role, it cannot be longer than an hour.
- The tag `SHORT` of a role decides the seconds of its sessions, whatever the request asks for. A session of AWS lasts at least
  15 minutes, and a test of the renewal cannot wait that long. The answer says when the session ends.

MiniStack itself evaluates trust policies with sts:ExternalId, sts:RoleSessionName and request tags. It refuses ended sessions.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

SHORT = "ingestion-local/session-seconds"
DEFAULT_SECONDS = CHAINED_SECONDS = 3600
Answer = tuple[Any, ...]
Handler = Callable[[str, str, Any, bytes, Any], Awaitable[Answer]]


def strict_sessions(inner: Handler) -> Handler:
    """Wrap `sts.handle_request`. It refuses sessions that are too long, and shortens those of roles with the tag."""

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Answer:
        given = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        if given.get("Action") != "AssumeRole" or (role := _role(given.get("RoleArn", ""))) is None:
            return await inner(method, path, headers, body, query_params)
        from ministack.services import sts

        caller = sts._caller_identity(headers, query_params)
        chained = isinstance(caller, dict) and caller["principalType"] == "AssumedRole"
        if problem := too_long(int(given.get("DurationSeconds") or DEFAULT_SECONDS), role, chained=chained):
            return tuple(sts._error(400, "ValidationError", problem, ns="sts"))
        if short := _tags(role).get(SHORT):
            body = urlencode({**given, "DurationSeconds": short}).encode()
        return await inner(method, path, headers, body, query_params)

    return handle_request


def too_long(seconds: int, role: Mapping[str, Any], *, chained: bool) -> str:
    """Why AWS would refuse a session with this many seconds; empty if it would not."""
    if seconds > int(role.get("MaxSessionDuration") or DEFAULT_SECONDS):
        return "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    if chained and seconds > CHAINED_SECONDS:
        return "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    return ""


def _role(arn: str) -> Mapping[str, Any] | None:
    from ministack.services import iam

    if arn.count(":") != 5:
        return None
    role: Mapping[str, Any] | None = iam._roles.get_scoped(arn.split(":")[4], None, arn.rpartition("/")[2])
    return role


def _tags(role: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in role.get("Tags") or []}
