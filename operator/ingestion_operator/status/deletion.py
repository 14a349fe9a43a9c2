"""Computes the new status of a pipeline that is being deleted from what happened. The functions are pure."""

from __future__ import annotations

from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import PipelineRecord
from ingestion_operator.model.status import LastOperation, Operation, OperationResult, OperationType, Status, Workings
from ingestion_operator.status.conclude import condition_set, with_begun, without_ended
from ingestion_operator.status.outcomes import TREATMENTS
from ingestion_operator.status.schedule import Timing
from ingestion_operator.wording import shorten


def taking_down(record: PipelineRecord, operation: Operation, at: Timing) -> Status:
    """The status before the first call to the engine."""
    workings = record.status.workings or Workings()
    return record.status.model_copy(
        update={
            "operation": operation,
            "conditions": condition_set(record, at.now).deleting("taking down the pipeline"),
            "workings": workings.model_copy(update={"unfinished": with_begun(workings, operation)}),
        }
    )


def waiting(record: PipelineRecord, error: PipelineError, at: Timing) -> Status:
    """Another pod works on the pipeline. Nothing of its record changes."""
    conditions = condition_set(record, at.now).deleting(str(error), retrying=error.reason)
    return record.status.model_copy(update={"conditions": conditions})


def held_up(
    record: PipelineRecord, running: Status, operation: Operation | None, error: PipelineError, at: Timing
) -> Status:
    """Something delays the deletion. The operator never stops trying. `operation` is None if none began."""
    stalls = TREATMENTS[error.outcome].stalls_deletion
    conditions = condition_set(record, at.now).deleting(
        str(error), stalled=error.reason if stalls else None, retrying=None if stalls else error.reason
    )
    said: dict[str, object] = {"last_operation": _failure(record, error, at), "conditions": conditions}
    if operation is None:
        return record.status.model_copy(update=said)
    workings = running.workings or Workings()
    ended = workings.model_copy(update={"unfinished": without_ended(workings, operation, error)})
    return record.status.model_copy(update={**said, "operation": None, "workings": ended})


def delay_seconds(status: Status, error: PipelineError, at: Timing) -> float:
    """Seconds until a deletion is tried again."""
    failures = status.last_operation.failures if status.last_operation else 1
    return TREATMENTS[error.outcome].pause_in_deletion(at, failures).total_seconds()


def _failure(record: PipelineRecord, error: PipelineError, at: Timing) -> LastOperation:
    last = record.status.last_operation
    before = last if last is not None and last.type is OperationType.DESTROY else None
    return LastOperation(
        type=OperationType.DESTROY,
        result=OperationResult.FAILED,
        generation=record.generation,
        start_time=before.start_time if before else at.now,
        end_time=at.now,
        reason=error.reason.value,
        message=shorten(str(error)),
        failures=(before.failures if before else 0) + 1,
    )
