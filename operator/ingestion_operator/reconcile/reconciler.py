"""The use case: one level-triggered reconcile, the same for create, update, resume, a change of a ConfigMap and the timer.

Gather what there is, decide what to do (pure), act (the only calls that change the cloud), conclude (pure) and write the status.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import PipelineKey, parse_record
from ingestion_operator.reconcile.apply import ApplyPass
from ingestion_operator.reconcile.context import Context, StillThere
from ingestion_operator.reconcile.removal import RemovalPass

__all__ = ["Reconciler", "StillThere", "is_due"]


@dataclass
class _Locks:
    """One lock for each pipeline: a timer and an event never work on the same stack at the same time."""

    guard: threading.Lock = field(default_factory=threading.Lock)
    held: dict[PipelineKey, tuple[threading.Lock, int]] = field(default_factory=dict)

    @contextmanager
    def of(self, key: PipelineKey) -> Iterator[None]:
        with self.guard:
            lock, users = self.held.get(key, (threading.Lock(), 0))
            self.held[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self.guard:
                lock, users = self.held[key]
                if users == 1:
                    del self.held[key]
                else:
                    self.held[key] = (lock, users - 1)


@dataclass
class Reconciler:
    """Brings one pipeline at a time from what it is to what it should be."""

    context: Context
    _locks: _Locks = field(default_factory=_Locks)

    def reconcile(self, key: PipelineKey) -> None:
        """Make AWS match the pipeline, and write the result to its status. `remove` handles a pipeline that is being deleted."""
        with self._locks.of(key):
            body = self.context.cluster.pipeline(key)
            if body is not None and not (record := parse_record(body)).deleting:
                ApplyPass(self.context, record).run(self.context.gatherer().observe(body, record))

    def remove(self, key: PipelineKey, uid: str) -> None:
        """Take down what the pipeline created. Returns once nothing is left except what the deletion policy keeps.

        `uid` names the object that is being deleted. Another one of the same name is left alone. Raises StillThere, and nothing
        else, while something delays the deletion.
        """
        try:
            with self._locks.of(key):
                body = self.context.cluster.pipeline(key)
                if body is not None and (record := parse_record(body)).deleting and record.uid == uid:
                    RemovalPass(self.context, record).run()
        except PipelineError as error:
            raise StillThere(str(error), self.context.backoff.waiting_seconds) from error


def is_due(body: Mapping[str, Any], now: datetime) -> bool:
    """Whether it is time to look at a pipeline or an account again. Costs no call, so it can be asked every few seconds."""
    due: str | None = (body.get("status") or {}).get("nextCheckTime")
    deleting = "deletionTimestamp" in body["metadata"]
    return due is not None and not deleting and datetime.fromisoformat(due) <= now
