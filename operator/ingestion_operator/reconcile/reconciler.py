"""The use case: one level-triggered reconcile, whatever made the pipeline due: a creation, a change, a restart or the time.

Gather what there is, decide what to do (pure), act (the only calls that change the cloud), conclude (pure) and write the status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ingestion_operator.errors import InternalError, PipelineError
from ingestion_operator.model.pipeline import PipelineKey, parse_record
from ingestion_operator.reconcile.apply import ApplyPass
from ingestion_operator.reconcile.context import Context, StillThere
from ingestion_operator.reconcile.removal import RemovalPass
from ingestion_operator.reconcile.unforeseen import unforeseen

__all__ = ["Reconciler", "StillThere"]


@dataclass
class Reconciler:
    """Brings a pipeline from what it is to what it should be. The caller never works on a pipeline twice at the same time."""

    context: Context

    def reconcile(self, key: PipelineKey) -> datetime | None:
        """Make AWS match the pipeline, and write the result to its status. `remove` handles a pipeline that is being deleted.

        Returns the time of the next look. None: only a change makes another look necessary.
        """
        body = self.context.cluster.pipeline(key)
        if body is None or (record := parse_record(body)).deleting:
            return None
        this = ApplyPass(self.context, record)
        try:
            with unforeseen(str(key), this.fields()):
                this.run(self.context.gatherer().observe(body, record))
        except InternalError as error:
            this.report(error)
        return this.written.next_check_time

    def remove(self, key: PipelineKey, uid: str) -> None:
        """Take down what the pipeline with this uid created. Returns once nothing is left except what the deletion policy keeps.

        Raises StillThere, and no other error of the core, while something delays the deletion.
        """
        try:
            body = self.context.cluster.pipeline(key)
            if body is not None and (record := parse_record(body)).uid == uid and record.deleting:
                RemovalPass(self.context, record).run()
        except PipelineError as error:
            raise StillThere(str(error), self.context.backoff.waiting_seconds) from error
