"""One pass over a live pipeline: decide, act, conclude."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingestion_operator.blueprint.names import stack_name
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import DependencyNotReady, PipelineError, Propagating
from ingestion_operator.model.account import parse_account
from ingestion_operator.model.status import Operation, OperationType, Status
from ingestion_operator.observe.observed import Observed
from ingestion_operator.ports.cloud import Cloud
from ingestion_operator.ports.engine import EngineResult, StackRef, UpdateRequest
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.adoption import Adoption
from ingestion_operator.reconcile.decide import Action, Decision, decide, operation_type
from ingestion_operator.reconcile.run import DESTROY_TIMEOUT_SECONDS, Run
from ingestion_operator.status import conclude

logger = logging.getLogger(__name__)


@dataclass
class Apply(Run):
    """Brings a pipeline from what it is to what it is to be."""

    def run(self, observed: Observed) -> None:
        """Do what is to be done, and say so in the status."""
        at = self.context.moments()
        decision = decide(observed, at.now)
        logger.debug("%s: %s, %s", self.identity.key, decision.action.value, decision.why, extra=self.fields())
        if decision.action in (Action.APPLY, Action.REFRESH) and observed.blueprint is not None:
            self._operate(observed, observed.blueprint, decision)
        elif decision.action is Action.REPORT and observed.problem is not None:
            self.write(conclude.reported(observed, observed.problem, at))
            self.announce_if_new(observed.problem.reason, str(observed.problem))
        elif decision.action is Action.HOLD:
            self.write(conclude.held(observed, at))
        elif decision.action is Action.SUSPEND:
            self.write(conclude.suspended(observed, at))
        elif decision.action is Action.SKIP:
            self.write(conclude.unchanged(observed, at))
            self._advise(observed)

    def _operate(self, observed: Observed, blueprint: Blueprint, decision: Decision) -> None:
        kind = operation_type(observed, decision)
        operation = self.operation(kind)
        stack = self._stack(blueprint)
        self.write(conclude.started(observed, blueprint, stack, operation, decision.why))
        timeout = observed.spec.reconcile.timeout_seconds if observed.spec else DESTROY_TIMEOUT_SECONDS
        try:
            with self.operating(operation, decision.why, timeout):
                result = self._update(observed, blueprint, stack, operation, timeout)
        except PipelineError as error:
            self.write(conclude.failed(observed, self.written, operation, error, self.context.moments()))
            self.announce_if_new(error.reason, str(error))
            return
        done = conclude.succeeded(observed, self.written, blueprint, operation, result, self.context.moments())
        self.write(done)
        self._announce_success(kind, done, result)
        self._advise(observed)

    def _stack(self, blueprint: Blueprint) -> StackRef:
        """The stack: named as the status says, for its name must not change with a later version's naming."""
        recorded = self.identity.status.stack
        name, salt = (recorded.name, recorded.encryption_salt) if recorded else (stack_name(blueprint.owner), "")
        return StackRef(name, blueprint.place.region, salt, blueprint.access, self.departed())

    def _update(
        self, observed: Observed, blueprint: Blueprint, stack: StackRef, operation: Operation, timeout: float
    ) -> EngineResult:
        cloud = self.context.cloud.using(blueprint.access)
        self._hold_account(blueprint)
        create = operation.type is OperationType.CREATE
        interrupted = self.identity.status.operation is not None
        adoption = Adoption(cloud, observed, blueprint)
        adopt = adoption.of_everything() if create or interrupted else adoption.of_new_data()
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
        result = self.context.engine.update(request, self.progress(operation))
        self.announce_a_broken_lock(result)
        self._switch_events(blueprint, cloud)
        if faults := cloud.wiring_faults(blueprint):
            raise Propagating("applied, but AWS does not show it yet: " + "; ".join(faults))
        return result

    def _hold_account(self, blueprint: Blueprint) -> None:
        """See that the account stays. From the record that was just written on, its deletion waits for the pipeline's.

        A deletion that was asked for before may not have seen it. Raises DependencyNotReady.
        """
        name = blueprint.access.account
        if name and self.identity.status.stack is None:
            body = self.context.cluster.account(name)
            if body is None or parse_account(body).deleting:
                raise DependencyNotReady(f"AWSAccount {name} is being deleted")

    def _switch_events(self, blueprint: Blueprint, cloud: Cloud) -> None:
        """Have an existing bucket send its events to EventBridge while it is the trigger, and not for longer than needed."""
        bucket, region = blueprint.names.source.name, blueprint.place.region
        stack = self.written.stack
        if blueprint.names.source.made or stack is None:
            return
        ours = stack.switched_on == bucket
        if blueprint.listens_to_bucket:
            switched = cloud.switch_on_events(bucket, region)
            ours = ours or switched or self._another_switched_it_on(bucket)
        elif ours:
            cloud.switch_off_events(bucket, region)
            ours = False
        self.write(
            self.written.model_copy(update={"stack": stack.model_copy(update={"switched_on": bucket if ours else ""})})
        )

    def _another_switched_it_on(self, bucket: str) -> bool:
        """Whether another pipeline of this operator did: the last one that goes switches off."""
        return any(
            ((body.get("status") or {}).get("stack") or {}).get("switchedOn") == bucket
            for body in self.context.cluster.pipelines()
        )

    def _announce_success(self, kind: OperationType, status: Status, result: EngineResult) -> None:
        message = status.last_operation.message if status.last_operation else ""
        if kind is not OperationType.REFRESH:
            self.announce(Reason.CREATED if kind is OperationType.CREATE else Reason.UPDATED, message)
        elif result.changed:
            self.context.observer.drifted(len(result.changed))
            self.announce(Reason.DRIFT_CORRECTED, f"put back what had been changed in AWS: {', '.join(result.changed)}")

    def _advise(self, observed: Observed) -> None:
        for advice in observed.advice:
            self.announce_if_new(advice.reason, advice.message)
