"""The use case: one level-triggered reconcile, the same for create, update, resume, a ConfigMap's change and the timer.

Gather what there is, decide what to do (pure), act (the only calls that change the cloud), conclude (pure) and write the status.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ingestion_operator import conclude
from ingestion_operator.conclude import Backoff, Moments
from ingestion_operator.decide import Action, Decision, Observed, decide
from ingestion_operator.disposal import Disposal
from ingestion_operator.errors import BucketNameTaken, PipelineError, Propagating
from ingestion_operator.gather import Gatherer
from ingestion_operator.model.pipeline import CONFIRM_PURGE, Identity, PipelineKey, parse_identity
from ingestion_operator.model.runtimes import deprecation
from ingestion_operator.model.spec import DeletionPolicy
from ingestion_operator.model.status import Operation, OperationType, StackStatus, Status
from ingestion_operator.naming import BUCKET_LIMIT, BUCKET_ROLES, Owner, physical_name, stack_name
from ingestion_operator.patch import merge_patch
from ingestion_operator.ports import (
    Cloud,
    Cluster,
    Engine,
    EngineResult,
    OnProgress,
    Progress,
    StackRef,
    UpdateRequest,
)
from ingestion_operator.reasons import Reason
from ingestion_operator.resources import Blueprint

logger = logging.getLogger(__name__)

DESTROY_TIMEOUT_SECONDS = 1800.0
PROGRESS_INTERVAL_SECONDS = 0.2


class StillThere(Exception):
    """A deletion is not finished; it is to be tried again after `delay_seconds`. Carries the message for the user."""

    def __init__(self, message: str, delay_seconds: float) -> None:
        super().__init__(message)
        self.delay_seconds = delay_seconds


@dataclass
class _Locks:
    """One lock for each pipeline, so that a timer and an event never work on the same stack."""

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
    """Brings one pipeline at a time from what it is to what it is to be."""

    cluster: Cluster
    cloud: Cloud
    engine: Engine
    default_region: str
    backoff: Backoff = Backoff()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _locks: _Locks = field(default_factory=_Locks)

    def reconcile(self, key: PipelineKey) -> None:
        """Make AWS what the pipeline says, and say so in its status. A pipeline that is gone or going is left to `remove`."""
        with self._locks.of(key):
            body = self.cluster.pipeline(key)
            if body is not None and not (identity := parse_identity(body)).deleting:
                _Run(self, identity).live(self._gatherer().observe(body, identity))

    def remove(self, key: PipelineKey) -> None:
        """Take down what the pipeline made. Returns when nothing is left that its deletion policy would not leave.

        Raises StillThere, and nothing else, while something holds it up.
        """
        try:
            with self._locks.of(key):
                body = self.cluster.pipeline(key)
                if body is not None:
                    _Run(self, parse_identity(body)).removal()
        except PipelineError as error:
            raise StillThere(str(error), self.backoff.waiting_seconds) from error

    def moments(self) -> Moments:
        """The time of now, and a fresh jitter."""
        return Moments(self.clock(), random.random(), self.backoff)  # noqa: S311 - spreads load, guards nothing

    def owner(self, identity: Identity) -> Owner:
        """The owner that the tags name."""
        return Owner(self.cluster.cluster_id(), identity.key, identity.uid)

    def _gatherer(self) -> Gatherer:
        return Gatherer(self.cluster, self.cloud, self.default_region)


@dataclass
class _Run:
    """One pass over one pipeline; keeps the status as last written, so that each write is only what changed."""

    reconciler: Reconciler
    identity: Identity
    written: Status = field(init=False)

    def __post_init__(self) -> None:
        self.written = self.identity.status

    def live(self, observed: Observed) -> None:
        at = self.reconciler.moments()
        decision = decide(observed, at.now)
        logger.debug("%s: %s, %s", self.identity.key, decision.action.value, decision.why)
        if decision.action in (Action.APPLY, Action.REFRESH) and observed.blueprint is not None:
            self._operate(observed, observed.blueprint, decision)
        elif decision.action is Action.REPORT and observed.problem is not None:
            self._write(conclude.reported(observed, observed.problem, at))
            self._announce_if_new(observed.problem)
        elif decision.action is Action.HOLD:
            self._write(conclude.held(observed, at))
        elif decision.action is Action.SUSPEND:
            self._write(conclude.suspended(observed, at))
        elif decision.action is Action.SKIP:
            self._write(conclude.unchanged(observed, at))

    def _operate(self, observed: Observed, blueprint: Blueprint, decision: Decision) -> None:
        kind = conclude.operation_type(observed, decision)
        operation = Operation(type=kind, id=uuid4().hex[:12], start_time=self.reconciler.clock())
        stack = StackRef(self.reconciler_stack(blueprint), blueprint.place.region)
        running = conclude.started(observed, blueprint, stack, operation, decision.why)
        self._write(running)
        logger.info("%s: %s begins, %s", self.identity.key, kind.value, decision.why)
        began = time.monotonic()
        try:
            result = self._update(observed, blueprint, stack, operation)
        except PipelineError as error:
            logger.warning("%s: %s failed, %s: %s", self.identity.key, kind.value, error.reason.value, error)
            self._write(conclude.failed(observed, running, operation, error, self.reconciler.moments()))
            self._announce_if_new(error)
            return
        logger.info("%s: %s took %.1f s, %s", self.identity.key, kind.value, time.monotonic() - began, result.changes)
        done = conclude.succeeded(observed, running, blueprint, operation, result, self.reconciler.moments())
        self._write(done)
        self._announce_success(observed, kind, done, result)

    def reconciler_stack(self, blueprint: Blueprint) -> str:
        """The stack's name: what the status says, for it must not change with a later version's naming."""
        recorded = self.identity.status.stack
        return recorded.name if recorded else stack_name(blueprint.owner)

    def _update(self, observed: Observed, blueprint: Blueprint, stack: StackRef, operation: Operation) -> EngineResult:
        create = operation.type is OperationType.CREATE
        interrupted = self.identity.status.operation is not None
        adopt = self._adoptable(blueprint) if create or interrupted else {}
        timeout = observed.spec.reconcile.timeout_seconds if observed.spec else DESTROY_TIMEOUT_SECONDS
        request = UpdateRequest(
            stack,
            blueprint,
            timeout,
            create=create,
            # A first creation that did not end well may have left things that the state does not know, or the reverse.
            refresh=operation.type is OperationType.REFRESH
            or interrupted
            or bool(adopt)
            or (create and observed.stack is not None),
            adopt=adopt,
        )
        result = self.reconciler.engine.update(request, self._progress(operation))
        self._announce_a_broken_lock(result)
        if faults := self.reconciler.cloud.wiring_faults(blueprint):
            raise Propagating("applied, but AWS does not show it yet: " + "; ".join(faults))
        return result

    def _adoptable(self, blueprint: Blueprint) -> Mapping[str, str]:
        """What is left of an earlier life or an interrupted attempt, to be taken over; others' things are never touched."""
        found: dict[str, str] = {}
        for resource in blueprint.resources:
            if resource.type != "aws:s3/bucket:Bucket":
                continue
            bucket, tags = resource.inputs["bucket"], resource.inputs["tags"]
            there = self.reconciler.cloud.bucket_tags(bucket, blueprint.place.region)
            if there is None:
                continue
            if not blueprint.owner.owns(there):
                raise BucketNameTaken(
                    f"bucket {bucket} exists and does not carry this pipeline's ownership tags: choose another "
                    "source.bucket.name; the operator never takes over what it did not make"
                )
            self.reconciler.cloud.tag_bucket(bucket, blueprint.place.region, tags)
            found[resource.name] = bucket
        return {**found, **self.reconciler.cloud.leftovers(blueprint)}

    def removal(self) -> None:
        observed = Observed(self.identity)
        try:
            self._take_down(observed, self.identity.status.stack)
        except PipelineError as error:
            at = self.reconciler.moments()
            self._write(conclude.deleting(observed, None, str(error), at, error))
            self._announce_if_new(error)
            raise StillThere(str(error), conclude.deletion_delay(self.written, error, at)) from error

    def _take_down(self, observed: Observed, stack: StackStatus | None) -> None:
        policy = self.identity.deletion_policy
        owner = self.reconciler.owner(self.identity)
        stack = stack or self._assumed_stack(owner)
        ref = StackRef(stack.name, stack.region)
        if policy is DeletionPolicy.RETAIN:
            self.reconciler.engine.forget(ref)
            self._announce(Reason.RETAINED, "everything stays in AWS, as deletion.policy says")
            return
        buckets = stack.data_buckets if policy is DeletionPolicy.DELETE else ()
        disposal = Disposal(self.reconciler.cloud, owner, stack.region, buckets, self._confirmed())
        disposal.check()
        operation = Operation(type=OperationType.DESTROY, id=uuid4().hex[:12], start_time=self.reconciler.clock())
        self._write(conclude.deleting(observed, operation, "taking down the pipeline", self.reconciler.moments()))
        self._announce_a_broken_lock(
            self.reconciler.engine.destroy(ref, DESTROY_TIMEOUT_SECONDS, self._progress(operation))
        )
        if purged := disposal.dispose():
            self._announce(
                Reason.PURGED, f"deleted for good, as confirmed: the data in {', '.join(purged)}", warning=True
            )
        self._announce(Reason.DESTROYED, f"the pipeline is gone from AWS{self._what_stays(disposal)}")

    def _what_stays(self, disposal: Disposal) -> str:
        """For the last Event: buckets that are still there, and why."""
        stack = self.identity.status.stack
        if self.identity.deletion_policy is DeletionPolicy.RETAIN_DATA and stack is not None:
            return f"; kept with their data: {', '.join(stack.data_buckets)}"
        if left := disposal.foreign():
            return f"; left alone, for they do not carry this pipeline's tags: {', '.join(left)}"
        return ""

    def _assumed_stack(self, owner: Owner) -> StackStatus:
        """What there would be: a status may have been lost, and then only the deterministic names are left to go by."""
        generated = tuple(physical_name(owner, role, BUCKET_LIMIT) for role in BUCKET_ROLES)
        named = (self.identity.source_bucket,) if self.identity.source_bucket else ()
        region = self.identity.region or self.reconciler.default_region
        return StackStatus(name=stack_name(owner), region=region, data_buckets=(*named, *generated))

    def _confirmed(self) -> frozenset[str]:
        return frozenset(b.strip() for b in self.identity.annotations.get(CONFIRM_PURGE, "").split(",") if b.strip())

    def _progress(self, operation: Operation) -> OnProgress:
        last = 0.0

        def write(progress: Progress) -> None:
            nonlocal last
            if self.written.operation is None:
                return  # a late event of an operation whose end is written already
            if time.monotonic() - last >= PROGRESS_INTERVAL_SECONDS or progress.done == progress.total:
                last = time.monotonic()
                moved = operation.model_copy(update={"progress": str(progress)})
                self._write(self.written.model_copy(update={"operation": moved}))

        return write

    def _write(self, status: Status) -> None:
        patch = merge_patch(self.written.to_document(), status.to_document())
        if patch:
            self.reconciler.cluster.patch_status(self.identity.key, patch)
        self.written = status

    def _announce_if_new(self, error: PipelineError) -> None:
        """One Event for each new failure, not one for each attempt."""
        said = {c.message for c in self.identity.status.conditions}
        if str(error) not in said:
            self._announce(error.reason, str(error), warning=True)

    def _announce_success(self, observed: Observed, kind: OperationType, status: Status, result: EngineResult) -> None:
        message = status.last_operation.message if status.last_operation else ""
        if kind is OperationType.REFRESH:
            if result.changed:
                self._announce(
                    Reason.DRIFT_CORRECTED,
                    f"put back what had been changed in AWS: {', '.join(result.changed)}",
                )
        else:
            self._announce(Reason.CREATED if kind is OperationType.CREATE else Reason.UPDATED, message)
            self._warn_of_an_old_runtime(observed)

    def _warn_of_an_old_runtime(self, observed: Observed) -> None:
        if observed.spec and (old := deprecation(observed.spec.processor.runtime, self.reconciler.clock().date())):
            self._announce(Reason.RUNTIME_DEPRECATED, old, warning=True)

    def _announce_a_broken_lock(self, result: EngineResult) -> None:
        if result.broken_lock:
            self._announce(
                Reason.LOCK_BROKEN, f"broke the lock of a process that is gone: {result.broken_lock}", warning=True
            )

    def _announce(self, reason: Reason, message: str, *, warning: bool = False) -> None:
        try:
            self.reconciler.cluster.announce(self.identity, reason, message, warning=warning)
        except PipelineError as error:
            # The status says it too; an Event that cannot be published must not stop anything.
            logger.warning("%s: %s", self.identity.key, error)


def is_due(body: Mapping[str, Any], now: datetime) -> bool:
    """Whether the time has come to look at a pipeline again; cheap enough to ask every few seconds."""
    due: str | None = (body.get("status") or {}).get("nextCheckTime")
    deleting = "deletionTimestamp" in body["metadata"]
    return due is not None and not deleting and datetime.fromisoformat(due) <= now
