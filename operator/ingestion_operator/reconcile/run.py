"""What every pass over a pipeline has at hand: the ports, and the status as it was last written."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from ingestion_operator.errors import Interrupted, LockFate, PipelineError
from ingestion_operator.model.pipeline import PipelineRecord
from ingestion_operator.model.status import Operation, OperationType, Status
from ingestion_operator.ports.engine import EngineResult, OnProgress, Progress
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.context import Context
from ingestion_operator.reconcile.next_step import Presence
from ingestion_operator.reconcile.unforeseen import unforeseen
from ingestion_operator.status.announcements import Remark, warned
from ingestion_operator.status.conclude import interrupted
from ingestion_operator.status.merge_patch import merge_patch

logger = logging.getLogger(__name__)

DESTROY_TIMEOUT_SECONDS = 1800.0
PROGRESS_INTERVAL_SECONDS = 0.2
# An operation may take twice its time limit, because it starts again once after breaking a lock. Besides, the CLI gets time to
# stop, more than once, and the operator calls AWS before and after.
MARGIN_SECONDS = 900.0
# The pauses between attempts to write the end of an operation.
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0


@contextmanager
def after_the_engine(encryption_salt: str = "") -> Iterator[None]:
    """What fails here fails after the engine succeeded, so that the operation had the stack's lock."""
    try:
        yield
    except PipelineError as error:
        raise error.after(encryption_salt, LockFate.RELEASED) from error


