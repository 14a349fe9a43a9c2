"""The handlers in a Kopf of this process, against the real API server, with engine and cloud as fakes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import kopf
import pytest

import ingestion_handlers.handlers as handlers_module
from ingestion_handlers.wiring import Wiring
from ingestion_operator.conclude import Backoff
from ingestion_operator.errors import BucketNotEmpty, PipelineError
from ingestion_operator.kube import KubernetesCluster, load_configuration
from ingestion_operator.model.status import AwsResource, Changes
from ingestion_operator.naming import Owner
from ingestion_operator.ports import EngineResult, OnProgress, Progress, StackRef, UpdateRequest
from ingestion_operator.reconcile import Reconciler
from ingestion_operator.resources import Blueprint, Place
from ingestion_operator.settings import Settings


@dataclass
class RecordingEngine:
    """An engine that remembers what it was asked for; `failures` are raised, one for each call."""

    calls: list[str] = field(default_factory=list)
    failures: list[PipelineError] = field(default_factory=list)
    stacks: dict[str, Blueprint] = field(default_factory=dict)

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        self._begin("refresh" if request.refresh else "create" if request.create else "update")
        total = len(request.blueprint.resources)
        for done in range(total + 1):
            on_progress(Progress(done, total))
        self.stacks[request.stack.name] = request.blueprint
        resources = tuple(AwsResource(name=r.name, type=r.type) for r in request.blueprint.resources)
        return EngineResult(Changes(create=total), resources, (), 1)

    def destroy(self, stack: StackRef, timeout_seconds: float, on_progress: OnProgress) -> EngineResult:
        self._begin("destroy")
        self.stacks.pop(stack.name, None)
        return EngineResult()

    def forget(self, stack: StackRef) -> None:
        self._begin("forget")
        self.stacks.pop(stack.name, None)

    def interrupt(self) -> None:
        self.calls.append("interrupt")

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class MemoryCloud:
    """An AWS account in memory: buckets, their tags and how many objects they hold."""

    buckets: dict[str, dict[str, str]] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)

    def place(self, region: str) -> Place:
        return Place("123456789012", region)

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        return self.buckets.get(bucket)

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        self.buckets[bucket] = dict(tags)

    def leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        return {}

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        return min(limit, self.objects.get(bucket, 0))

    def purge_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        self.objects.pop(bucket, None)

    def delete_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        if self.objects.get(bucket):
            raise BucketNotEmpty(f"{bucket} is not empty")
        self.buckets.pop(bucket, None)

    def wiring_faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Running:
    """A running operator and its doubles."""

    engine: RecordingEngine
    cloud: MemoryCloud
    namespace: str


@contextmanager
def running(namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """Run the handlers on one namespace until the end of the block."""
    engine, cloud = RecordingEngine(), MemoryCloud()

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
        assert ready.wait(30), "Kopf did not start"
        yield Running(engine, cloud, namespace)
    finally:
        stop.set()
        thread.join(30)


async def _operate(namespace: str, ready: threading.Event, stop: threading.Event) -> None:
    flag = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (stop.wait(), loop.call_soon_threadsafe(flag.set)), daemon=True).start()
    ready_flag = asyncio.Event()
    asyncio.ensure_future(ready_flag.wait()).add_done_callback(lambda _: ready.set())
    await kopf.operator(standalone=True, namespaces=[namespace], stop_flag=flag, ready_flag=ready_flag)
