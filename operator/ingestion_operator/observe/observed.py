"""All that is known of a pipeline before a decision."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT, Identity
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import LastOperation, StackStatus
from ingestion_operator.observe.advice import Advice


@dataclass(frozen=True)
class Observed:
    """All that was gathered before deciding."""

    identity: Identity
    spec: Spec | None = None
    blueprint: Blueprint | None = None
    problem: PipelineError | None = None
    """Why there is no blueprint: an invalid spec, code that does not compile, a missing ConfigMap."""
    advice: tuple[Advice, ...] = ()
    """What the user should know although it works."""

    @property
    def stack(self) -> StackStatus | None:
        """The stack as recorded in the status."""
        return self.identity.status.stack

    @property
    def last_operation(self) -> LastOperation | None:
        """The operation that ended last."""
        return self.identity.status.last_operation

    @property
    def requested(self) -> str:
        """The value of the annotation that asks for a reconcile, if it was not acted on yet."""
        value = self.identity.annotations.get(RECONCILE_REQUESTED_AT, "")
        return "" if self.stack is not None and value == self.stack.handled_request else value
