"""An AWS account of dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.blueprint.names import stack_name
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    BucketNotEmpty,
    TableNameTaken,
)
from ingestion_operator.ports.cloud import AssumedRole, PackageObject, TrailView

ACCOUNT = "123456789012"

# Creating one of them a second time is an error of AWS.
LIVE = frozenset({
    "aws:iam/role:Role", "aws:cloudwatch/logGroup:LogGroup", "aws:sqs/queue:Queue", "aws:cloudtrail/trail:Trail",
    "aws:lambda/function:Function", "aws:lambda/permission:Permission",
})  # fmt: skip


def is_live(kind: str) -> bool:
    """Whether AWS refuses to create a resource of this type twice."""
    return kind in LIVE


@dataclass
class FakeBucket:
    """A bucket: its tags and how many objects and versions it holds."""

    tags: dict[str, str] = field(default_factory=dict)
    objects: int = 0
    account: str = ACCOUNT


@dataclass
class FakeCloud:
    """An AWS account that has only buckets, tables, and what an interrupted creation left."""

    buckets: dict[str, FakeBucket] = field(default_factory=dict)
    tables: dict[str, FakeBucket] = field(default_factory=dict)
    """Tables. The `objects` of a table are its items."""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The keys of tables that somebody else made."""
    packages: dict[tuple[str, str], PackageObject] = field(default_factory=dict)
    trails: dict[str, TrailView] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    """The regions of buckets that somebody else made."""
    sending: set[str] = field(default_factory=set)
    """Buckets of somebody else that send their events to EventBridge."""
    listened_to: set[str] = field(default_factory=set)
    """Buckets to which a rule of somebody else listens."""
    live: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the stack: what exists in AWS of the resources that AWS refuses to create twice, by logical name."""
    faults: list[tuple[str, ...]] = field(default_factory=list)
    """The faults of the wiring, one entry for each time that the wiring is read back. With no entry left there is no fault."""
    failures: list[Exception] = field(default_factory=list)
    """Errors that `place` raises."""
    access: Access = OWN
    others: dict[str, FakeCloud] = field(default_factory=dict)
    """The accounts of roles, by the number of the account."""
    closed: set[str] = field(default_factory=set)
    """Roles that cannot be assumed."""
    moved: dict[str, str] = field(default_factory=dict)
    """Roles that lead to another account than their ARN says. Real roles never do; the tests use it to provoke a mismatch."""

    def using(self, access: Access) -> FakeCloud:
        if not access:
            return self
        found = self.others.setdefault(access.account_id, FakeCloud())
        # All roles of an account lead to the same account.
        return replace(found, access=access, closed=self.closed, moved=self.moved)

    def assume(self, access: Access) -> AssumedRole:
        place = self.using(access).place("us-east-1")
        return AssumedRole(place.account_id, f"arn:aws:sts::{place.account_id}:assumed-role/r/{access.session_name}")

    def check(self) -> None:
        self.place("us-east-1")

    def place(self, region: str) -> Place:
        if self.failures:
            raise self.failures.pop(0)
        if self.access.role_arn in self.closed:
            raise AccessDenied(
                f"AWSAccount {self.access.account}: AccessDenied: not authorized to perform: sts:AssumeRole"
            )
        account = self.moved.get(self.access.role_arn) or self.access.account_id or ACCOUNT
        return Place(account, region, permissions_boundary=self.access.permissions_boundary)

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        found = self.buckets.get(bucket)
        return None if found is None else dict(found.tags)

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        self.buckets[bucket].tags = dict(tags)

    def is_empty_bucket_of(self, account_id: str, bucket: str, region: str) -> bool:
        return (
            bucket in self.buckets and self.buckets[bucket].account == account_id and not self.buckets[bucket].objects
        )

    def bucket_region(self, bucket: str, region: str) -> str | None:
        return self.regions.get(bucket)

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:
        return self.keys.get(table)

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        found = self.packages.get((bucket, key))
        return found if found is not None and version_id in ("", found.version_id) else None

    def trail(self, arn: str) -> TrailView | None:
        return self.trails.get(arn)

    def switch_on_events(self, bucket: str, region: str) -> bool:
        new = bucket not in self.sending
        self.sending.add(bucket)
        return new

    def switch_off_events(self, bucket: str, region: str) -> bool:
        off = bucket in self.sending and bucket not in self.listened_to
        self.sending -= {bucket} if off else set()
        return off

    def table_tags(self, table: str, region: str) -> Mapping[str, str] | None:
        found = self.tables.get(table)
        return None if found is None else dict(found.tags)

    def tag_table(self, table: str, region: str, tags: Mapping[str, str]) -> None:
        self.tables[table].tags = dict(tags)

    def count_items(self, table: str, region: str, limit: int) -> int:
        found = self.tables.get(table)
        return 0 if found is None else min(limit, found.objects)

    def delete_table(self, table: str, region: str, owner: Owner) -> None:
        found = self.tables.get(table)
        if found is not None and not owner.owns(found.tags):
            raise TableNameTaken(f"table {table} does not carry this pipeline's ownership tags any more")
        self.tables.pop(table, None)

    def claim_leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        there = self.live.get(stack_name(blueprint.owner), {})
        return {r.name: f"{r.name}-id" for r in blueprint.resources if is_live(r.type) and r.name in there}

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        found = self.buckets.get(bucket)
        return 0 if found is None else min(limit, found.objects)

    def purge_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        if found := self._owned(bucket, owner):
            found.objects = 0

    def delete_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        if found := self._owned(bucket, owner):
            if found.objects:
                raise BucketNotEmpty(f"objects arrived in bucket {bucket} while it was being deleted")
            del self.buckets[bucket]

    def wiring_faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        return self.faults.pop(0) if self.faults else ()

    def _owned(self, bucket: str, owner: Owner) -> FakeBucket | None:
        found = self.buckets.get(bucket)
        if found is not None and not owner.owns(found.tags):
            raise BucketNameTaken(f"bucket {bucket} does not carry this pipeline's ownership tags any more")
        return found
