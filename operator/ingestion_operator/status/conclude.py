"""From what happened to the new status: pure functions of values, `now` and a jitter given from outside."""

from __future__ import annotations

from datetime import datetime, timedelta

from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import HoldsData, LockHeld, PipelineError, SpecInvalid, Stalled, Waiting
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
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
    StackStatus,
    Status,
)
from ingestion_operator.observe.observed import Observed
from ingestion_operator.ports.engine import EngineResult, StackRef
from ingestion_operator.reasons import ConditionType, Reason
from ingestion_operator.status.conditions import Moment
from ingestion_operator.status.outcomes import STALLING, WAITING, gave_up, outcome
from ingestion_operator.status.schedule import Moments, next_drift_check
from ingestion_operator.wording import shorten

# A person who has just confirmed a purge is waiting for it.
CONFIRMATION_SECONDS = 3.0


def started(observed: Observed, blueprint: Blueprint, stack: StackRef, operation: Operation, why: str) -> Status:
    """Written before the first call to the engine: from here on a deletion knows what there may be."""
    status = observed.identity.status
    moment = Moment(status, observed.identity.generation, operation.start_time)
    return status.model_copy(
        update={
            "observed_generation": observed.identity.generation,
            "operation": operation,
            "stack": _stack(observed, blueprint, stack, operation),
            "outputs": blueprint.outputs,
            "conditions": moment.progressing(OPERATION_REASON[operation.type], f"{operation.type.value}: {why}"),
        }
    )


def _stack(observed: Observed, blueprint: Blueprint, stack: StackRef, operation: Operation) -> StackStatus:
    before, names = observed.stack, blueprint.names
    return StackStatus(
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
        lock_holder=operation.pod,
        handled_request=observed.identity.annotations.get(RECONCILE_REQUESTED_AT, ""),
    )


def succeeded(
    observed: Observed,
    running: Status,
    blueprint: Blueprint,
    operation: Operation,
    result: EngineResult,
    at: Moments,
) -> Status:
    """The blueprint is applied and its wiring read back."""
    drifted = result.changed if operation.type is OperationType.REFRESH else ()
    moment = Moment(observed.identity.status, observed.identity.generation, at.now)
    message = _summary(blueprint, result.changes)
    stack = running.stack
    drift = _drift(observed.identity.status.drift, drifted, at.now)
    looked = running.model_copy(update={"drift": drift})
    said = _advised(message, observed)
    return running.model_copy(
        update={
            "operation": None,
            "last_operation": LastOperation(
                type=operation.type,
                result=OperationResult.SUCCEEDED,
                generation=observed.identity.generation,
                start_time=operation.start_time,
                end_time=at.now,
                changes=result.changes,
                reason=Reason.PROVISIONED.value,
                message=message,
                cli_processes=result.cli_processes,
            ),
            "resources": result.resources,
            "outputs": _outputs(blueprint, result),
            "code": CodeStatus(sha256=blueprint.code.sha256),
            "drift": drift,
            "stack": _applied(stack, blueprint, result) if stack else None,
            "next_check_time": _next_look(observed.spec, looked, at),
            "conditions": moment.drift_corrected(said) if drifted else moment.provisioned(said),
        }
    )


def _applied(stack: StackStatus, blueprint: Blueprint, result: EngineResult) -> StackStatus:
    salt = result.encryption_salt or stack.encryption_salt
    return stack.model_copy(update={"fingerprint": blueprint.fingerprint, "encryption_salt": salt, "lock_holder": ""})


def _outputs(blueprint: Blueprint, result: EngineResult) -> Outputs:
    # The id of a queue is its URL, which is not the same in every partition.
    queue = next((r.id for r in result.resources if r.name == "dead-letter-queue"), None)
    return blueprint.outputs.model_copy(update={"dead_letter_queue_url": queue})


def _advised(message: str, observed: Observed) -> str:
    """The message with what the user should know besides."""
    return "; note: ".join((message, *(advice.message for advice in observed.advice)))


