"""Failed calls to AWS in the words of the real provider, and the waits for AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

SETTLE_SECONDS = 60.0
SETTLE_INTERVAL_SECONDS = 0.02
PROPAGATION_SECONDS = 10.0
PROPAGATION_INTERVAL_SECONDS = 0.2


class Refused(Exception):
    """AWS or the stand-in refused a call. The message is the provider's answer."""


def error_code(error: Exception) -> str:
    """AWS's code of a failed call; empty for every other exception."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str((response.get("Error") or {}).get("Code", ""))


@contextmanager
def doing(what: str, client: Any) -> Iterator[None]:
    """Word a failed call as the real provider does. Raises Refused."""
    try:
        yield
    except Exception as error:
        if not error_code(error):
            raise
        raise Refused(f"{what}: {_worded(error, client)}") from error


def _worded(error: Any, client: Any) -> str:
    """A failed call as the AWS SDK of the real provider words it."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    # botocore has an exception class of its own for each error in the service's model.
    modelled = type(error).__name__ != "ClientError"
    code = f"{'' if modelled else 'api error '}{error_code(error)}"
    service = client.meta.service_model.service_id
    message = error.response["Error"].get("Message", "")
    return (
        f"operation error {service}: {error.operation_name}, "
        f"https response error StatusCode: {status}, {code}: {message}"
    )


@contextmanager
def absent_is_fine(*codes: str) -> Iterator[None]:
    """Ignore a failure with one of these codes, which say that the resource is absent."""
    try:
        yield
    except Exception as error:
        if error_code(error) not in codes:
            raise


def settled(what: str, check: Callable[[], bool]) -> None:
    """Wait until AWS has finished its work in the background. Raises Refused when it takes too long."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not check():
        if time.monotonic() > deadline:
            raise Refused(f"waiting for {what}: it is not ready after {SETTLE_SECONDS:g} s")
        time.sleep(SETTLE_INTERVAL_SECONDS)


def propagated(call: Callable[[], T], is_early: Callable[[Exception], bool]) -> T:
    """Repeat a call that fails because another service does not know a new resource yet."""
    deadline = time.monotonic() + PROPAGATION_SECONDS
    while True:
        try:
            return call()
        except Exception as error:
            if not is_early(error) or time.monotonic() > deadline:
                raise
        time.sleep(PROPAGATION_INTERVAL_SECONDS)
