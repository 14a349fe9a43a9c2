"""`IngestionPipeline.status`: the report of the operator. Only the operator writes it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ingestion_operator.model.base import JSON, StatusModel


class ConditionStatus(StrEnum):
    """The possible values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(StatusModel):
    """Each condition has the usual form of conditions in Kubernetes."""

    # A `metav1.Condition`.
    # Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
    type: str
    """The type of the condition, for example `Ready`. There is at most one condition of each type."""
    status: ConditionStatus
    """The status of the condition: `True`, `False` or `Unknown`."""
    reason: str
    """The reason for the status, in one word. docs/troubleshooting.md explains every reason."""
    message: str = ""
    """The details for a person: what happened, and what to do about it."""
    observed_generation: int | None = None
    """The `metadata.generation` that the condition is about."""
    last_transition_time: datetime
    """The time at which the status of the condition last changed."""


ConditionList = Annotated[
    tuple[Condition, ...],
    Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]


class OperationType(StrEnum):
    """The type of an operation on the stack."""

    CREATE = "Create"
    UPDATE = "Update"
    REFRESH = "Refresh"
    DESTROY = "Destroy"


UNNAMED = "unnamed"
"""Stands for the ID of an operation of which an older operator recorded only the pod."""


class OperationResult(StrEnum):
    """The result of an operation."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Unfinished(StatusModel):
    """Each entry is an operation whose end was never written. It may have left resources, and its pod may hold the lock."""

    type: OperationType
    """The type of the operation."""
    pod: str = ""
    """The pod of the operator that began the operation, as `<namespace>/<name>/<uid>`. It is empty outside of a cluster."""
    start_time: datetime | None = None
    """The time at which the operation started."""


class Operation(StatusModel):
    """The operation that is running now, or that was interrupted when the operator stopped. It is absent otherwise."""

    type: OperationType
    """The type of the operation: `Create`, `Update`, `Refresh` (compare with AWS and correct) or `Destroy`."""
    id: str
    """The ID of the operation. The log of the operator has the same ID."""
    start_time: datetime
    """The time at which the operation started."""
    progress: str = ""
    """The number of finished resources and of all resources, for example `7/19`."""
    pod: str = ""
    """The pod of the operator that runs the operation, as `<namespace>/<name>/<uid>`."""

    def unfinished(self, holder: str = "") -> Unfinished:
        """The record that stays until the end of the operation is written. `holder` is its pod, if it names none itself."""
        return Unfinished(type=self.type, pod=self.pod or holder, start_time=self.start_time)


class Changes(StatusModel):
    """The numbers of resources that the operation changed or left unchanged."""

    create: int = 0
    """The number of resources that the operation created."""
    update: int = 0
    """The number of resources that the operation updated."""
    delete: int = 0
    """The number of resources that the operation deleted."""
    same: int = 0
    """The number of resources that the operation left unchanged."""


class LastOperation(StatusModel):
    """The last operation that ended."""

    type: OperationType
    """The type of the operation: `Create`, `Update`, `Refresh` (compare with AWS and correct) or `Destroy`."""
    result: OperationResult
    """The result of the operation: `Succeeded` or `Failed`."""
    generation: int = 0
    """The `metadata.generation` that the operation worked on."""
    start_time: datetime
    """The time at which the operation started."""
    end_time: datetime
    """The time at which the operation ended."""
    changes: Changes = Changes()
    reason: str = ""
    """The reason for the result, in one word. The conditions use the same reasons."""
    message: str = ""
    """The details for a person: what the operation did, or why it failed."""
    failures: int = 0
    """The number of failures in a row. A change of the input, for example of the spec or the code, sets it back to
    0."""
    next_retry_time: datetime | None = None
    """The time of the next retry after a failure. It is absent after a success, and if the operator gave up. It is
    also absent for a failed `Destroy`, which the operator always retries."""
    cli_processes: int = 0
    """The number of Pulumi processes that the operation started."""


class AwsResource(StatusModel):
    """Each entry is one resource in AWS."""

    name: str
    """The name of the resource within the pipeline, for example `source-bucket`."""
    type: str
    """The type of the resource in Pulumi, for example `aws:s3/bucket:Bucket`."""
    id: str = ""
    """The ID of the resource in AWS, for example the name of a bucket."""
    arn: str = ""
    """The ARN of the resource. It is empty for a resource without an ARN."""


class Outputs(StatusModel):
    """The names and addresses of the pipeline's resources. A resource that the pipeline does not have is absent."""

    bucket_name: str = ""
    """The name of the source bucket."""
    bucket_arn: str = ""
    """The ARN of the source bucket."""
    function_name: str = ""
    """The name of the function."""
    function_arn: str = ""
    """The ARN of the function."""
    rule_arn: str = ""
    """The ARN of the EventBridge rule that starts the function."""
    results_bucket: str | None = None
    """The name of the bucket for results."""
    results_prefix: str | None = None
    """The prefix of the keys that the function may write in the bucket for results."""
    results_table: str | None = None
    """The name of the table for results."""
    dead_letter_queue_url: str | None = None
    """The URL of the SQS queue that keeps failed events."""
    trail_arn: str | None = None
    """The ARN of the trail that records the writes to the source bucket. Only pipelines with trigger `CloudTrail`
    have it."""
    log_group: str = ""
    """The name of the log group of the function."""


