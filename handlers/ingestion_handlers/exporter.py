"""The core's `Observer` port on prometheus-client, and the values that are read when Prometheus scrapes."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestion_handlers.workers import Workers
from ingestion_operator import __version__, metrics
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.status import Condition, Operation, OperationResult
from ingestion_operator.ports.state_store import Space
from ingestion_operator.reasons import Reason

logger = logging.getLogger(__name__)

ConditionKey = tuple[str, str, str]
Known = Mapping[PipelineKey, Iterable[tuple[ConditionKey, ...]]]
"""The pipelines that exist, and the conditions in the last status that Kopf received."""


class Exporter:
    """Counts what the core reports, in its own registry."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._guard = threading.Lock()
        self._deadlines: dict[str, tuple[PipelineKey, float]] = {}
        self._written: dict[PipelineKey, tuple[ConditionKey, ...]] = {}
        self._seconds = Histogram(
            **_described(metrics.OPERATION_SECONDS), buckets=metrics.OPERATION_SECONDS.buckets, registry=self.registry
        )
        self._failures = Counter(**_described(metrics.FAILURES), registry=self.registry)
        self._drifted = Counter(**_described(metrics.DRIFTED), registry=self.registry)
        self._locks_broken = Counter(**_described(metrics.LOCKS_BROKEN), registry=self.registry)
        Gauge(**_described(metrics.BUILD), registry=self.registry).labels(__version__).set(1)
        Gauge(**_described(metrics.OVERDUE), registry=self.registry).set_function(lambda: len(self.overdue()))

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        """See the port."""
        with self._guard:
            self._deadlines[operation.id] = (key, self._clock() + longest_seconds)

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        """See the port."""
        with self._guard:
            self._deadlines.pop(operation.id, None)
        result = OperationResult.SUCCEEDED if reason is None else OperationResult.FAILED
        self._seconds.labels(operation.type.value, result.value).observe(seconds)
        if reason is not None:
            self._failures.labels(operation.type.value, reason.value).inc()

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        """See the port."""
        with self._guard:
            self._written[key] = tuple((c.type, c.status.value, c.reason) for c in conditions)

    def tally(self, known: Known) -> Mapping[ConditionKey, int]:
        """How many pipelines have each condition.

        The conditions that the core wrote last are newer than those that Kopf knows: Kopf receives no event of a pipeline while a
        handler works on it.
        """
        with self._guard:
            for gone in self._written.keys() - known.keys():
                del self._written[gone]
            conditions = [self._written.get(key) or next(iter(heard), ()) for key, heard in known.items()]
        return Tally(condition for of_one in conditions for condition in of_one)

    def forget(self, key: PipelineKey) -> None:
        """Drop the conditions of a pipeline that is gone. `tally` drops them too, but runs only when Prometheus scrapes."""
        with self._guard:
            self._written.pop(key, None)

    def drifted(self, resources: int) -> None:
        """See the port."""
        self._drifted.inc(resources)

    def broke_lock(self) -> None:
        """See the port."""
        self._locks_broken.inc()

    def overdue(self) -> list[PipelineKey]:
        """The pipelines whose operation has exceeded its time limit."""
        with self._guard:
            return [key for key, deadline in self._deadlines.values() if deadline < self._clock()]

    def operating(self) -> set[PipelineKey]:
        """The pipelines on which the engine works."""
        with self._guard:
            return {key for key, _ in self._deadlines.values()}

    def text(self) -> bytes:
        """All metrics, in the format that Prometheus reads."""
        return generate_latest(self.registry)


class Live(Collector):
    """The metrics whose values are read when Prometheus scrapes."""

    def __init__(
        self,
        workers: Workers[Any],
        cli: Callable[[], tuple[int, int]],
        conditions: Callable[[], Mapping[ConditionKey, int]],
    ) -> None:
        self._workers = workers
        self._cli = cli
        self._conditions = conditions

    def collect(self) -> Iterable[Metric]:
        """See the base class."""
        running, started = self._cli()
        yield _gauge(metrics.WORKERS, self._workers.count)
        yield _gauge(metrics.WORKERS_BUSY, self._workers.busy)
        yield _gauge(metrics.WAITING, self._workers.waiting)
        yield _gauge(metrics.OLDEST_WAITING, self._workers.oldest_waiting_seconds())
        yield _gauge(metrics.CLI_RUNNING, running)
        yield CounterMetricFamily(metrics.CLI_STARTED.name, metrics.CLI_STARTED.meaning, value=started)
        pipelines = GaugeMetricFamily(
            metrics.PIPELINES.name, metrics.PIPELINES.meaning, labels=metrics.PIPELINES.labels
        )
        for condition, count in sorted(self._conditions().items()):
            pipelines.add_metric(condition, count)
        yield pipelines

    def describe(self) -> Iterator[Metric]:
        """See the base class. Without this method, registering would read all values."""
        return iter(())


class StateVolume(Collector):
    """The room on the volume of the state, read when Prometheus scrapes. Nothing if the state is in S3 or its volume is gone."""

    def __init__(self, space: Callable[[], Space | None]) -> None:
        self._space = space

    def collect(self) -> Iterable[Metric]:
        """See the base class."""
        try:
            space = self._space()
        except PipelineError as error:
            # The pipelines say StateUnreadable. The other metrics must not be lost with these two.
            logger.warning("the room for the state is unknown: %s", error)
            return
        if space is not None:
            yield _gauge(metrics.STATE_FREE, space.free)
            yield _gauge(metrics.STATE_SIZE, space.size)

    def describe(self) -> Iterator[Metric]:
        """See the base class."""
        return iter(())


def _described(metric: metrics.Metric) -> dict[str, Any]:
    return {"name": metric.name, "documentation": metric.meaning, "labelnames": metric.labels}


def _gauge(metric: metrics.Metric, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.meaning, value=value)
