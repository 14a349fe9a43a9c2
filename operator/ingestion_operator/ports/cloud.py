"""What the core asks of AWS directly."""

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
