"""The pipeline that the tests of the use case reconcile, on fakes of the ports and with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import CODE, KEY, NOW, OWNER
from fakes import Call, Crash, FakeCloud, FakeCluster, FakeCodeCheck, FakeEngine, FakeObserver
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.names import BUCKET_LIMIT, physical_name
from ingestion_operator.model.pipeline import PipelineKey, parse_status
from ingestion_operator.model.status import Status
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.context import Context, StillThere
from ingestion_operator.reconcile.reconciler import Reconciler
from ingestion_operator.status.schedule import Backoff

DATA_BUCKET = physical_name(OWNER, "data", BUCKET_LIMIT)
BACKOFF = Backoff(base_seconds=8, cap_seconds=300, maximum=3, waiting_seconds=15)
WAITING, POLL = timedelta(seconds=BACKOFF.waiting_seconds), timedelta(seconds=BACKOFF.poll_seconds)
LONGEST_BACKOFF = timedelta(seconds=400)
INLINE = {"code": {"inline": CODE}}


@dataclass
class PipelineUnderTest:
    """One pipeline, the fakes of the ports, and a clock that the test sets."""

    now: datetime = NOW
    cluster: FakeCluster = field(default_factory=FakeCluster)
    cloud: FakeCloud = field(default_factory=FakeCloud)
    key: PipelineKey = KEY
    observer: FakeObserver = field(default_factory=FakeObserver)
    code_check: FakeCodeCheck = field(default_factory=FakeCodeCheck)
    state_bucket: str = ""
    engine: FakeEngine = field(init=False)
    context: Context = field(init=False)
    reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        self.engine = FakeEngine(self.cloud)
        self.restart()

    def restart(self) -> None:
        self.context = Context(
            self.cluster,
            self.cloud,
            self.engine,
            "eu-west-1",
            BACKOFF,
            clock=lambda: self.now,
            observer=self.observer,
            code_check=self.code_check,
            state_bucket=self.state_bucket,
        )
        self.reconciler = Reconciler(self.context)

    def neighbour(self, name: str) -> PipelineUnderTest:
        """Another pipeline on the same fakes, with a clock of its own."""
        found = PipelineUnderTest(self.now, self.cluster, self.cloud, PipelineKey(self.key.namespace, name))
        found.engine = self.engine
        found.restart()
        return found

    @property
    def body(self) -> dict[str, Any]:
        return self.cluster.pipelines_by_key[self.key]

    @property
    def status(self) -> Status:
        return parse_status(self.body.get("status") or {})

    @property
    def conditions(self) -> dict[str, tuple[str, str]]:
        return {c.type: (c.status.value, c.reason) for c in self.status.conditions}

    @property
    def events(self) -> list[Reason]:
        return [event.reason for event in self.cluster.events]

    @property
    def verbs(self) -> list[str]:
        return [call.verb for call in self.engine.calls]

    @property
    def last_call(self) -> Call:
        return self.engine.calls[-1]

    @property
    def is_ready(self) -> bool:
        return self.conditions.get("Ready") == ("True", "Provisioned")

    def message(self, kind: str) -> str:
        found = self.status.condition(kind)
        return found.message if found else ""

    def create(self, **spec: Any) -> None:
        metadata = {"namespace": self.key.namespace, "name": self.key.name, "uid": "uid-1", "generation": 1}
        self.cluster.pipelines_by_key[self.key] = {
            "metadata": {**metadata, "annotations": {}},
            "spec": {"processor": INLINE, **spec},
        }

    def change(self, **spec: Any) -> None:
        self.body["spec"] |= spec
        self.body["metadata"]["generation"] += 1

    def annotate(self, name: str, value: str) -> None:
        self.body["metadata"]["annotations"][name] = value

    def reconcile(self, after: timedelta = timedelta()) -> None:
        self.now += after
        self.reconciler.reconcile(self.key)

    def build(self, **spec: Any) -> None:
        """Create the pipeline and reconcile it until it is provisioned."""
        self.create(**spec)
        self.reconcile()
        assert self.is_ready, self.status.conditions

    def tick(self, after: timedelta) -> None:
        """Time passes: reconcile only if the status says that it is time."""
        self.now += after
        due = self.status.next_check_time
        if due is not None and due <= self.now:
            self.reconciler.reconcile(self.key)

    def remove(self) -> None:
        """Delete the pipeline. The object stays as it is just before Kubernetes removes it, so that a test can look at it."""
        self.body["metadata"].setdefault("deletionTimestamp", self.now.isoformat())
        self.reconciler.remove(self.key, self.body["metadata"]["uid"])

    def refused_removal(self) -> StillThere:
        with pytest.raises(StillThere) as refusal:
            self.remove()
        return refusal.value

    def crash(self) -> None:
        """The operator dies in the middle of the next operation, and a new one starts."""
        self.engine.failures.append(Crash())
        with pytest.raises(Crash):
            self.reconciler.reconcile(self.key)
        self.restart()

    @contextmanager
    def no_engine_call(self) -> Iterator[None]:
        before = len(self.engine.calls)
        yield
        assert self.verbs[before:] == []


def files(pipeline: PipelineUnderTest) -> list[str]:
    """The names of the files in the code that was deployed last."""
    code = pipeline.last_call.update.blueprint.code
    assert isinstance(code, CodeBundle)
    return [name for name, _ in code.files]
