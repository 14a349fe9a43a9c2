"""What the core asks of AWS directly: one narrow port for each use, and `Cloud` for all of them.

A `region` is the code of an AWS region. Every method may raise CredentialsMissing, AccessDenied or UpdateFailed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint


@dataclass(frozen=True)
class PackageObject:
    """A zip in S3, as it is now."""

    version_id: str
    """Empty in a bucket without versioning."""
    sha256: str
    """Hash of the content in hexadecimal."""


@dataclass(frozen=True)
class TrailView:
    """What CloudTrail reports about a trail."""

    region: str
    multi_region: bool
    logging: bool
    selectors: Mapping[str, Any]
    """The answer of GetEventSelectors."""


@dataclass(frozen=True)
class AssumedRole:
    """A session with a role, and the account that AWS reports for it."""

    account_id: str
    arn: str


class CloudReader(Protocol):
    """What observing needs: in which account calls end, and whether the things that a pipeline refers to exist.

    No method changes anything in AWS.
    """

    def using(self, access: Access) -> Self:
        """The same port with the credentials of an account. A role is assumed at the first call, and again before it expires."""

    def place(self, region: str) -> Place:
        """The account in which calls end. Raises CredentialsMissing, or AccessDenied if its role cannot be assumed."""

    def bucket_region(self, bucket: str, region: str) -> str | None:
        """The region of a bucket that others made; None if there is none. Raises AccessDenied if reading it is not allowed."""

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:
        """Partition key and, if there is one, sort key of a table; None if there is no such table."""

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        """A zip with code; None if there is no such bucket, object or version."""

    def trail(self, arn: str) -> TrailView | None:
        """A trail; None if there is no such trail."""


class OwnershipTags(Protocol):
    """Who owns a bucket or a table: its tags, read and written."""

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        """The tags of a bucket; None if there is no such bucket. Raises BucketNameTaken if reading them is not allowed."""

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a bucket."""

    def table_tags(self, table: str, region: str) -> Mapping[str, str] | None:
        """The tags of a table; None if there is no such table."""

    def tag_table(self, table: str, region: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a table."""


class Leftovers(OwnershipTags, Protocol):
    """What adoption needs: buckets and tables by their tags, and the other resources that can be left over."""

    def claim_leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        """Claim what an interrupted creation, or an earlier life under `Retain`, left of this pipeline's other resources.

        These are the role, the log group, the queue and the trail. Each that the owner owns gets the blueprint's tags.
        Returns their physical ids by logical name, ready to be adopted. A leftover function of the owner is deleted:
        the engine cannot adopt a function, and a function holds no data. What others own is neither returned nor changed.
        """


class DataStores(OwnershipTags, Protocol):
    """What the deletion of data needs. The engine never deletes data."""

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        """Number of objects and old versions, counted up to `limit`; 0 for an absent bucket."""

    def purge_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """Delete every object and version. Raises BucketNameTaken, and deletes nothing, if the owner does not own the bucket."""

    def delete_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """Delete an empty bucket of the owner. Raises BucketNotEmpty, or BucketNameTaken; an absent bucket is success."""

    def count_items(self, table: str, region: str, limit: int) -> int:
        """Number of items, counted up to `limit`; 0 for an absent table."""

    def delete_table(self, table: str, region: str, owner: Owner) -> None:
        """Delete a table with its items. Raises TableNameTaken if the owner does not own it; an absent table is success."""


class EventPath(Protocol):
    """The path of an event from the bucket to the function: switched on, switched off, read back."""

    def switch_on_events(self, bucket: str, region: str) -> bool:
        """Have an existing bucket send events to EventBridge, beside its other notifications; whether that was new."""

    def switch_off_events(self, bucket: str, region: str) -> bool:
        """Undo that, unless a rule may still listen to the bucket; whether it was done. Other notifications stay."""

    def wiring_faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        """Read the bucket, the rule and the function back. Returns what is not as it should be, one sentence for each fault."""


class Cloud(CloudReader, Leftovers, DataStores, EventPath, Protocol):
    """Everything that the core asks of AWS directly."""

    def assume(self, access: Access) -> AssumedRole:
        """Assume the role of an account, even if an earlier session with the role has not expired.

        Raises AccessDenied, naming what has to be allowed, CredentialsMissing or UpdateFailed.
        """
