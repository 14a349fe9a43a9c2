"""The deletion of data. No other module deletes a bucket or a table.

A bucket or a table is deleted only if it is empty, or if a person confirmed its purge by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.errors import BucketNotEmpty, HoldsData, TableNotEmpty
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.ports.cloud import DataStores

COUNT_LIMIT = 10_000
_Count = Callable[[str, str, int], int]


@dataclass(frozen=True)
class Disposal:
    """Deletes buckets and tables that may hold data, if they are empty or a person confirmed the purge by name."""

    cloud: DataStores
    owner: Owner
    region: str
    buckets: tuple[str, ...]
    tables: tuple[str, ...]
    confirmed: frozenset[str]

    def check(self) -> None:
        """Raises HoldsData unless each bucket and table is empty or confirmed. It runs before anything is deleted."""
        objects = self._counted(self._owned_buckets(), self.cloud.count_objects)
        items = self._counted(self._owned_tables(), self.cloud.count_items)
        if not objects and not items:
            return
        held = [f"{b} holds {_count(n, 'object or version', 'objects and versions')}" for b, n in objects.items()]
        held += [f"{t} holds {_count(n, 'item', 'items')}" for t, n in items.items()]
        kind: type[HoldsData] = BucketNotEmpty if objects else TableNotEmpty
        raise kind(
            f"{', '.join(held)}: to delete the data for good, set the annotation {CONFIRM_PURGE}="
            f"{','.join((*objects, *items))}; to keep it, set spec.deletion.policy to RetainData"
        )

    def dispose(self) -> tuple[str, ...]:
        """Purge what is confirmed and delete buckets and tables; returns those whose purge was confirmed."""
        buckets, tables = self._owned_buckets(), self._owned_tables()
        for bucket in buckets:
            if bucket in self.confirmed:
                self.cloud.purge_bucket(bucket, self.region, self.owner)
            self.cloud.delete_bucket(bucket, self.region, self.owner)
        for table in tables:
            self._refuse_items(table)
            self.cloud.delete_table(table, self.region, self.owner)
        return tuple(name for name in (*buckets, *tables) if name in self.confirmed)

    def owned(self) -> tuple[str, ...]:
        """The buckets and tables that exist and belong to this pipeline."""
        return (*self._owned_buckets(), *self._owned_tables())

    def foreign(self) -> tuple[str, ...]:
        """The buckets and tables that exist and have a name of this pipeline, but not its tags."""
        buckets = (b for b in self.buckets if self._is_foreign(self.cloud.bucket_tags(b, self.region)))
        tables = (t for t in self.tables if self._is_foreign(self.cloud.table_tags(t, self.region)))
        return (*buckets, *tables)

    def _refuse_items(self, table: str) -> None:
        """Raise TableNotEmpty if items arrived after the count: deleting a table deletes its items."""
        if table not in self.confirmed and self.cloud.count_items(table, self.region, 1):
            raise TableNotEmpty(f"items arrived in table {table} while it was being deleted")

    def _counted(self, names: tuple[str, ...], count: _Count) -> Mapping[str, int]:
        unconfirmed = (name for name in names if name not in self.confirmed)
        return {name: n for name in unconfirmed if (n := count(name, self.region, COUNT_LIMIT))}

    def _owned_buckets(self) -> tuple[str, ...]:
        return tuple(b for b in self.buckets if self._is_owned(self.cloud.bucket_tags(b, self.region)))

    def _owned_tables(self) -> tuple[str, ...]:
        return tuple(t for t in self.tables if self._is_owned(self.cloud.table_tags(t, self.region)))

    def _is_owned(self, tags: Mapping[str, str] | None) -> bool:
        """Whether it exists and belongs to this pipeline."""
        return tags is not None and self.owner.owns(tags)

    def _is_foreign(self, tags: Mapping[str, str] | None) -> bool:
        return tags is not None and not self.owner.owns(tags)


def _count(number: int, one: str, many: str) -> str:
    more = "or more " if number >= COUNT_LIMIT else ""
    return f"{number} {more}{one if number == 1 else many}"
