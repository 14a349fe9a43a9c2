"""The metrics of the operator, as data. The handlers export them, docs/metrics.md lists them, dashboard and alerts use them.

Names follow https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "ingestion_operator_"


class MetricType(StrEnum):
    """The types of metric that the operator has."""

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
        """The names under which Prometheus stores the metric."""
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
    "Duration of an operation, from its first AWS call until the wiring is read back. Types and results are those of status.lastOperation.",
    "type",
    "result",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
FAILURES = _metric(
    MetricType.COUNTER,
    "operation_failures_total",
    "Failed operations, by reason. The reasons are those of the conditions.",
    "type",
    "reason",
)
DRIFTED = _metric(
    MetricType.COUNTER,
    "drifted_resources_total",
    "Resources that were changed in AWS outside the operator, and that the operator corrected.",
)
LOCKS_BROKEN = _metric(
    MetricType.COUNTER,
    "locks_broken_total",
    "Locks of the state that were broken because their holder, an operator, died during an update.",
)
OVERDUE = _metric(
    MetricType.GAUGE,
    "operations_overdue",
    "Operations that have run far beyond their time limit. If the number is above 0, the liveness probe fails.",
)
WORKERS = _metric(MetricType.GAUGE, "workers", "Number of workers: INGESTION_WORKERS.")
WORKERS_BUSY = _metric(MetricType.GAUGE, "workers_busy", "Workers that are reconciling a pipeline.")
WAITING = _metric(
    MetricType.GAUGE, "reconciles_waiting", "Pipelines and accounts that are due and wait for a free worker."
)
OLDEST_WAITING = _metric(
    MetricType.GAUGE,
    "oldest_waiting_reconcile_seconds",
    "How long the pipeline or account that became due first has waited for a free worker, in seconds; 0 if none waits.",
)
CLI_RUNNING = _metric(MetricType.GAUGE, "cli_processes", "Running processes of the Pulumi CLI.")
CLI_STARTED = _metric(MetricType.COUNTER, "cli_processes_started_total", "Processes of the Pulumi CLI started so far.")
STATE_FREE = _metric(
    MetricType.GAUGE,
    "state_volume_free_bytes",
    "Free room on the volume of the state, in bytes. Absent if the state is in S3.",
)
STATE_SIZE = _metric(
    MetricType.GAUGE,
    "state_volume_size_bytes",
    "Size of the volume of the state, in bytes. Absent if the state is in S3.",
)
BUILD = _metric(MetricType.GAUGE, "build_info", "Always 1; the label is the operator's version.", "version")

ALL = (
    PIPELINES, OPERATION_SECONDS, FAILURES, DRIFTED, LOCKS_BROKEN, OVERDUE, WORKERS, WORKERS_BUSY, WAITING, OLDEST_WAITING,
    CLI_RUNNING, CLI_STARTED, STATE_FREE, STATE_SIZE, BUILD,
)  # fmt: skip
