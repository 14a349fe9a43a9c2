"""The ports of the core: what it needs of Pulumi, AWS and Kubernetes, and nothing more.

Each is idempotent; removing what is absent succeeds. Adapters raise only `PipelineError`s. The hand-written fakes of
`tests/fakes.py` keep the same contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from ingestion_operator.access import Access
from ingestion_operator.model.pipeline import Identity, PipelineKey
from ingestion_operator.model.status import AwsResource, Changes, Condition, Operation
from ingestion_operator.names import Place
from ingestion_operator.naming import Owner
from ingestion_operator.pod import Pod
from ingestion_operator.reasons import Reason
from ingestion_operator.resources import Blueprint, Sensitive


@dataclass(frozen=True)
class Progress:
    """How far an operation is."""

    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.done}/{self.total}"


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class StackRef:
    """One Pulumi stack and the region its resources are in."""

    name: str
    region: str
    encryption_salt: str = ""
    """Salt of the stack's secrets, if it is known: with it a wrong passphrase is an error even before there is a secret."""
    access: Access | None = None
    """With what it is destroyed. None: as the state says that it was built."""
    departed: tuple[str, ...] = ()
    """Hosts that began an operation on the stack and are provably gone: a lock of theirs may be broken."""


@dataclass(frozen=True)
class UpdateRequest:
    """One update of a stack."""

    stack: StackRef
    blueprint: Blueprint
    timeout_seconds: float
    create: bool = False
    """The stack may not exist yet. Without it, a stack that is not there is an error: its state was lost."""
    refresh: bool = False
    """Read AWS first, so that what was changed there is put back."""
    adopt: Mapping[str, str] | None = None
    """Resources to take over instead of making them: logical name to physical id."""


@dataclass(frozen=True)
class EngineResult:
    """What an operation did."""

    changes: Changes = Changes()
    resources: tuple[AwsResource, ...] = ()
    changed: tuple[str, ...] = ()
    """Logical names of the resources that were created, updated, replaced or deleted."""
    cli_processes: int = 0
    broken_lock: str = ""
    """Whose lock was broken to get on, if any: a process that is provably gone."""
    encryption_salt: str = ""
    """Salt of the stack's secrets, for the next operation."""


class Engine(Protocol):
    """Builds and removes stacks."""

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        """Make AWS what the blueprint says.

        Raises LockHeld, AccessDenied, StateUnreadable, UpdateFailed or UpdateTimedOut.
        """

    def destroy(self, stack: StackRef, timeout_seconds: float, on_progress: OnProgress) -> EngineResult:
        """Delete the stack's resources, except those that hold data, and then the stack. An absent stack is success.

        Raises as `update` does.
        """

    def forget(self, stack: StackRef) -> None:
        """Remove the stack's state and leave everything in AWS. An absent stack is success."""


@dataclass(frozen=True)
class PackageObject:
    """A zip in S3, as it is now."""

    version_id: str
    """Empty in a bucket without versioning."""
    sha256: str
    """Hash of the content in hexadecimal."""


@dataclass(frozen=True)
class TrailView:
    """What CloudTrail says of a trail."""

    region: str
    multi_region: bool
    logging: bool
    selectors: Mapping[str, Any]
    """The answer of GetEventSelectors."""


@dataclass(frozen=True)
class AssumedRole:
    """A session with a role, as AWS says whose it is."""

    account_id: str
    arn: str


class Looks(Protocol):
    """What gathering asks of AWS: where it is, and whether what a pipeline refers to is there."""

    def using(self, access: Access) -> Self:
        """The same with the credentials of an account: those of a role are asked for with the first call, and renewed."""

    def place(self, region: str) -> Place:
        """The account in which calls end. Raises CredentialsMissing, or AccessDenied if its role cannot be assumed."""

    def bucket_region(self, bucket: str, region: str) -> str | None:
        """The region of a bucket that others made; None if there is none. Raises AccessDenied if it may not be looked at."""

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:
        """Partition key and, if there is one, sort key of a table; None if there is no such table."""

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        """A zip with code; None if there is no such bucket, object or version."""

    def trail(self, arn: str) -> TrailView | None:
        """A trail; None if there is no such trail."""


