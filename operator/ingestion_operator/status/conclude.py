"""Computes the new status of a live pipeline from what happened. The functions are pure, and the caller passes the time."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import LockFate, PipelineError
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT, PipelineRecord
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import (
    Changes,
    CodeStatus,
    DriftStatus,
    LastOperation,
    Operation,
    OperationResult,
    OperationType,
    Outputs,
    Status,
    Unfinished,
    Workings,
)
from ingestion_operator.observe.observed import Buildable, Unbuildable
from ingestion_operator.ports.engine import EngineResult, StackRef
from ingestion_operator.reasons import ConditionType, Reason
from ingestion_operator.status.conditions import ConditionSet
from ingestion_operator.status.outcomes import after_failure, before_operation, still_failed
from ingestion_operator.status.schedule import Timing, next_look, poll_or
from ingestion_operator.wording import shorten

OPERATION_REASON = {
    OperationType.CREATE: Reason.CREATING,
    OperationType.UPDATE: Reason.UPDATING,
    OperationType.REFRESH: Reason.REFRESHING,
    OperationType.DESTROY: Reason.DESTROYING,
}


def condition_set(record: PipelineRecord, now: datetime) -> ConditionSet:
    """The conditions that follow those of the record."""
    return ConditionSet(record.status, record.generation, now)


def started(record: PipelineRecord, blueprint: Blueprint, stack: StackRef, operation: Operation, why: str) -> Status:
    """The status before the first call to the engine. It tells a later deletion what may exist."""
    conditions = condition_set(record, operation.start_time)
    return record.status.model_copy(
        update={
            "observed_generation": record.generation,
            "operation": operation,
            "workings": _workings(record, blueprint, stack, operation),
            "outputs": blueprint.outputs,
            "conditions": conditions.progressing(OPERATION_REASON[operation.type], f"{operation.type.value}: {why}"),
        }
    )


def _workings(record: PipelineRecord, blueprint: Blueprint, stack: StackRef, operation: Operation) -> Workings:
    before, names = record.status.workings, blueprint.names
    return Workings(
        name=stack.name,
        region=stack.region,
        account=blueprint.access.account,
        account_id=blueprint.place.account_id,
        data_buckets=tuple(dict.fromkeys((*(before.data_buckets if before else ()), *names.data_buckets))),
        data_tables=tuple(dict.fromkeys((*(before.data_tables if before else ()), *names.data_tables))),
        switched_on=before.switched_on if before else "",
        encryption_salt=before.encryption_salt if before else "",
        fingerprint=before.fingerprint if before else "",
        attempted=blueprint.fingerprint,
        unfinished=with_begun(before, operation),
        handled_request=record.annotations.get(RECONCILE_REQUESTED_AT, ""),
        warned=before.warned if before else None,
    )


def succeeded(
    record: PipelineRecord, running: Status, wanted: Buildable, operation: Operation, result: EngineResult, at: Timing
) -> Status:
    """The blueprint is applied and its wiring read back."""
    drifted = result.changed if operation.type is OperationType.REFRESH else ()
    blueprint, conditions = wanted.blueprint, condition_set(record, at.now)
    summary = _summary(blueprint, result.changes)
    message = with_advice(summary, wanted)
    status = running.model_copy(
        update={
            "operation": None,
            "last_operation": _success(record, operation, result, summary, at.now),
            "resources": result.resources,
            "outputs": _outputs(blueprint, result),
            "code": CodeStatus(sha256=blueprint.code.sha256),
            "drift": _drift(record.status.drift, drifted, at.now),
            "workings": _applied(running.workings, blueprint, result) if running.workings else None,
            "conditions": conditions.drift_corrected(message) if drifted else conditions.provisioned(message),
        }
    )
    return status.model_copy(update={"next_check_time": next_look(wanted.spec, status, at)})


def _success(
    record: PipelineRecord, operation: Operation, result: EngineResult, summary: str, now: datetime
) -> LastOperation:
    return LastOperation(
        type=operation.type,
        result=OperationResult.SUCCEEDED,
        generation=record.generation,
        start_time=operation.start_time,
        end_time=now,
        changes=result.changes,
        reason=Reason.PROVISIONED.value,
        message=summary,
        cli_processes=result.cli_processes,
    )


def _applied(workings: Workings, blueprint: Blueprint, result: EngineResult) -> Workings:
    salt = result.encryption_salt or workings.encryption_salt
    return workings.model_copy(update={"fingerprint": blueprint.fingerprint, "encryption_salt": salt, "unfinished": {}})


def _outputs(blueprint: Blueprint, result: EngineResult) -> Outputs:
    # The id of a queue is its URL, which is not the same in every partition.
    queue = next((r.id for r in result.resources if r.name == "dead-letter-queue"), None)
    return blueprint.outputs.model_copy(update={"dead_letter_queue_url": queue})


def with_advice(message: str, wanted: Buildable) -> str:
    """The message, followed by the advice for the user."""
    return "; note: ".join((message, *(advice.message for advice in wanted.advice)))


def _summary(blueprint: Blueprint, changes: Changes) -> str:
    counts = ", ".join(
        f"{count} {word}"
        for word, count in (
            ("created", changes.create),
            ("updated", changes.update),
            ("deleted", changes.delete),
            ("unchanged", changes.same),
        )
        if count
    )
    names = blueprint.names
    return f"objects put into s3://{names.source_bucket} are processed by {names.function} ({counts})"


def _drift(before: DriftStatus | None, drifted: tuple[str, ...], now: datetime) -> DriftStatus:
    detected = now if drifted else (before.detected_time if before else None)
    return DriftStatus(checked_time=now, detected_time=detected, resources=drifted)


def failed(
    record: PipelineRecord, running: Status, spec: Spec, operation: Operation, error: PipelineError, at: Timing
) -> Status:
    """An operation failed. The outcome of the error says what the operator does next."""
    failures = _failures_so_far(record, running) + 1
    message = shorten(str(error))
    worked = record.status.is_built and _same_input(record.status.workings, running.workings, applied=True)
    retry, conditions = after_failure(error, failures, message, condition_set(record, at.now), at, worked=worked)
    return running.model_copy(
        update={
            "operation": None,
            "last_operation": LastOperation(
                type=operation.type,
                result=OperationResult.FAILED,
                generation=record.generation,
                start_time=operation.start_time,
                end_time=at.now,
                reason=error.reason.value,
                message=message,
                failures=failures,
                next_retry_time=retry,
            ),
            "workings": _ended(running.workings, operation, error) if running.workings else None,
            "next_check_time": poll_or(retry, spec, at),
            "conditions": conditions,
        }
    )


def _ended(workings: Workings, operation: Operation, error: PipelineError) -> Workings:
    salt = workings.encryption_salt or error.encryption_salt
    return workings.model_copy(
        update={"encryption_salt": salt, "unfinished": without_ended(workings, operation, error)}
    )


def with_begun(workings: Workings | None, operation: Operation) -> dict[str, Unfinished]:
    """The unfinished operations, once this one begins."""
    return {**(workings.unfinished if workings else {}), operation.id: operation.unfinished()}


def without_ended(workings: Workings, operation: Operation, error: PipelineError) -> dict[str, Unfinished]:
    """The unfinished operations, once this one has failed.

    If it had the stack's lock and released it, none of the earlier ones has it, and this failure is what the next operation looks
    after. If it never had the lock, only its own entry goes. If it left the lock, every entry stays.
    """
    if error.lock is LockFate.RELEASED:
        return {}
    ended = operation.id if error.lock is LockFate.NOT_HAD else None
    return {id_: entry for id_, entry in workings.unfinished.items() if id_ != ended}


def _failures_so_far(record: PipelineRecord, running: Status) -> int:
    last = record.status.last_operation
    return last.failures if last is not None and _same_input(record.status.workings, running.workings) else 0


def _same_input(before: Workings | None, now: Workings | None, *, applied: bool = False) -> bool:
    """Whether the input of this operation is that of the last attempt, or that of the last success."""
    if before is None or now is None:
        return False
    return now.attempted == (before.fingerprint if applied else before.attempted)


def waiting(record: PipelineRecord, spec: Spec, error: PipelineError, at: Timing) -> Status:
    """Another pod works on the pipeline. Nothing of its record changes."""
    again = at.now + timedelta(seconds=at.backoff.waiting_seconds)
    conditions = condition_set(record, at.now).waiting(error.reason, str(error))
    return record.status.model_copy(update={"next_check_time": poll_or(again, spec, at), "conditions": conditions})


def interrupted(record: PipelineRecord, running: Status, now: datetime) -> Status:
    """The operator stops during an operation. The operation stays recorded, and nothing counts as a failure."""
    kind = running.operation.type.value.lower() if running.operation else "operation"
    message = f"the operator stopped during the {kind}; it goes on as soon as an operator runs again"
    conditions = ConditionSet(running, record.generation, now).looking_failed(Reason.INTERRUPTED, message)
    return running.model_copy(update={"conditions": conditions})


def reported(record: PipelineRecord, unbuildable: Unbuildable, at: Timing) -> Status:
    """Nothing could be applied. An interrupted operation stays recorded, so that the next one adopts what it left."""
    again, conditions = before_operation(unbuildable.problem, unbuildable.spec, condition_set(record, at.now), at)
    return record.status.model_copy(
        update={
            "observed_generation": record.generation,
            "next_check_time": poll_or(again, unbuildable.spec, at),
            "conditions": conditions,
        }
    )


def suspended(record: PipelineRecord, at: Timing) -> Status:
    """The operator leaves the pipeline alone."""
    return record.status.model_copy(
        update={
            "observed_generation": record.generation,
            "next_check_time": None,
            "conditions": condition_set(record, at.now).suspended(),
        }
    )


def unchanged(record: PipelineRecord, wanted: Buildable, at: Timing) -> Status:
    """There is nothing to do. The status names this generation and describes what is applied."""
    status = record.status
    update: dict[str, object] = {
        "observed_generation": record.generation,
        "next_check_time": next_look(wanted.spec, status, at),
    }
    if status.last_operation is not None:
        conditions = condition_set(record, at.now).provisioned(with_advice(status.last_operation.message, wanted))
        synced = status.condition(ConditionType.SYNCED.value)
        update["conditions"] = tuple(synced if synced and c.type == synced.type else c for c in conditions)
    return status.model_copy(update=update)


def held(record: PipelineRecord, spec: Spec, last: LastOperation, at: Timing) -> Status:
    """A retry is due later or never. The status repeats the failure, even if another condition replaced it meanwhile."""
    return record.status.model_copy(
        update={
            "observed_generation": record.generation,
            "next_check_time": poll_or(last.next_retry_time, spec, at),
            "conditions": still_failed(last, condition_set(record, at.now)),
        }
    )
