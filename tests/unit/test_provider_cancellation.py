"""How a call of the stand-in ends when the engine cancels."""

from __future__ import annotations

import threading

import pytest

from ingestion_local.provider.cancellation import Cancelled, until_stopped


def test_a_call_returns_its_result_and_raises_its_error() -> None:
    stopped = threading.Event()
    assert until_stopped(lambda: 7, stopped) == 7
    for error in (ZeroDivisionError("a bug"), TimeoutError("of the call")):

        def fail(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error), match=str(error)):
            until_stopped(fail, stopped)


def test_a_call_under_way_ends_at_once_when_the_engine_cancels() -> None:
    stopped, begun, go = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        go.wait(60)

    def cancel() -> None:
        begun.wait(30)
        stopped.set()

    threading.Thread(target=cancel).start()
    with pytest.raises(Cancelled, match="context canceled"):
        until_stopped(call, stopped)
    go.set()


def test_no_call_begins_after_that() -> None:
    stopped, begun = threading.Event(), threading.Event()
    stopped.set()
    with pytest.raises(Cancelled):
        until_stopped(begun.set, stopped)
    assert not begun.is_set()