class Cloud(Looks, Protocol):
    """What is asked of AWS directly: identity, ownership, and the data that the engine never deletes."""

    def assumed(self, access: Access) -> AssumedRole:
        """Assume the role of an account, whether or not a session with it still lasts.

        Raises AccessDenied, saying what is to be allowed, CredentialsMissing or UpdateFailed.
        """

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        """The tags of a bucket; None if there is no such bucket. Raises BucketNameTaken if it cannot be looked at."""

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a bucket."""

    def table_tags(self, table: str, region: str) -> Mapping[str, str] | None:
        """The tags of a table; None if there is no such table."""

    def tag_table(self, table: str, region: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a table."""

    def count_items(self, table: str, region: str, limit: int) -> int:
        """Number of items, counted up to `limit`; 0 for an absent table."""

    def delete_table(self, table: str, region: str, owner: Owner) -> None:
        """Delete a table with its items. Refuses, by TableNameTaken, one that is not the owner's; an absent one is success."""

    def switch_on_events(self, bucket: str, region: str) -> bool:
        """Have an existing bucket send events to EventBridge, beside its other notifications; whether that was new."""

    def switch_off_events(self, bucket: str, region: str) -> bool:
        """Undo that, unless a rule may still listen to the bucket; whether it was done. Other notifications stay."""

    def leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        """What an interrupted creation, or an earlier life under `Retain`, left of the role and the log group.

        Logical name to physical id, ready to be adopted: tagged as the blueprint says. A function that was left is
        deleted, for the engine cannot take one over and it holds nothing. What others own is neither reported nor touched.
        """

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        """Number of objects and old versions, counted up to `limit`; 0 for an absent bucket."""

    def purge_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """Delete every object and version. Refuses, by BucketNameTaken, a bucket that is not the owner's."""

    def delete_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """Delete an empty bucket of the owner. Raises BucketNotEmpty; an absent bucket is success."""

    def wiring_faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        """Read back what carries an event from the bucket to the function; what is not as it should be, in words."""


class Cluster(Protocol):
    """What is asked of the Kubernetes API."""

    def account(self, name: str) -> Mapping[str, Any] | None:
        """The AWSAccount as it is now; None if there is none. Raises AccessDenied if the operator is to know of none."""

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        """Every AWSAccount; none if the operator is to know of none."""

    def patch_account_status(self, name: str, patch: Mapping[str, Any]) -> None:
        """Merge a patch into the status of an AWSAccount; one that is gone is success."""

    def cluster_id(self) -> str:
        """What tells this cluster from others that share the AWS account."""

    def pipeline(self, key: PipelineKey) -> Mapping[str, Any] | None:
        """The object as it is now; None if it is gone."""

    def patch_status(self, key: PipelineKey, patch: Mapping[str, Any]) -> None:
        """Merge a patch into the status; a pipeline that is gone is success."""

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The text entries of a ConfigMap; None if it is absent."""

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        """The entries of a Secret that are text; None if it is absent."""

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        """Every pipeline that the operator looks after."""

    def pod_is_gone(self, pod: Pod) -> bool:
        """Whether it is certain that none of the pod's processes runs any more. False where that cannot be looked up."""

    def announce(self, identity: Identity, reason: Reason, message: str, *, warning: bool = False) -> None:
        """Publish a Kubernetes Event about the pipeline."""


class Observer(Protocol):
    """Is told what goes on, for metrics and for health. Called from any thread; never raises."""

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        """An operation begins, which ends within that time, or hangs."""

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        """It has ended; `reason` says why it failed, None that it did not."""

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        """The status of a pipeline says this now."""

    def drifted(self, resources: int) -> None:
        """So many resources had been changed in AWS and were put back."""

    def broke_lock(self) -> None:
        """The lock of a process that was gone was broken."""


class Unobserved:
    """An `Observer` that takes no notice."""

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        """See the port."""

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        """See the port."""

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        """See the port."""

    def drifted(self, resources: int) -> None:
        """See the port."""

    def broke_lock(self) -> None:
        """See the port."""
