"""Finds the resources of a pipeline that already exist, so that the engine imports them.

It never touches the resources of other owners.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ingestion_operator.blueprint.names import generated_buckets
from ingestion_operator.blueprint.resources import Blueprint, Resource
from ingestion_operator.errors import BucketNameTaken, TableNameTaken
from ingestion_operator.model.status import Status
from ingestion_operator.ports.cloud import Leftovers
from ingestion_operator.ports.engine import Scope

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"
DATA = frozenset({BUCKET, TABLE})
NEVER = "the operator never takes over what it did not create"


@dataclass(frozen=True)
class Adoption:
    """Finds what an earlier pipeline of this name, an interrupted attempt or an earlier spec left.

    The names and the ownership tags identify it. A resource that the state contains is never looked for, because importing it
    would replace it.
    """

    cloud: Leftovers
    status: Status
    blueprint: Blueprint

    def find(self, scope: Scope, known: Callable[[], frozenset[str]]) -> Mapping[str, str]:
        """The physical ids of the resources to import, by logical name. See `Adopt` of the engine's port.

        Data is looked for in every scope: a changed spec may bring a table back. Raises BucketNameTaken or TableNameTaken if a
        bucket or a table belongs to another owner.
        """
        if scope is Scope.LEFTOVERS:
            unknown = self._without(known())
            return {**self._data(unknown), **self.cloud.claim_leftovers(unknown)}
        new = self._without(frozenset(r.name for r in self.status.resources))
        # Usually there is no new data, and then the state need not be read.
        return self._data(self._without(known())) if any(r.type in DATA for r in new.resources) else {}

    def _without(self, known: frozenset[str]) -> Blueprint:
        return replace(self.blueprint, resources=tuple(r for r in self.blueprint.resources if r.name not in known))

    def _data(self, blueprint: Blueprint) -> Mapping[str, str]:
        claims: Mapping[str, Callable[[Resource], str | None]] = {BUCKET: self._bucket, TABLE: self._table}
        ids = {r.name: claims[r.type](r) for r in blueprint.resources if r.type in DATA}
        return {name: physical_id for name, physical_id in ids.items() if physical_id is not None}

    def _bucket(self, resource: Resource) -> str | None:
        """Tag the bucket and return its name; None if it does not exist. Raises BucketNameTaken."""
        name, region = resource.inputs["bucket"], self.blueprint.place.region
        there = self.cloud.bucket_tags(name, region)
        if there is None:
            return None
        if not self.blueprint.owner.owns(there) and not self._is_without_its_tags(name, there):
            raise BucketNameTaken(
                f"bucket {name} exists and does not carry this pipeline's ownership tags: choose another source.bucket.name, or "
                f"write management: Existing to use it as it is; {NEVER}"
            )
        self.cloud.tag_bucket(name, region, resource.inputs["tags"])
        return str(name)

    def _is_without_its_tags(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether a creation of this bucket was cut off, or AWS refused its tags: AWS creates a bucket first and tags it then.

        Only this pipeline has the name, so an empty bucket of this account without any tag is its own.
        """
        place = self.blueprint.place
        return (
            not tags
            and name in generated_buckets(self.blueprint.owner, place)
            and self.cloud.is_empty_bucket_of(place.account_id, name, place.region)
        )

    def _table(self, resource: Resource) -> str | None:
        """Tag the table and return its name; None if it does not exist. Raises TableNameTaken."""
        name, region = resource.inputs["name"], self.blueprint.place.region
        there = self.cloud.table_tags(name, region)
        if there is None:
            return None
        if not self.blueprint.owner.owns(there):
            raise TableNameTaken(
                f"table {name} exists and does not carry this pipeline's ownership tags: write results.table.name to use it as "
                f"it is; {NEVER}"
            )
        self.cloud.tag_table(name, region, resource.inputs["tags"])
        return str(name)
