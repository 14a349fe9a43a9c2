"""Runs the handlers with Kopf in this process, against the real API server and with a fake engine and cloud."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import kopf
import pytest

from fakes import Call, FakeCloud, FakeCodeCheck, FakeEngine
from ingestion_handlers.exporter import Exporter
from ingestion_handlers.registry import register
from ingestion_handlers.seen import Seen
from ingestion_handlers.services import Services
from ingestion_handlers.workers import Workers
from ingestion_local.processes import free_ports
from ingestion_operator.adapters.kubernetes import KubernetesCluster, load_configuration
from ingestion_operator.errors import Interrupted
from ingestion_operator.ports.state_store import Space
from ingestion_operator.reconcile.account_check import AccountCheck
from ingestion_operator.reconcile.context import Context
from ingestion_operator.reconcile.reconciler import Reconciler
from ingestion_operator.settings import Settings
from ingestion_operator.status.schedule import Backoff


class Clock:
    """The clock for the deadlines of operations."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Running:
    """A running operator and its fakes."""

    engine: InterruptibleEngine
    cloud: FakeCloud
    namespace: str
    address: str
    health_address: str
    clock: Clock
    stop: Callable[[], None]
    """Stops the operator and waits until it has stopped."""

    def health(self) -> int:
        """The HTTP status of the liveness probe."""
        return self._get(f"http://{self.health_address}/healthz")[0]

    def get(self, path: str) -> tuple[int, str]:
        """The HTTP status and the text of an answer of the operator's own web server."""
        return self._get(f"http://{self.address}{path}")

    @staticmethod
    def _get(url: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    @property
    def verbs(self) -> list[str]:
        """The verbs of the engine's calls. An update that only compares is a refresh."""
        return [_verb(call) for call in self.engine.calls]


def _verb(call: Call) -> str:
    if call.request is None:
        return call.verb
    return "create" if call.request.create else "refresh" if call.refreshed else "update"


@dataclass
class InterruptibleEngine(FakeEngine):
    """A fake engine with the further methods that the handlers use."""

    interrupted: threading.Event = field(default_factory=threading.Event)
    interrupted_at: float = 0.0
    """When the stop reached the engine, in seconds of the monotonic clock."""

    def cli_processes(self) -> tuple[int, int]:
        return 0, len(self.calls)

    def space(self) -> Space:
        return Space(1, 2)

    def interrupt(self) -> None:
        if not self.interrupted.is_set():
            self.interrupted_at = time.monotonic()
        self.interrupted.set()

    def fail(self) -> None:
        if self.interrupted.is_set():
            raise Interrupted("interrupted, because the operator stops")
        super().fail()


@contextmanager
def running(namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Run the handlers for one namespace until the block ends."""
    cloud = FakeCloud()
    engine = InterruptibleEngine(cloud)
    clock = Clock()

    def connect(settings: Settings) -> Services:
        load_configuration()
        backoff = Backoff(base_seconds=0.2, cap_seconds=1, maximum=3, waiting_seconds=0.5)
        cluster, exporter = KubernetesCluster("it"), Exporter(clock)
        context = Context(cluster, cloud, engine, "us-east-1", backoff, observer=exporter, code_check=FakeCodeCheck())
        return Services(
            settings,
            cluster,
            cloud,  # type: ignore[arg-type]
            engine,  # type: ignore[arg-type]
            exporter,
            Workers(4),
            Seen(),
            Reconciler(context),
            AccountCheck(context),
        )

    monkeypatch.setattr("ingestion_handlers.startup.connect", connect)
    address, health = (f"127.0.0.1:{port}" for port in free_ports(2))
    monkeypatch.setenv("INGESTION_METRICS_ADDRESS", address)
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_operate(namespace, health, ready, stop)))
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(60)

    try:
        assert ready.wait(60), "Kopf did not start"
        yield Running(engine, cloud, namespace, address, health, clock, end)
    finally:
        end()


async def _operate(namespace: str, health: str, ready: threading.Event, stop: threading.Event) -> None:
    flag = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (stop.wait(), loop.call_soon_threadsafe(flag.set)), daemon=True).start()
    ready_flag = asyncio.Event()
    asyncio.ensure_future(ready_flag.wait()).add_done_callback(lambda _: ready.set())
    registry = kopf.OperatorRegistry()
    register(Settings(), registry)
    await kopf.operator(
        registry=registry,
        standalone=True,
        namespaces=[namespace],
        stop_flag=flag,
        ready_flag=ready_flag,
        liveness_endpoint=f"http://{health}/healthz",
    )