@dataclass
class Pass:
    """One pass over one pipeline. It keeps the status as last written, so that each write contains only what changed."""

    context: Context
    record: PipelineRecord
    written: Status = field(init=False)

    def __post_init__(self) -> None:
        self.written = self.record.stored

    def fields(self, operation: Operation | None = None, **more: object) -> dict[str, object]:
        """The fields of a JSON log line that identify this pipeline and operation."""
        key = self.record.key
        fields = {"namespace": key.namespace, "pipeline": key.name, "generation": self.record.generation, **more}
        return (
            fields if operation is None else {**fields, "operation": operation.type.value, "operationId": operation.id}
        )

    def operation(self, kind: OperationType) -> Operation:
        """A new operation, by this operator."""
        pod = str(self.context.pod) if self.context.pod else ""
        return Operation(type=kind, id=uuid4().hex[:12], start_time=self.context.clock(), pod=pod)

    def presence(self) -> Mapping[str, Presence]:
        """What is known about the pods of operations whose end was never written."""
        workings = self.record.status.workings
        named = {operation.pod for operation in workings.unfinished.values()} if workings else set()
        pods = {text: pod for text in named if (pod := Pod.parse(text)) is not None}
        return {text: self._presence(pod) for text, pod in pods.items()}

    def _presence(self, pod: Pod) -> Presence:
        if pod == self.context.pod:
            return Presence.HERE
        exists = self.context.cluster.pod_exists(pod)
        return Presence.UNKNOWN if exists is None else Presence.ALIVE if exists else Presence.GONE

    @contextmanager
    def operating(self, operation: Operation, why: str, timeout_seconds: float) -> Iterator[None]:
        """Log an operation and report it to the observer."""
        key, kind, observer = self.record.key, operation.type.value, self.context.observer
        logger.info("%s: %s begins, %s", key, kind, why, extra=self.fields(operation))
        observer.began(key, operation, 2 * timeout_seconds + MARGIN_SECONDS)
        reason: Reason | None = Reason.FAILED
        began = time.monotonic()
        try:
            with unforeseen(str(key), self.fields(operation)):
                yield
        except Interrupted as error:
            reason = error.reason
            self._interrupted(operation, error)
            raise
        except PipelineError as error:
            reason = error.reason
            seconds = round(time.monotonic() - began, 3)
            fields = self.fields(operation, reason=reason.value, durationSeconds=seconds)
            logger.warning("%s: %s failed, %s: %s", key, kind, reason.value, error, extra=fields)
            raise
        else:
            reason = None
            seconds = round(time.monotonic() - began, 3)
            fields = self.fields(operation, durationSeconds=seconds)
            logger.info("%s: %s took %.1f s", key, kind, seconds, extra=fields)
        finally:
            observer.ended(operation, reason, time.monotonic() - began)

    def _interrupted(self, operation: Operation, error: Interrupted) -> None:
        """Say in the status that the next operator goes on. The operation stays there, which makes the next operator do so."""
        key = self.record.key
        logger.info("%s: %s: %s", key, operation.type.value, error, extra=self.fields(operation))
        try:
            self.write(interrupted(self.record, self.written, self.context.clock()))
        except PipelineError as unwritten:
            # The status still names the operation, so the next operator goes on all the same.
            logger.warning("%s: %s", key, unwritten, extra=self.fields(operation))

    def write(self, status: Status) -> None:
        """Write the parts of the status that changed."""
        patch = merge_patch(self.written.to_document(), status.to_document())
        if patch:
            self.context.cluster.patch_status(self.record.key, patch)
            self.context.observer.wrote(self.record.key, status.conditions)
        self.written = status

    def write_end(self, status: Status) -> None:
        """Write the end of an operation. It returns when the end is written, or the pipeline is gone.

        Raises UpdateFailed only if the operator stops. The status then says that the end was never written.
        """
        pause = SHORTEST_PAUSE_SECONDS
        while True:
            try:
                return self.write(status)
            except PipelineError as error:
                logger.warning("%s: %s; trying again in %g s", self.record.key, error, pause, extra=self.fields())
                if self.context.stopping.wait(pause):
                    raise
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def write_and_warn(self, status: Status, remarks: Sequence[Remark], still_true: Sequence[Remark] = ()) -> None:
        """Write the status, and publish a warning Event for each new remark, but not when a remark is repeated."""
        told = warned(self.record.status, status, remarks, still_true)
        self.write(told.status)
        self.warn(told.new)

    def end_with(
        self, status: Status, remarks: Sequence[Remark], still_true: Sequence[Remark] = ()
    ) -> tuple[Remark, ...]:
        """Write the end of an operation, with a status that remembers the remarks. Returns those that are new."""
        told = warned(self.record.status, status, remarks, still_true)
        self.write_end(told.status)
        return told.new

    def warn(self, remarks: Sequence[Remark]) -> None:
        """Publish a warning Event for each remark."""
        for remark in remarks:
            self.announce(remark.reason, remark.message, warning=True)

    def progress(self, operation: Operation) -> OnProgress:
        """A callback that writes how far the operation is, but not more often than a person can read."""
        last = 0.0

        def write(progress: Progress) -> None:
            nonlocal last
            if self.written.operation is None:
                return  # a late event of an operation whose end is written already
            if time.monotonic() - last >= PROGRESS_INTERVAL_SECONDS or progress.done == progress.total:
                last = time.monotonic()
                moved = operation.model_copy(update={"progress": str(progress)})
                try:
                    self.write(self.written.model_copy(update={"operation": moved}))
                except PipelineError as error:
                    # An error here would end the engine's stream of events, and the next write tells the same.
                    logger.info("%s: %s", self.record.key, error, extra=self.fields(operation))

        return write

    def announce(self, reason: Reason, message: str, *, warning: bool = False) -> None:
        """Publish an Event."""
        try:
            self.context.cluster.announce(self.record, reason, message, warning=warning)
        except PipelineError as error:
            # The status has the same message, so an Event that cannot be published must not stop anything.
            logger.warning("%s: %s", self.record.key, error, extra=self.fields(reason=error.reason.value))

    def announce_a_broken_lock(self, result: EngineResult) -> None:
        """Publish an Event if the engine broke the lock of a dead process."""
        if result.broken_lock:
            self.context.observer.broke_lock()
            self.announce(
                Reason.LOCK_BROKEN,
                f"broke the lock of a process that no longer exists: {result.broken_lock}",
                warning=True,
            )
