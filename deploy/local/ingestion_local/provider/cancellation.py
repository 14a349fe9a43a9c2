"""How a call under way ends when the engine cancels: at once, and with an error, although AWS may still act on it.

The real provider gives each call a context that ends with the provider's stop, so that requests and waits are given up.
(https://pkg.go.dev/github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema#GRPCProviderServer.StopContext)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ingestion_local.provider.calls import Refused

T = TypeVar("T")

LOOK_SECONDS = 0.05
# The message of a context of Go that was cancelled: https://pkg.go.dev/context#pkg-variables
CANCELED = "context canceled"


class Cancelled(Refused):
    """The engine cancelled while the call was under way. Nobody knows whether AWS acted on it."""


def until_stopped(call: Callable[[], T], stopped: threading.Event) -> T:
    """The result of the call. Raises what the call raises, and Cancelled as soon as `stopped` is set."""
    if stopped.is_set():
        raise Cancelled(CANCELED)
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="call").start()
    while not stopped.is_set():
        try:
            return future.result(LOOK_SECONDS)
        except TimeoutError:
            if future.done():
                return future.result()
    if future.done():
        return future.result()
    raise Cancelled(CANCELED)
