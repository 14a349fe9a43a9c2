"""Finds the resources of a pipeline that already exist, so that the engine imports them.

It never touches the resources of other owners.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ingestion_operator.blueprint.resources import Blueprint, Resource
from ingestion_operator.errors import BucketNameTaken, TableNameTaken
from ingestion_operator.model.status import Status
from ingestion_operator.ports.cloud import Leftovers

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"
FUNCTION = "function"
NEVER = "the operator never takes over what it did not create"


@dataclass(frozen=True)
class Adoption:
    """Finds what an earlier pipeline of this name, an interrupted attempt or an earlier spec left.

    The names and the ownership tags identify it. Each method returns the physical ids to import, by logical name.
    """

    cloud: Leftovers
    status: Status
    blueprint: Blueprint

    def of_everything(self) -> Mapping[str, str]:
        """Everything that can exist before a creation, or after an operation that was interrupted.

        Raises BucketNameTaken or TableNameTaken if a bucket or a table belongs to another owner.
        """
        built = self._built()
        unknown = replace(self.blueprint, resources=tuple(r for r in self.blueprint.resources if r.name not in built))
        return {**self._claimed(frozenset()), **self.cloud.claim_leftovers(unknown)}

    def of_new_data(self) -> Mapping[str, str]:
        """Buckets and tables that a changed spec brings back, such as a results table. Raises as `of_everything` does."""
        return self._claimed(frozenset(r.name for r in self.status.resources))

    def _built(self) -> frozenset[str]:
        """The resources that the state certainly contains, so that none of them is a leftover.

        A function whose code changes is not among them: a change from a zip to an image replaces the function, and an
        interrupted replacement may leave a function that the state does not contain.
        """
        code = self.status.code
        same_code = code is not None and code.sha256 == self.blueprint.code.sha256
        return frozenset(r.name for r in self.status.resources if r.name != FUNCTION or same_code)

    def _claimed(self, known: frozenset[str]) -> Mapping[str, str]:
        claims: Mapping[str, Callable[[Resource], str | None]] = {BUCKET: self._bucket, TABLE: self._table}
        wanted = (r for r in self.blueprint.resources if r.type in claims and r.name not in known)
        ids = {resource.name: claims[resource.type](resource) for resource in wanted}
        return {name: physical_id for name, physical_id in ids.items() if physical_id is not None}

    def _bucket(self, resource: Resource) -> str | None:
        """Tag the bucket and return its name; None if it does not exist. Raises BucketNameTaken."""
        name, region = resource.inputs["bucket"], self.blueprint.place.region
        there = self.cloud.bucket_tags(name, region)
        if there is None:
            return None
        if not self.blueprint.owner.owns(there):
            raise BucketNameTaken(
                f"bucket {name} exists and does not carry this pipeline's ownership tags: choose another source.bucket.name, or "
                f"write management: Existing to use it as it is; {NEVER}"
            )
        self.cloud.tag_bucket(name, region, resource.inputs["tags"])
        return str(name)

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