def _summary(blueprint: Blueprint, changes: Changes) -> str:
    done = [
        f"{count} {word}"
        for word, count in (
            ("created", changes.create),
            ("updated", changes.update),
            ("deleted", changes.delete),
            ("unchanged", changes.same),
        )
        if count
    ]
    return f"objects put into s3://{blueprint.names.source_bucket} are processed by {blueprint.names.function} ({', '.join(done)})"


def _drift(before: DriftStatus | None, drifted: tuple[str, ...], now: datetime) -> DriftStatus:
    detected = now if drifted else (before.detected_time if before else None)
    return DriftStatus(checked_time=now, detected_time=detected, resources=drifted)


def _next_look(spec: Spec | None, status: Status, at: Moments) -> datetime | None:
    """When to look again by ourselves: for drift, or at what may change without our being told."""
    return _or_poll(next_drift_check(spec, status), spec, at)


def _or_poll(due: datetime | None, spec: Spec | None, at: Moments) -> datetime | None:
    """That time, or the next look at what may change without our being told, whichever comes first."""
    poll = at.now + timedelta(seconds=at.backoff.poll_seconds) if spec is not None and _must_poll(spec) else None
    return min((time for time in (due, poll) if time is not None), default=None)


def _must_poll(spec: Spec) -> bool:
    replaceable = spec.processor.code.s3 is not None and not spec.processor.code.s3.version_id
    return replaceable or any(v.value_from for v in spec.processor.environment)


def failed(observed: Observed, running: Status, operation: Operation, error: PipelineError, at: Moments) -> Status:
    """An operation failed; the class of the error says what that means."""
    failures = _failures_so_far(observed, running) + 1
    message = shorten(str(error))
    moment = Moment(observed.identity.status, observed.identity.generation, at.now)
    retry, conditions = outcome(error, failures, message, moment, at)
    salt = running.stack.encryption_salt or error.encryption_salt if running.stack else ""
    return running.model_copy(
        update={
            "operation": None,
            "last_operation": LastOperation(
                type=operation.type,
                result=OperationResult.FAILED,
                generation=observed.identity.generation,
                start_time=operation.start_time,
                end_time=at.now,
                reason=error.reason.value,
                message=message,
                failures=failures,
                next_retry_time=retry,
            ),
            "stack": _ended(observed, running.stack, error, salt) if running.stack else None,
            "next_check_time": _or_poll(retry, observed.spec, at),
            "conditions": conditions,
        }
    )


def _ended(observed: Observed, stack: StackStatus, error: PipelineError, salt: str) -> StackStatus:
    return stack.model_copy(update={"encryption_salt": salt, "lock_holder": _holder_after(observed, error)})


def _holder_after(observed: Observed, error: PipelineError) -> str:
    """Who may hold the lock after a failure: an operation that ended released it, or never had it."""
    before = observed.stack
    return before.lock_holder if before is not None and isinstance(error, LockHeld) else ""


def _failures_so_far(observed: Observed, running: Status) -> int:
    last, before, now = observed.last_operation, observed.stack, running.stack
    same_input = before is not None and now is not None and before.attempted == now.attempted
    return last.failures if last is not None and same_input else 0


def reported(observed: Observed, problem: PipelineError, at: Moments) -> Status:
    """Nothing could be applied: the spec, its code or something that it names is not there or not right."""
    moment = Moment(observed.identity.status, observed.identity.generation, at.now)
    reason, message = problem.reason, str(problem)
    if isinstance(problem, Waiting):
        conditions = moment.waiting(reason, message)
    elif isinstance(problem, Stalled):
        conditions = moment.stalled(reason, message)
    else:
        conditions = moment.looking_failed(reason, message)
    return observed.identity.status.model_copy(
        update={
            # An interrupted operation stays recorded: what it left behind is still to be looked after.
            "observed_generation": observed.identity.generation,
            "next_check_time": _or_poll(_again(observed, problem, at), observed.spec, at),
            "conditions": conditions,
        }
    )


def _again(observed: Observed, problem: PipelineError, at: Moments) -> datetime | None:
    """When to look again: a spec that cannot be read is mended by a change of it only, all else without our being told."""
    if not isinstance(problem, SpecInvalid):
        return at.now + timedelta(seconds=at.backoff.waiting_seconds)
    # It can be read, and does not fit what it refers to: a table, a bucket, a date.
    return None if observed.spec is None else at.now + timedelta(seconds=at.backoff.cap_seconds)


