"""One pass over a pipeline that is being deleted: take down what it created, except what its policy keeps."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import NoReturn

from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.names import possible_buckets, possible_tables, stack_name
from ingestion_operator.errors import AccessDenied, LockHeld, PipelineError, SpecInvalid, Waiting
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.model.spec import DeletionPolicy
from ingestion_operator.model.status import Operation, OperationType
from ingestion_operator.observe.account_choice import access_as_built, access_for, refuse_another_account
from ingestion_operator.ports.cloud import Cloud
from ingestion_operator.ports.engine import DestroyRequest, Scope, StackRef
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.context import StillThere
from ingestion_operator.reconcile.disposal import Disposal
from ingestion_operator.reconcile.next_step import Go, Situation, Wait, next_step
from ingestion_operator.reconcile.run import DESTROY_TIMEOUT_SECONDS, Pass, after_the_engine
from ingestion_operator.reconcile.unforeseen import unforeseen
from ingestion_operator.status import deletion

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Remains:
    """What may exist of a pipeline in AWS, and the access to it."""

    cloud: Cloud
    region: str
    access: Access | None = None
    """The access with which the pipeline was built. None: the engine takes it from the state."""
    buckets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    switched_on: str = ""


@dataclass
class RemovalPass(Pass):
    """Takes a pipeline down."""

    _operation: Operation | None = None
    """The operation that began."""

    def run(self) -> None:
        """Take the pipeline down. Raises StillThere while something delays the deletion."""
        step = next_step(Situation(self.record.status, self.presence()))
        if isinstance(step, Wait):
            self._wait(LockHeld(step.why))
        try:
            with unforeseen(str(self.record.key), self.fields()):
                self._take_down(step)
        except PipelineError as error:
            at = self.context.timing()
            status = deletion.held_up(self.record, self.written, self._operation, error, at)
            if self._operation is None:
                self.write_and_warn(status, (error,))
            else:
                self.warn(self.end_with(status, (error,)))
            raise StillThere(str(error), deletion.delay_seconds(self.written, error, at)) from error

    def _wait(self, error: LockHeld) -> NoReturn:
        at = self.context.timing()
        self.write_and_warn(deletion.waiting(self.record, error, at), (error,))
        raise StillThere(str(error), at.backoff.waiting_seconds)

    def _take_down(self, go: Go) -> None:
        policy = self.record.deletion_policy
        if policy is DeletionPolicy.RETAIN:
            self.context.engine.forget(self._stack_ref(None, go))
            self.announce(Reason.RETAINED, "everything stays in AWS, as deletion.policy says")
            return
        remains = self._remains()
        disposal = self._disposal(remains, everything=policy is DeletionPolicy.DELETE)
        disposal.check()
        operation = self.operation(OperationType.DESTROY)
        self.write(deletion.taking_down(self.record, operation, self.context.timing()))
        self._operation = operation
        with self.operating(operation, f"deletion.policy is {policy.value}", DESTROY_TIMEOUT_SECONDS):
            self._destroy(self._stack_ref(remains.access, go), operation, go)
            with after_the_engine():
                if remains.switched_on:
                    remains.cloud.switch_off_events(remains.switched_on, remains.region)
                purged = disposal.dispose()
        if purged:
            self.announce(
                Reason.PURGED, f"deleted the data in {', '.join(purged)} for good, as confirmed", warning=True
            )
        self.announce(Reason.DESTROYED, f"the pipeline is gone from AWS{self._what_stays(remains)}")

    def _destroy(self, stack: StackRef, operation: Operation, go: Go) -> None:
        """Destroy the stack.

        IAM refuses a call about a role that is gone, because the right is limited by the path, and an absent role has none. So
        after AccessDenied the engine reads first what is there.
        """
        engine, progress = self.context.engine, self.progress(operation)
        request = DestroyRequest(stack, DESTROY_TIMEOUT_SECONDS, refresh=go.scope > Scope.CHANGES)
        try:
            result = engine.destroy(request, progress)
        except AccessDenied as error:
            if request.refresh:
                raise
            logger.info("%s: %s; reading what is there", self.record.key, error, extra=self.fields(operation))
            result = engine.destroy(replace(request, refresh=True), progress)
        self.announce_a_broken_lock(result)

    def _stack_ref(self, access: Access | None, go: Go) -> StackRef:
        begun = self.record.status.begun
        if begun is None:
            return StackRef(stack_name(self.context.owner(self.record)), self._region, access=access)
        return StackRef(begun.name, begun.region, begun.encryption_salt, access, go.departed)

    @property
    def _region(self) -> str:
        begun = self.record.status.begun
        return begun.region if begun else self.record.region or self.context.default_region

    def _remains(self) -> _Remains:
        """The remains that the status records.

        Raises DependencyNotReady if the AWSAccount with which the pipeline was built no longer exists, AccountChanged if it
        leads to another AWS account now.
        """
        begun = self.record.status.begun
        if begun is None:
            return self._assumed_remains()
        access = access_as_built(self.context.cluster, self.record)
        cloud = self.context.cloud.using(access)
        if begun.account_id:
            refuse_another_account(self.record, cloud.place(begun.region))
        return _Remains(cloud, begun.region, access, begun.data_buckets, begun.data_tables, begun.switched_on)

    def _assumed_remains(self) -> _Remains:
        """The remains that may exist without a recorded stack. Their names are deterministic.

        If the AWSAccount does not exist or may not be used, usually nothing was built, and the result is empty.
        """
        try:
            cloud = self.context.cloud.using(access_for(self.context.cluster, self.record, self._region))
            place = cloud.place(self._region)
        except (Waiting, AccessDenied, SpecInvalid):
            return _Remains(self.context.cloud, self._region)
        owner = self.context.owner(self.record)
        named = self.record.source_bucket if self.record.source_is_made else ""
        buckets = possible_buckets(named, owner, place)
        return _Remains(cloud, self._region, buckets=buckets, tables=possible_tables(owner))

    def _disposal(self, remains: _Remains, *, everything: bool) -> Disposal:
        """The disposal of everything that may hold data, or of nothing."""
        return Disposal(
            remains.cloud,
            self.context.owner(self.record),
            remains.region,
            remains.buckets if everything else (),
            remains.tables if everything else (),
            self._confirmed(),
        )

    def _what_stays(self, remains: _Remains) -> str:
        """The part of the last Event that says which buckets and tables still exist, and why."""
        all_of_it = self._disposal(remains, everything=True)
        kept = all_of_it.owned()
        said = f"; kept with their data: {', '.join(kept)}" if kept else ""
        if self.record.deletion_policy is DeletionPolicy.DELETE and (foreign := all_of_it.foreign()):
            said += f"; left alone, because they do not carry this pipeline's tags: {', '.join(foreign)}"
        return said

    def _confirmed(self) -> frozenset[str]:
        return frozenset(b.strip() for b in self.record.annotations.get(CONFIRM_PURGE, "").split(",") if b.strip())
