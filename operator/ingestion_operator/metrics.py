"""The metrics of the operator, as data.

The handlers export these metrics, docs/metrics.md lists them, and the dashboard and the alerts use only them. The names
follow https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "ingestion_operator_"


class Kind(StrEnum):
    """The types of metrics that the operator uses."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """A metric."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus stores the metric."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def _metric(kind: Kind, name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = ()) -> Metric:
    return Metric(PREFIX + name, kind, meaning, labels, buckets)


PIPELINES = _metric(
    Kind.GAUGE,
    "pipelines",
    "The number of pipelines that have a condition with this type, status and reason.",
    "type",
    "status",
    "reason",
)
OPERATION_SECONDS = _metric(
    Kind.HISTOGRAM,
    "operation_duration_seconds",
    "The time that an operation took, from its first AWS call to the last check of the result. Types and results are those of "
    "status.lastOperation.",
    "type",
    "result",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
FAILURES = _metric(
    Kind.COUNTER,
    "operation_failures_total",
    "The number of operations that failed. The reasons are those of the conditions.",
    "type",
    "reason",
)
DRIFTED = _metric(
    Kind.COUNTER,
    "drifted_resources_total",
    "The number of resources that somebody changed in AWS and that the operator corrected.",
)
LOCKS_BROKEN = _metric(
    Kind.COUNTER,
    "locks_broken_total",
    "The number of locks that the operator broke because their holder died during an update.",
)
OVERDUE = _metric(
    Kind.GAUGE,
    "operations_overdue",
    "The number of operations that exceed their own time limit. The liveness probe fails if it is above 0.",
)
WORKERS = _metric(Kind.GAUGE, "workers", "The number of workers, as set by INGESTION_WORKERS.")
WORKERS_BUSY = _metric(Kind.GAUGE, "workers_busy", "The number of workers that reconcile a pipeline now.")
WAITING = _metric(Kind.GAUGE, "reconciles_waiting", "The number of reconciles that wait for a free worker.")
OLDEST_WAITING = _metric(
    Kind.GAUGE,
    "oldest_waiting_reconcile_seconds",
    "The time that the longest waiting reconcile has waited, in seconds; 0 if none waits.",
)
CLI_RUNNING = _metric(Kind.GAUGE, "cli_processes", "The number of Pulumi CLI processes that run now.")
CLI_STARTED = _metric(
    Kind.COUNTER, "cli_processes_started_total", "The number of Pulumi CLI processes that the operator started."
)
BUILD = _metric(Kind.GAUGE, "build_info", "Always 1. The label is the version of the operator.", "version")

ALL = (
    PIPELINES, OPERATION_SECONDS, FAILURES, DRIFTED, LOCKS_BROKEN, OVERDUE, WORKERS, WORKERS_BUSY, WAITING, OLDEST_WAITING,
    CLI_RUNNING, CLI_STARTED, BUILD,
)  # fmt: skip
