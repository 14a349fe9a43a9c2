"""The handlers in a Kopf of this process, against the real API server, with engine and cloud as fakes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import kopf
import pytest

import ingestion_handlers.handlers as handlers_module
from fakes import Call, FakeCloud, FakeEngine
from ingestion_handlers.wiring import Wiring
from ingestion_operator.conclude import Backoff
from ingestion_operator.kube import KubernetesCluster, load_configuration
from ingestion_operator.reconcile import Reconciler
from ingestion_operator.settings import Settings


@dataclass(frozen=True)
class Running:
    """A running operator and its doubles."""

    engine: FakeEngine
    cloud: FakeCloud
    namespace: str

    @property
    def verbs(self) -> list[str]:
        """What the engine was asked for; an update that only looks is a refresh."""
        return [_verb(call) for call in self.engine.calls]


def _verb(call: Call) -> str:
    if call.request is None:
        return call.verb
    return "create" if call.request.create else "refresh" if call.request.refresh else "update"


class InterruptibleEngine(FakeEngine):
    """What the handlers want of an engine besides the port."""

    def interrupt(self) -> None:
        self.during = lambda: None


@contextmanager
def running(namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Run the handlers on one namespace until the end of the block."""
    cloud = FakeCloud()
    engine = InterruptibleEngine(cloud)

    def wire(settings: Settings) -> Wiring:
        load_configuration()
        backoff = Backoff(base_seconds=0.2, cap_seconds=1, maximum=3, waiting_seconds=0.5)
        reconciler = Reconciler(KubernetesCluster("it"), cloud, engine, "us-east-1", backoff)
        return Wiring(settings, engine, reconciler, ThreadPoolExecutor(4))  # type: ignore[arg-type]

    monkeypatch.setattr(handlers_module, "wire", wire)
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_operate(namespace, ready, stop)))
    thread.start()
    try:
        assert ready.wait(60), "Kopf did not start"
        yield Running(engine, cloud, namespace)
    finally:
        stop.set()
        thread.join(60)


async def _operate(namespace: str, ready: threading.Event, stop: threading.Event) -> None:
    flag = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (stop.wait(), loop.call_soon_threadsafe(flag.set)), daemon=True).start()
    ready_flag = asyncio.Event()
    asyncio.ensure_future(ready_flag.wait()).add_done_callback(lambda _: ready.set())
    await kopf.operator(standalone=True, namespaces=[namespace], stop_flag=flag, ready_flag=ready_flag)
