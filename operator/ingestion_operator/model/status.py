"""`IngestionPipeline.status`: what the operator says. Written by the operator alone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ingestion_operator.model.base import StatusModel


class ConditionStatus(StrEnum):
    """The three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(StatusModel):
    """One `metav1.Condition`.

    Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
    """

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""
    observed_generation: int | None = None
    last_transition_time: datetime


ConditionList = Annotated[
    tuple[Condition, ...],
    Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]


class OperationType(StrEnum):
    """What is done to the stack."""

    CREATE = "Create"
    UPDATE = "Update"
    REFRESH = "Refresh"
    DESTROY = "Destroy"


class OperationResult(StrEnum):
    """How an operation ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Operation(StatusModel):
    """The operation under way."""

    type: OperationType
    id: str
    start_time: datetime
    progress: str = ""
    """Resources done / resources in all, for example `7/19`."""
    pod: str = ""
    """The operator's pod that does it: `<namespace>/<name>/<uid>`."""


class Changes(StatusModel):
    """How many resources an operation created, updated, deleted and found unchanged."""

    create: int = 0
    update: int = 0
    delete: int = 0
    same: int = 0


class LastOperation(StatusModel):
    """The operation that ended last."""

    type: OperationType
    result: OperationResult
    generation: int = 0
    start_time: datetime
    end_time: datetime
    changes: Changes = Changes()
    reason: str = ""
    message: str = ""
    failures: int = 0
    """Failures in a row; a change of the spec sets it back to 0."""
    next_retry_time: datetime | None = None
    cli_processes: int = 0
    """Pulumi processes that the operation took."""


class AwsResource(StatusModel):
    """One resource of the pipeline in AWS."""

    name: str
    type: str
    id: str = ""
    arn: str = ""


class Outputs(StatusModel):
    """Names and addresses of what was made; absent for what the pipeline does not have."""

    bucket_name: str = ""
    bucket_arn: str = ""
    function_name: str = ""
    function_arn: str = ""
    rule_arn: str = ""
    results_bucket: str | None = None
    results_prefix: str | None = None
    results_table: str | None = None
    dead_letter_queue_url: str | None = None
    """The SQS queue with the events that were given up."""
    trail_arn: str | None = None
    """The trail that records the writes, with trigger `CloudTrail`."""
    log_group: str = ""


class CodeStatus(StatusModel):
    """The code that is deployed."""

    sha256: str
    """Hash of the deployed zip or digest of the container image, in hexadecimal."""


class DriftStatus(StatusModel):
    """Changes made in AWS by somebody else."""

    checked_time: datetime | None = None
    detected_time: datetime | None = None
    resources: tuple[str, ...] = ()
    """Resources that differed at the last look, by their name in `status.resources`."""


class StackStatus(StatusModel):
    """The Pulumi stack of the pipeline, and what deletion needs even when the spec cannot be read any more."""

    name: str
    region: str
    account: str = ""
    """AWSAccount that it is built with; empty for the operator's own identity. Another default account does not move it."""
    account_id: str = ""
    data_buckets: tuple[str, ...] = ()
    """Buckets that the pipeline made and that may hold data."""
    data_tables: tuple[str, ...] = ()
    """Tables that the pipeline made and that may hold data."""
    switched_on: str = ""
    """Existing bucket whose events to EventBridge this operator switched on, and switches off when nobody listens any more."""
    encryption_salt: str = ""
    """Salt with which the passphrase encrypts secrets in the state; a wrong passphrase is noticed by it. No secret itself."""
    fingerprint: str = ""
    """Hash of everything that went into the last successful update."""
    attempted: str = ""
    """Hash of everything that went into the last update, successful or not."""
    lock_holder: str = ""
    """The operator's pod that began an operation whose end is not written: the state's lock may be its."""
    handled_request: str = ""
    """The last value of the annotation reconcile-requested-at that was acted on."""


class Status(StatusModel):
    """What the operator knows about the pipeline."""

    observed_generation: int | None = None
    next_check_time: datetime | None = None
    """When the operator looks at the pipeline again by itself: a retry, or the next look for drift."""
    conditions: ConditionList = ()
    announced: tuple[str, ...] = ()
    """Warning Events that say what is true now, as `<reason>:<hash of the message>`. The operator does not repeat them."""
    operation: Operation | None = None
    last_operation: LastOperation | None = None
    resources: Annotated[
        tuple[AwsResource, ...],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}),
    ] = ()
    outputs: Outputs | None = None
    code: CodeStatus | None = None
    drift: DriftStatus | None = None
    stack: StackStatus | None = None

    @property
    def is_built(self) -> bool:
        """Whether an update has succeeded once: there is a pipeline in AWS."""
        return self.stack is not None and bool(self.stack.fingerprint)

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None."""
        return next((c for c in self.conditions if c.type == kind), None)
