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
    "Time that an operation took, from its first call of AWS to the wiring read back. Types and results as in status.lastOperation.",
    "type",
    "result",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
FAILURES = _metric(
    Kind.COUNTER,
    "operation_failures_total",
    "Operations that failed, by reason as in the conditions.",
    "type",
    "reason",
)
DRIFTED = _metric(
    Kind.COUNTER, "drifted_resources_total", "Resources that somebody had changed in AWS, and that were put back."
)
LOCKS_BROKEN = _metric(
    Kind.COUNTER, "locks_broken_total", "Locks of the state whose holder was gone: operators that died in an update."
)
OVERDUE = _metric(
    Kind.GAUGE,
    "operations_overdue",
    "Operations that run longer than their own time limit allows at most. Above 0 the liveness probe fails.",
)
WORKERS = _metric(Kind.GAUGE, "workers", "Workers that there are: INGESTION_WORKERS.")
WORKERS_BUSY = _metric(Kind.GAUGE, "workers_busy", "Workers that reconcile a pipeline now.")
WAITING = _metric(Kind.GAUGE, "reconciles_waiting", "Reconciles that wait for a free worker.")
OLDEST_WAITING = _metric(
    Kind.GAUGE, "oldest_waiting_reconcile_seconds", "How long the first of them has waited; 0 if none waits."
)
CLI_RUNNING = _metric(Kind.GAUGE, "cli_processes", "Processes of the Pulumi CLI that run now.")
CLI_STARTED = _metric(Kind.COUNTER, "cli_processes_started_total", "Processes of the Pulumi CLI that were started.")
BUILD = _metric(Kind.GAUGE, "build_info", "Always 1; the label says the version of the operator.", "version")

ALL = (
    PIPELINES, OPERATION_SECONDS, FAILURES, DRIFTED, LOCKS_BROKEN, OVERDUE, WORKERS, WORKERS_BUSY, WAITING, OLDEST_WAITING,
    CLI_RUNNING, CLI_STARTED, BUILD,
)  # fmt: skip
