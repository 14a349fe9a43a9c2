"""What the core needs from AWS besides the engine: one narrow port for each use, and `Cloud` with all of them.

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
    """What observing needs: the account of the credentials, and whether the things that a pipeline refers to exist.

    No method changes anything in AWS.
    """

    def using(self, access: Access) -> Self:
        """The same port with the credentials of an account. A role is assumed at the first call, and again before it expires."""

    def place(self, region: str) -> Place:
        """The account that the credentials belong to, with the region. Raises AccessDenied if its role cannot be assumed."""

    def bucket_region(self, bucket: str, region: str) -> str | None:
        """The region of an existing bucket; None if there is no such bucket. Raises AccessDenied if AWS refuses to say."""

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:
        """Partition key and, if there is one, sort key of a table; None if there is no such table."""

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        """A zip with code; None if there is no such bucket, object or version."""

    def trail(self, arn: str) -> TrailView | None:
        """A trail; None if there is no such trail."""


class OwnershipTags(Protocol):
    """Reads and writes the tags that say who owns a bucket or a table."""

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        """The tags of a bucket; None if there is no such bucket. Raises BucketNameTaken if AWS refuses to show them."""

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a bucket."""

    def table_tags(self, table: str, region: str) -> Mapping[str, str] | None:
        """The tags of a table; None if there is no such table."""

    def tag_table(self, table: str, region: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a table."""


class Leftovers(OwnershipTags, Protocol):
    """What adoption needs: the tags of buckets and tables, and a claim to all other leftover resources."""

    def is_empty_bucket_of(self, account_id: str, bucket: str, region: str) -> bool:
        """Whether a bucket belongs to this AWS account and has no object. False if AWS refuses to say."""

    def claim_leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        """Claim a leftover role, log group, queue, trail and function of the blueprint, if its owner owns them.

        An interrupted creation leaves such resources, and so does a pipeline that was deleted with `Retain`. Each claimed
        resource gets the blueprint's tags. A permission of the rule to call a function of the owner is claimed too. Returns the
        ids with which the engine imports the resources, by logical name. Nothing is deleted, and resources of other owners
        are neither returned nor changed. Only resources that the blueprint lists are looked at.
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
    """Switches a bucket's events on and off, and checks their path from the bucket to the function."""

    def switch_on_events(self, bucket: str, region: str) -> bool:
        """Make an existing bucket send events to EventBridge, and keep its other notifications. False if it already did."""

    def switch_off_events(self, bucket: str, region: str) -> bool:
        """Stop a bucket from sending events to EventBridge, and keep its other notifications.

        Returns False, and changes nothing, if a rule may still listen to the bucket or the events are off already.
        """

    def wiring_faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        """Read the bucket, the rule and the function back from AWS. Returns one sentence for each fault."""


class Cloud(CloudReader, Leftovers, DataStores, EventPath, Protocol):
    """Everything that the core needs from AWS besides the engine."""

    def assume(self, access: Access) -> AssumedRole:
        """Assume the role of an account, even if an earlier session with the role has not expired.

        Raises AccessDenied, which says what to allow, CredentialsMissing or UpdateFailed.
        """
