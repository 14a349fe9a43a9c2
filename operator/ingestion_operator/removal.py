"""One pass over a pipeline that is being deleted: take down what it made, and nothing that is to stay."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion_operator import conclude
from ingestion_operator.decide import Observed
from ingestion_operator.disposal import Disposal
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.model.spec import DeletionPolicy
from ingestion_operator.model.status import OperationType, StackStatus
from ingestion_operator.names import possible_buckets, possible_tables
from ingestion_operator.naming import stack_name
from ingestion_operator.ports import StackRef
from ingestion_operator.reasons import Reason
from ingestion_operator.run import DESTROY_TIMEOUT_SECONDS, Run


class StillThere(Exception):
    """A deletion is not finished; it is to be tried again after `delay_seconds`. Carries the message for the user."""

    def __init__(self, message: str, delay_seconds: float) -> None:
        super().__init__(message)
        self.delay_seconds = delay_seconds


@dataclass
class Removal(Run):
    """Takes a pipeline down."""

    def run(self) -> None:
        """Take it down. Raises StillThere while something holds it up."""
        observed = Observed(self.identity)
        try:
            self._take_down(observed)
        except PipelineError as error:
            at = self.context.moments()
            self.write(conclude.deleting(observed, None, str(error), at, error))
            self.announce_if_new(error.reason, str(error))
            raise StillThere(str(error), conclude.deletion_delay(self.written, error, at)) from error

    def _take_down(self, observed: Observed) -> None:
        policy = self.identity.deletion_policy
        stack = self.identity.status.stack or self._assumed_stack()
        ref = StackRef(stack.name, stack.region, stack.encryption_salt, self.departed())
        if policy is DeletionPolicy.RETAIN:
            self.context.engine.forget(ref)
            self.announce(Reason.RETAINED, "everything stays in AWS, as deletion.policy says")
            return
        disposal = self._disposal(stack, everything=policy is DeletionPolicy.DELETE)
        disposal.check()
        operation = self.operation(OperationType.DESTROY)
        self.write(conclude.deleting(observed, operation, "taking down the pipeline", self.context.moments()))
        with self.operating(operation, f"deletion.policy is {policy.value}", DESTROY_TIMEOUT_SECONDS):
            destroyed = self.context.engine.destroy(ref, DESTROY_TIMEOUT_SECONDS, self.progress(operation))
            self.announce_a_broken_lock(destroyed)
            if stack.switched_on:
                self.context.cloud.switch_off_events(stack.switched_on, stack.region)
            purged = disposal.dispose()
        if purged:
            self.announce(
                Reason.PURGED, f"deleted for good, as confirmed: the data in {', '.join(purged)}", warning=True
            )
        self.announce(Reason.DESTROYED, f"the pipeline is gone from AWS{self._what_stays(stack)}")

    def _disposal(self, stack: StackStatus, *, everything: bool) -> Disposal:
        """The disposal of everything that holds data, or of nothing."""
        return Disposal(
            self.context.cloud,
            self.context.owner(self.identity),
            stack.region,
            stack.data_buckets if everything else (),
            stack.data_tables if everything else (),
            self._confirmed(),
        )

    def _what_stays(self, stack: StackStatus) -> str:
        """For the last Event: buckets and tables that are still there, and why."""
        all_of_it = self._disposal(stack, everything=True)
        kept = all_of_it.owned()
        said = f"; kept with their data: {', '.join(kept)}" if kept else ""
        if self.identity.deletion_policy is DeletionPolicy.DELETE and (foreign := all_of_it.foreign()):
            said += f"; left alone, for they do not carry this pipeline's tags: {', '.join(foreign)}"
        return said

    def _assumed_stack(self) -> StackStatus:
        """What there would be: a status may have been lost, and then only the deterministic names are left to go by."""
        owner = self.context.owner(self.identity)
        region = self.identity.region or self.context.default_region
        named = self.identity.source_bucket if self.identity.source_is_made else ""
        buckets = possible_buckets(named, owner, self.context.cloud.place(region))
        return StackStatus(
            name=stack_name(owner), region=region, data_buckets=buckets, data_tables=possible_tables(owner)
        )

    def _confirmed(self) -> frozenset[str]:
        return frozenset(b.strip() for b in self.identity.annotations.get(CONFIRM_PURGE, "").split(",") if b.strip())
