"""One pass over a live pipeline: decide, act, conclude."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from ingestion_operator import conclude
from ingestion_operator.decide import Action, Decision, Observed, decide
from ingestion_operator.errors import BucketNameTaken, PipelineError, Propagating, TableNameTaken
from ingestion_operator.model.status import Operation, OperationType, Status
from ingestion_operator.naming import stack_name
from ingestion_operator.ports import EngineResult, StackRef, UpdateRequest
from ingestion_operator.reasons import Reason
from ingestion_operator.resources import Blueprint, Resource
from ingestion_operator.run import DESTROY_TIMEOUT_SECONDS, Run

logger = logging.getLogger(__name__)

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"
FUNCTION = "function"


@dataclass
class Apply(Run):
    """Brings a pipeline from what it is to what it is to be."""

    def run(self, observed: Observed) -> None:
        """Do what is to be done, and say so in the status."""
        at = self.context.moments()
        decision = decide(observed, at.now)
        logger.debug("%s: %s, %s", self.identity.key, decision.action.value, decision.why)
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
        kind = conclude.operation_type(observed, decision)
        operation = Operation(type=kind, id=uuid4().hex[:12], start_time=self.context.clock())
        stack = self._stack(blueprint)
        self.write(conclude.started(observed, blueprint, stack, operation, decision.why))
        logger.info("%s: %s begins, %s", self.identity.key, kind.value, decision.why)
        began = time.monotonic()
        try:
            result = self._update(observed, blueprint, stack, operation)
        except PipelineError as error:
            logger.warning("%s: %s failed, %s: %s", self.identity.key, kind.value, error.reason.value, error)
            self.write(conclude.failed(observed, self.written, operation, error, self.context.moments()))
            self.announce_if_new(error.reason, str(error))
            return
        logger.info("%s: %s took %.1f s, %s", self.identity.key, kind.value, time.monotonic() - began, result.changes)
        done = conclude.succeeded(observed, self.written, blueprint, operation, result, self.context.moments())
        self.write(done)
        self._announce_success(kind, done, result)
        self._advise(observed)

    def _stack(self, blueprint: Blueprint) -> StackRef:
        """The stack: named as the status says, for its name must not change with a later version's naming."""
        recorded = self.identity.status.stack
        if recorded is None:
            return StackRef(stack_name(blueprint.owner), blueprint.place.region)
        return StackRef(recorded.name, blueprint.place.region, recorded.encryption_salt)

    def _update(self, observed: Observed, blueprint: Blueprint, stack: StackRef, operation: Operation) -> EngineResult:
        create = operation.type is OperationType.CREATE
        interrupted = self.identity.status.operation is not None
        adopt = (
            self._adoptable(observed, blueprint) if create or interrupted else self._data_to_adopt(observed, blueprint)
        )
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
        result = self.context.engine.update(request, self.progress(operation))
        self.announce_a_broken_lock(result)
        self._switch_events(blueprint)
        if faults := self.context.cloud.wiring_faults(blueprint):
            raise Propagating("applied, but AWS does not show it yet: " + "; ".join(faults))
        return result

    def _adoptable(self, observed: Observed, blueprint: Blueprint) -> Mapping[str, str]:
        """What is left of an earlier life or an interrupted attempt, to be taken over; others' things are never touched."""
        built = _built(observed, blueprint)
        unknown = replace(blueprint, resources=tuple(r for r in blueprint.resources if r.name not in built))
        return {
            **self._data_to_adopt(observed, blueprint, everything=True),
            **self.context.cloud.leftovers(unknown),
        }

    def _data_to_adopt(
        self, observed: Observed, blueprint: Blueprint, *, everything: bool = False
    ) -> Mapping[str, str]:
        """Buckets and tables that are there already: what holds data is never made twice.

        A live pipeline can get one back too: a results table, or the log of a trail, that it had before a change of the spec.
        """
        known = {r.name for r in observed.identity.status.resources} if not everything else set()
        wanted = [r for r in blueprint.resources if r.type in (BUCKET, TABLE) and r.name not in known]
        return dict(filter(None, (self._claimed(r, blueprint) for r in wanted)))

    def _claimed(self, resource: Resource, blueprint: Blueprint) -> tuple[str, str] | None:
        """Name and id of a bucket or table that is there and this pipeline's, tagged as of now; None if it is not there.

        Raises BucketNameTaken or TableNameTaken if it is somebody else's.
        """
        cloud, region, owner, tags = (
            self.context.cloud,
            blueprint.place.region,
            blueprint.owner,
            resource.inputs["tags"],
        )
        if resource.type == BUCKET:
            name = resource.inputs["bucket"]
            there = cloud.bucket_tags(name, region)
            if there is not None and not owner.owns(there):
                raise BucketNameTaken(
                    f"bucket {name} exists and does not carry this pipeline's ownership tags: choose another "
                    "source.bucket.name, or write management: Existing to use it as it is; the operator never takes over "
                    "what it did not make"
                )
            if there is not None:
                cloud.tag_bucket(name, region, tags)
        else:
            name = resource.inputs["name"]
            there = cloud.table_tags(name, region)
            if there is not None and not owner.owns(there):
                raise TableNameTaken(
                    f"table {name} exists and does not carry this pipeline's ownership tags: write results.table.name to use "
                    "it as it is; the operator never takes over what it did not make"
                )
            if there is not None:
                cloud.tag_table(name, region, tags)
        return None if there is None else (resource.name, name)

    def _switch_events(self, blueprint: Blueprint) -> None:
        """Have an existing bucket send its events to EventBridge while it is the trigger, and not for longer than needed."""
        bucket, region = blueprint.names.source.name, blueprint.place.region
        stack = self.written.stack
        if blueprint.names.source.made or stack is None:
            return
        ours = stack.switched_on == bucket
        if blueprint.listens_to_bucket:
            switched = self.context.cloud.switch_on_events(bucket, region)
            ours = ours or switched or self._another_switched_it_on(bucket)
        elif ours:
            self.context.cloud.switch_off_events(bucket, region)
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
            self.announce(Reason.DRIFT_CORRECTED, f"put back what had been changed in AWS: {', '.join(result.changed)}")

    def _advise(self, observed: Observed) -> None:
        for advice in observed.advice:
            self.announce_if_new(advice.reason, advice.message)


def _built(observed: Observed, blueprint: Blueprint) -> frozenset[str]:
    """What is in the state for certain: a function that works is no leftover, even if an operation was interrupted.

    One whose code is to be exchanged may be: another kind of code is another function.
    """
    status = observed.identity.status
    same_code = status.code is not None and status.code.sha256 == blueprint.code.sha256
    return frozenset(r.name for r in status.resources if r.name != FUNCTION or same_code)