class CodeStatus(StatusModel):
    """The code that is deployed now."""

    sha256: str
    """The SHA-256 hash of the deployed zip file, or the digest of the container image, in hexadecimal."""


class DriftStatus(StatusModel):
    """The changes that somebody else made in AWS."""

    checked_time: datetime | None = None
    """The time at which the operator last compared AWS with the pipeline."""
    detected_time: datetime | None = None
    """The time at which the operator last found a change. It is absent if the operator never found one."""
    resources: tuple[str, ...] = ()
    """The resources that were changed at the last check. The names are those in `status.resources`."""


class Workings(StatusModel):
    """The records that the operator keeps for itself.

    They describe the Pulumi stack, so that the operator can delete the pipeline without reading the spec.
    """

    name: str = ""
    """The name of the stack. It is empty until the first operation begins."""
    region: str = ""
    """The AWS region in which the pipeline is built."""
    account: str = ""
    """The name of the AWSAccount with which the pipeline is built. It is empty for the operator's own identity. A
    change of the default AWSAccount does not move the pipeline."""
    account_id: str = ""
    """The number of the AWS account in which the pipeline is built."""
    data_buckets: tuple[str, ...] = ()
    """The buckets that the pipeline made and that may hold data."""
    data_tables: tuple[str, ...] = ()
    """The tables that the pipeline made and that may hold data."""
    switched_on: str = ""
    """The existing bucket for which this operator turned on events to EventBridge. The operator turns them off again
    when no rule needs them any more."""
    encryption_salt: str = ""
    """The salt for the encryption of secrets in the state. It lets the operator notice a wrong passphrase. The salt
    itself is not a secret."""
    fingerprint: str = ""
    """The hash of all input of the last successful update."""
    attempted: str = ""
    """The hash of all input of the last update, successful or not."""
    unfinished: dict[str, Unfinished] = Field(default_factory=dict)
    """The operations whose end was never written, by their IDs. An entry goes when the end of the operation is written, or the
    end of a later operation that had the lock of the state."""
    handled_request: str = ""
    """The last value of the annotation ingestion-operator.io/reconcile-requested-at that the operator acted on."""
    warned: tuple[str, ...] | None = None
    """Each entry is a warning Event that says what is true now, as `<reason>:<hash of the message>`. The operator does not
    publish it again. The list is absent if there is none."""


class Status(StatusModel):
    """The state of the pipeline. The operator writes it."""

    observed_generation: int | None = None
    """The `metadata.generation` that the operator last worked on. The status is out of date while it is smaller than
    `metadata.generation`."""
    next_check_time: datetime | None = None
    """The time at which the operator works on the pipeline again by itself, for a retry or a check for changes. It
    is absent if the operator waits for a change of the pipeline."""
    conditions: ConditionList = ()
    """The state of the pipeline in short. `Ready` is `True` when the pipeline works in AWS as the spec says."""
    operation: Operation | None = None
    last_operation: LastOperation | None = None
    resources: Annotated[
        tuple[AwsResource, ...],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}),
    ] = ()
    """The resources of the pipeline in AWS after the last successful update."""
    outputs: Outputs | None = None
    code: CodeStatus | None = None
    drift: DriftStatus | None = None
    stack: Annotated[
        dict[str, JSON] | None, Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
    ] = None
    """The place of `workings` in a status that an older operator wrote. The operator moves it there."""
    workings: Workings | None = None

    @property
    def begun(self) -> Workings | None:
        """The workings, if an operation has ever begun, so that something may exist in AWS. None otherwise."""
        there = self.workings is not None and self.workings.name and self.workings.region
        return self.workings if there else None

    @property
    def is_built(self) -> bool:
        """Whether an update has ever succeeded, so that the pipeline exists in AWS."""
        return self.begun is not None and bool(self.begun.fingerprint)

    def moved(self) -> Status:
        """The same status, with the workings in the place where this version keeps them.

        Each write removes the old place. If it is there, an older operator wrote it last, so it counts.
        """
        if self.stack is None:
            return self
        newer = self.workings.to_document() if self.workings else {}
        unfinished = {**newer.get("unfinished", {}), **self._unfinished()}
        moved = Workings.model_validate({**newer, **self.stack, "unfinished": unfinished})
        return self.model_copy(update={"stack": None, "workings": moved})

    def _unfinished(self) -> dict[str, JSON]:
        """The operation that an older operator never ended. It wrote only one, and the holder of the lock beside it."""
        holder = str((self.stack or {}).get("lockHolder") or "")
        if self.operation is not None:
            return {self.operation.id: self.operation.unfinished(holder).to_document()}
        return {UNNAMED: {"type": OperationType.UPDATE, "pod": holder}} if holder else {}

    def has_applied(self, fingerprint: str) -> bool:
        """Whether the last successful update had this fingerprint."""
        return self.stack is not None and self.stack.fingerprint == fingerprint

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, or None."""
        return next((c for c in self.conditions if c.type == kind), None)