def suspended(observed: Observed, at: Moments) -> Status:
    """The pipeline is left alone."""
    moment = Moment(observed.identity.status, observed.identity.generation, at.now)
    return observed.identity.status.model_copy(
        update={
            "observed_generation": observed.identity.generation,
            "next_check_time": None,
            "conditions": moment.suspended(),
        }
    )


def unchanged(observed: Observed, at: Moments) -> Status:
    """Nothing to do: the status speaks of this generation, and of what is applied."""
    status = observed.identity.status
    last = status.last_operation
    update: dict[str, object] = {
        "observed_generation": observed.identity.generation,
        "next_check_time": _next_look(observed.spec, status, at),
    }
    if last is not None:
        moment = Moment(status, observed.identity.generation, at.now)
        conditions = moment.provisioned(_advised(last.message, observed))
        synced = status.condition(ConditionType.SYNCED.value)
        kept = tuple(synced if synced and c.type == synced.type else c for c in conditions)
        update["conditions"] = kept
    return status.model_copy(update=update)


def held(observed: Observed, at: Moments) -> Status:
    """A retry is due later, or none at all: the status says again what the failure made it, whatever was said since."""
    status, last = observed.identity.status, observed.last_operation
    if last is None:
        return status
    moment = Moment(status, observed.identity.generation, at.now)
    reason = Reason(last.reason)
    if last.next_retry_time is None:
        conditions = moment.stalled(Reason.RETRIES_EXHAUSTED, gave_up(last.failures, last.message))
    elif reason in STALLING:
        conditions = moment.stalled(reason, last.message)
    elif reason in WAITING:
        conditions = moment.waiting(reason, last.message)
    else:
        conditions = moment.retrying(reason, last.message)
    return status.model_copy(
        update={
            "observed_generation": observed.identity.generation,
            "next_check_time": _or_poll(last.next_retry_time, observed.spec, at),
            "conditions": conditions,
        }
    )


def deleting(
    observed: Observed,
    operation: Operation | None,
    message: str,
    at: Moments,
    error: PipelineError | None = None,
) -> Status:
    """The pipeline is on its way out; `error` says what holds it up."""
    status = observed.identity.status
    moment = Moment(status, observed.identity.generation, at.now)
    stalled = error.reason if isinstance(error, (Stalled, HoldsData)) else None
    retrying = error.reason if error is not None and stalled is None else None
    update: dict[str, object] = {
        "operation": operation,
        "conditions": moment.deleting(message, stalled=stalled, retrying=retrying),
    }
    if error is not None:
        update["last_operation"] = _failed_deletion(observed, error, at)
    if status.stack is not None:
        holder = _holder_after(observed, error) if error else operation.pod if operation else status.stack.lock_holder
        update["stack"] = status.stack.model_copy(update={"lock_holder": holder})
    return status.model_copy(update=update)


def _failed_deletion(observed: Observed, error: PipelineError, at: Moments) -> LastOperation:
    last = observed.last_operation
    again = last is not None and last.type is OperationType.DESTROY
    return LastOperation(
        type=OperationType.DESTROY,
        result=OperationResult.FAILED,
        generation=observed.identity.generation,
        start_time=last.start_time if last and again else at.now,
        end_time=at.now,
        reason=error.reason.value,
        message=shorten(str(error)),
        failures=(last.failures if last and again else 0) + 1,
    )


def deletion_delay(status: Status, error: PipelineError, at: Moments) -> float:
    """Seconds until a deletion is tried again; it is never given up."""
    if isinstance(error, HoldsData):
        return min(CONFIRMATION_SECONDS, at.backoff.waiting_seconds)
    if isinstance(error, Waiting):
        return at.backoff.waiting_seconds
    failures = status.last_operation.failures if status.last_operation else 1
    return at.backoff.delay(max(1, failures), at.jitter).total_seconds()


OPERATION_REASON = {
    OperationType.CREATE: Reason.CREATING,
    OperationType.UPDATE: Reason.UPDATING,
    OperationType.REFRESH: Reason.REFRESHING,
    OperationType.DESTROY: Reason.DESTROYING,
}
