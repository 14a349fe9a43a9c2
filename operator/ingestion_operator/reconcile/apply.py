"""One pass over a live pipeline: decide, act, conclude."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from ingestion_operator.blueprint.names import stack_name
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import DependencyNotReady, InternalError, LockHeld, PipelineError, Propagating
from ingestion_operator.model.account import parse_account
from ingestion_operator.model.pipeline import parse_record
from ingestion_operator.model.status import Operation, OperationType, Status
from ingestion_operator.observe.observed import Buildable, Observed, Unbuildable
from ingestion_operator.ports.cloud import Cloud
from ingestion_operator.ports.engine import EngineResult, Scope, StackRef, UpdateRequest
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.adoption import Adoption
from ingestion_operator.reconcile.decide import Decision, Hold, Operate, Report, Skip, Suspend, Yield, decide
from ingestion_operator.reconcile.next_step import Go
from ingestion_operator.reconcile.run import Pass, after_the_engine
from ingestion_operator.status import conclude

logger = logging.getLogger(__name__)


@dataclass
class ApplyPass(Pass):
    """Brings a pipeline from what it is to what it should be."""

    def run(self, observed: Observed) -> None:
        """Decide, act on the decision, and write the result to the status."""
        decision = decide(observed, self.context.clock(), self.presence())
        logger.debug("%s: %s, %s", self.record.key, type(decision).__name__, decision.why, extra=self.fields())
        self._act_on(decision)

    def report(self, error: InternalError) -> None:
        """Write an error that nobody thought of, and when the operator tries again. What is recorded of an operation stays."""
        so_far = replace(self.record, status=self.written)
        status = conclude.reported(so_far, Unbuildable(error), self.context.timing())
        self.write_and_warn(status, (error,))

    def _act_on(self, decision: Decision) -> None:
        at = self.context.timing()
        match decision:
            case Operate():
                self._operate(decision)
            case Yield(wait, spec):
                error = LockHeld(wait.why)
                self.write_and_warn(conclude.waiting(self.record, spec, error, at), (error,))
            case Report(unbuildable):
                self.write_and_warn(conclude.reported(self.record, unbuildable, at), (unbuildable.problem,))
            case Hold(last, spec):
                self.write(conclude.held(self.record, spec, last, at))
            case Suspend():
                # The operator does not know what is true meanwhile. A failure after the resumption is a new Event.
                self.write_and_warn(conclude.suspended(self.record, at), ())
            case Skip(wanted):
                self.write_and_warn(conclude.unchanged(self.record, wanted, at), wanted.advice)

    def _operate(self, decision: Operate) -> None:
        wanted, operation = decision.wanted, self.operation(decision.type)
        stack = self._stack(wanted.blueprint, decision.go)
        self.write(conclude.started(self.record, wanted.blueprint, stack, operation, decision.why))
        try:
            with self.operating(operation, decision.why, wanted.spec.reconcile.timeout_seconds):
                result = self._update(wanted, stack, operation, decision.go.scope)
        except PipelineError as error:
            failure = conclude.failed(self.record, self.written, wanted.spec, operation, error, self.context.timing())
            self.warn(self.end_with(failure, (error,), still_true=wanted.advice))
            return
        done = conclude.succeeded(self.record, self.written, wanted, operation, result, self.context.timing())
        new_advice = self.end_with(done, wanted.advice)
        self._announce_success(operation.type, done, result)
        self.warn(new_advice)

    def _stack(self, blueprint: Blueprint, go: Go) -> StackRef:
        """The stack with the name in the status, because a later version of the operator may name stacks differently."""
        recorded = self.record.status.begun
        name, salt = (recorded.name, recorded.encryption_salt) if recorded else (stack_name(blueprint.owner), "")
        return StackRef(name, blueprint.place.region, salt, blueprint.access, go.departed)

    def _update(self, wanted: Buildable, stack: StackRef, operation: Operation, scope: Scope) -> EngineResult:
        blueprint = wanted.blueprint
        cloud = self.context.cloud.using(blueprint.access)
        self._hold_account(blueprint)
        request = UpdateRequest(
            stack,
            blueprint,
            wanted.spec.reconcile.timeout_seconds,
            create=operation.type is OperationType.CREATE,
            scope=scope,
            adopt=Adoption(cloud, self.record.status, blueprint).find,
        )
        result = self.context.engine.update(request, self.progress(operation))
        with after_the_engine(result.encryption_salt):
            self.announce_a_broken_lock(result)
            self._switch_events(blueprint, cloud)
            if faults := cloud.wiring_faults(blueprint):
                raise Propagating("applied, but AWS does not show it yet: " + "; ".join(faults))
        return result

    def _hold_account(self, blueprint: Blueprint) -> None:
        """Raise DependencyNotReady if the account is being deleted.

        The status of this pipeline names the account now, so a deletion of the account that begins later waits for the pipeline.
        A deletion that began earlier does not wait.
        """
        name = blueprint.access.account
        if name and self.record.status.begun is None:
            body = self.context.cluster.account(name)
            if body is None or parse_account(body).deleting:
                raise DependencyNotReady(f"AWSAccount {name} is being deleted")

    def _switch_events(self, blueprint: Blueprint, cloud: Cloud) -> None:
        """Switch the events of an existing bucket on if they are the trigger, and off when they no longer are."""
        bucket, region = blueprint.names.source.name, blueprint.place.region
        workings = self.written.workings
        if blueprint.names.source.made or workings is None:
            return
        ours = workings.switched_on == bucket
        if blueprint.listens_to_bucket:
            switched = cloud.switch_on_events(bucket, region)
            ours = ours or switched or self._another_switched_it_on(bucket)
        elif ours:
            cloud.switch_off_events(bucket, region)
            ours = False
        recorded = workings.model_copy(update={"switched_on": bucket if ours else ""})
        self.write(self.written.model_copy(update={"workings": recorded}))

    def _another_switched_it_on(self, bucket: str) -> bool:
        """Whether another pipeline of this operator switched them on. The last such pipeline to be deleted switches them off."""
        workings = (parse_record(body).status.workings for body in self.context.cluster.pipelines())
        return any(found is not None and found.switched_on == bucket for found in workings)

    def _announce_success(self, kind: OperationType, status: Status, result: EngineResult) -> None:
        message = status.last_operation.message if status.last_operation else ""
        if kind is not OperationType.REFRESH:
            self.announce(Reason.CREATED if kind is OperationType.CREATE else Reason.UPDATED, message)
        elif result.changed:
            self.context.observer.drifted(len(result.changed))
            self.announce(Reason.DRIFT_CORRECTED, f"put back what had been changed in AWS: {', '.join(result.changed)}")
