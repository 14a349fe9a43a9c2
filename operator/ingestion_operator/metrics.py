"""The metrics of the operator, as data: what the handlers export, what docs/metrics.md says, what dashboard and alerts may use.

Names follow https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "ingestion_operator_"


class Kind(StrEnum):
    """The types of metric that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus stores it."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


def _metric(kind: Kind, name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = ()) -> Metric:
    return Metric(PREFIX + name, kind, meaning, labels, buckets)


PIPELINES = _metric(
    Kind.GAUGE,
    "pipelines",
    "Pipelines that have a condition of this type, status and reason.",
    "type",
    "status",
    "reason",
)
OPERATION_SECONDS = _metric(
    Kind.HISTOGRAM,
    "operation_duration_seconds",
    "Duration of an operation, from its first AWS call until the wiring is read back. Types and results are those of status.lastOperation.",
    "type",
    "result",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
FAILURES = _metric(
    Kind.COUNTER,
    "operation_failures_total",
    "Failed operations, by reason. The reasons are those of the conditions.",
    "type",
    "reason",
)
DRIFTED = _metric(
    Kind.COUNTER, "drifted_resources_total", "Resources that somebody changed in AWS and that the operator corrected."
)
LOCKS_BROKEN = _metric(
    Kind.COUNTER,
    "locks_broken_total",
    "Locks of the state that were broken because their holder, an operator, died during an update.",
)
OVERDUE = _metric(
    Kind.GAUGE,
    "operations_overdue",
    "Operations that have run far beyond their time limit. Above 0, the liveness probe fails.",
)
WORKERS = _metric(Kind.GAUGE, "workers", "Number of workers: INGESTION_WORKERS.")
WORKERS_BUSY = _metric(Kind.GAUGE, "workers_busy", "Workers that are reconciling a pipeline.")
WAITING = _metric(Kind.GAUGE, "reconciles_waiting", "Reconciles that are waiting for a free worker.")
OLDEST_WAITING = _metric(
    Kind.GAUGE,
    "oldest_waiting_reconcile_seconds",
    "How long the oldest of these reconciles has waited; 0 if none waits.",
)
CLI_RUNNING = _metric(Kind.GAUGE, "cli_processes", "Running processes of the Pulumi CLI.")
CLI_STARTED = _metric(Kind.COUNTER, "cli_processes_started_total", "Processes of the Pulumi CLI started so far.")
BUILD = _metric(Kind.GAUGE, "build_info", "Always 1; the label is the operator's version.", "version")

ALL = (
    PIPELINES, OPERATION_SECONDS, FAILURES, DRIFTED, LOCKS_BROKEN, OVERDUE, WORKERS, WORKERS_BUSY, WAITING, OLDEST_WAITING,
    CLI_RUNNING, CLI_STARTED, BUILD,
)  # fmt: skip
