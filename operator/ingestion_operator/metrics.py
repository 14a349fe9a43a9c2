"""The metrics of the operator, as data: what the handlers export, what docs/metrics.md says, what dashboard and alerts may use.

Names follow https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "ingestion_operator_"


class MetricType(StrEnum):
    """The types of metric that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One metric."""

    name: str
    type: MetricType
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus stores it."""
        if self.type is MetricType.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def _metric(type_: MetricType, name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = ()) -> Metric:
    return Metric(PREFIX + name, type_, meaning, labels, buckets)


PIPELINES = _metric(
    MetricType.GAUGE,
    "pipelines",
    "Pipelines that have a condition of this type, status and reason.",
    "type",
    "status",
    "reason",
)
OPERATION_SECONDS = _metric(
    MetricType.HISTOGRAM,
    "operation_duration_seconds",
    "Time that an operation took, from its first call of AWS to the wiring read back. Types and results as in status.lastOperation.",
    "type",
    "result",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
FAILURES = _metric(
    MetricType.COUNTER,
    "operation_failures_total",
    "Operations that failed, by reason as in the conditions.",
    "type",
    "reason",
)
DRIFTED = _metric(
    MetricType.COUNTER, "drifted_resources_total", "Resources that somebody had changed in AWS, and that were put back."
)
LOCKS_BROKEN = _metric(
    MetricType.COUNTER,
    "locks_broken_total",
    "Locks of the state whose holder was gone: operators that died in an update.",
)
OVERDUE = _metric(
    MetricType.GAUGE,
    "operations_overdue",
    "Operations that run longer than their own time limit allows at most. Above 0 the liveness probe fails.",
)
WORKERS = _metric(MetricType.GAUGE, "workers", "Workers that there are: INGESTION_WORKERS.")
WORKERS_BUSY = _metric(MetricType.GAUGE, "workers_busy", "Workers that reconcile a pipeline now.")
WAITING = _metric(MetricType.GAUGE, "reconciles_waiting", "Reconciles that wait for a free worker.")
OLDEST_WAITING = _metric(
    MetricType.GAUGE, "oldest_waiting_reconcile_seconds", "How long the first of them has waited; 0 if none waits."
)
CLI_RUNNING = _metric(MetricType.GAUGE, "cli_processes", "Processes of the Pulumi CLI that run now.")
CLI_STARTED = _metric(
    MetricType.COUNTER, "cli_processes_started_total", "Processes of the Pulumi CLI that were started."
)
BUILD = _metric(MetricType.GAUGE, "build_info", "Always 1; the label says the version of the operator.", "version")

ALL = (
    PIPELINES, OPERATION_SECONDS, FAILURES, DRIFTED, LOCKS_BROKEN, OVERDUE, WORKERS, WORKERS_BUSY, WAITING, OLDEST_WAITING,
    CLI_RUNNING, CLI_STARTED, BUILD,
)  # fmt: skip
