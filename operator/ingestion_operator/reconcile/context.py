"""What every pass needs: the ports, the clock and the backoff."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.model.pipeline import PipelineRecord
from ingestion_operator.observe.gather import Gatherer
from ingestion_operator.ports.cloud import Cloud
from ingestion_operator.ports.cluster import Cluster
from ingestion_operator.ports.code_check import CodeCheck
from ingestion_operator.ports.engine import Engine
from ingestion_operator.ports.observer import Observer, Unobserved
from ingestion_operator.ports.pod import Pod
from ingestion_operator.status.schedule import Backoff, Timing


class StillThere(Exception):
    """A deletion is not finished. The caller tries again after `delay_seconds`. The message is written for the user."""

    def __init__(self, message: str, delay_seconds: float) -> None:
        super().__init__(message)
        self.delay_seconds = delay_seconds


@dataclass
class Context:
    """The ports, and everything else that is the same for all pipelines."""

    cluster: Cluster
    cloud: Cloud
    engine: Engine
    default_region: str
    backoff: Backoff = Backoff()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    observer: Observer = field(default_factory=Unobserved)
    pod: Pod | None = None
    """The pod in which this operator runs; None outside of a cluster."""
    code_check: CodeCheck = field(kw_only=True)
    state_bucket: str = ""
    """The bucket in which the operator keeps its state; empty if the state is not in S3."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set once the operator stops. Nothing waits any longer then."""

    def timing(self) -> Timing:
        """The current time, with a new jitter."""
        return Timing(self.clock(), random.random(), self.backoff)  # noqa: S311 - spreads load, guards nothing

    def owner(self, record: PipelineRecord) -> Owner:
        """The owner that the tags name."""
        return Owner(self.cluster.cluster_id(), record.key, record.uid)

    def gatherer(self) -> Gatherer:
        """A gatherer that reads what a pipeline refers to."""
        today = self.clock().date()
        return Gatherer(self.cluster, self.cloud, self.code_check, self.default_region, today, self.state_bucket)
