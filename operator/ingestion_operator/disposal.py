"""The deletion of data: the only place that deletes a bucket, and only one that is empty or whose purge was confirmed by name."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion_operator.errors import BucketNotEmpty
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.naming import Owner
from ingestion_operator.ports import Cloud

OBJECT_COUNT_LIMIT = 10_000


@dataclass(frozen=True)
class Disposal:
    """The deletion of buckets that may hold data: only empty ones, or those whose purge was confirmed by name."""

    cloud: Cloud
    owner: Owner
    region: str
    buckets: tuple[str, ...]
    confirmed: frozenset[str]

    def check(self) -> None:
        """Raises BucketNotEmpty, before anything is taken down, unless each bucket is empty or confirmed."""
        full = {
            b: n for b in self._unconfirmed() if (n := self.cloud.count_objects(b, self.region, OBJECT_COUNT_LIMIT))
        }
        if full:
            held = ", ".join(f"{b} holds {_count(n)}" for b, n in full.items())
            raise BucketNotEmpty(
                f"{held}: to delete the data for good, set the annotation {CONFIRM_PURGE}={','.join(full)}; to keep it, set "
                "spec.deletion.policy to RetainData"
            )

    def dispose(self) -> tuple[str, ...]:
        """Purge what is confirmed and delete the buckets; returns those whose purge was confirmed."""
        owned = self._owned(self.buckets)
        for bucket in owned:
            if bucket in self.confirmed:
                self.cloud.purge_bucket(bucket, self.region, self.owner)
            self.cloud.delete_bucket(bucket, self.region, self.owner)
        return tuple(bucket for bucket in owned if bucket in self.confirmed)

    def foreign(self) -> tuple[str, ...]:
        """Buckets that are still there: somebody else's, whatever their name."""
        return tuple(b for b in self.buckets if self.cloud.bucket_tags(b, self.region) is not None)

    def _unconfirmed(self) -> tuple[str, ...]:
        return self._owned(tuple(b for b in self.buckets if b not in self.confirmed))

    def _owned(self, buckets: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are there and this pipeline's: one that was taken by somebody else is none of its business."""
        tags = {bucket: self.cloud.bucket_tags(bucket, self.region) for bucket in buckets}
        return tuple(b for b, found in tags.items() if found is not None and self.owner.owns(found))


def _count(number: int) -> str:
    more = "or more " if number >= OBJECT_COUNT_LIMIT else ""
    return f"{number} {more}{'object or version' if number == 1 else 'objects and versions'}"
