"""The engine adapter on the real Pulumi CLI: a stop ends an update of minutes at once, and the next operator finishes it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from ingestion_local.emulator import Emulator
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.errors import Interrupted
from ingestion_operator.ports.engine import DestroyRequest
from integration.http_server import Answer, Request, handed_on, serving
from integration.test_engine import engine_on, made, request, settings

__all__ = ["settings"]

# The exit of the operator within 30 seconds has to hold on a machine that is busy with other tests too.
LONGEST_SECONDS = 30.0


def test_a_stop_ends_an_update_of_minutes_at_once_and_leaves_no_lock(
    settings: EngineSettings, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = made("stop", emulator.account_id)
    engine, slow, go = engine_on(settings), threading.Event(), threading.Event()

    def answer(asked: Request) -> Answer:
        if asked.method == "POST" and asked.path.endswith("/functions"):
            slow.set()
            go.wait(240)
            return Answer(500, {}, b"")
        return handed_on(emulator, asked)

    ended: list[float] = []

    def work() -> None:
        with pytest.raises(Interrupted):
            engine.update(request(wanted, create=True), lambda _: None)
        ended.append(time.monotonic())

    with serving(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        thread = threading.Thread(target=work)
        thread.start()
        assert slow.wait(120), "the function is never created"
        asked = time.monotonic()
        engine.interrupt()
        thread.join(120)
        go.set()
    assert ended, "the update goes on"
    assert ended[0] - asked < LONGEST_SECONDS
    state = Path(settings.backend_url.removeprefix("file://"))
    assert [path for path in state.rglob(".pulumi/locks/**/*") if path.is_file()] == []
    assert wanted.names.role in (state / ".pulumi/stacks/ingestion/stop.json").read_text(), "the state is written"

    with pytest.raises(Interrupted, match="not begun"):
        engine.update(request(wanted, create=False), lambda _: None)

    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.env()["AWS_ENDPOINT_URL"])
    successor = engine_on(settings)
    result = successor.update(request(wanted, create=False, refresh=True), lambda _: None)
    assert result.broken_lock == ""
    assert len(result.resources) == len(wanted.resources)
    successor.destroy(DestroyRequest(request(wanted, create=False).stack, 120), lambda _: None)
