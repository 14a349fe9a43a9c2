"""Who owns an AWS resource: the ownership tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ingestion_operator.model.pipeline import GROUP, PipelineKey


class Tag(StrEnum):
    """The keys of the ownership tags."""

    CLUSTER = f"{GROUP}/cluster"
    NAMESPACE = f"{GROUP}/namespace"
    NAME = f"{GROUP}/name"
    UID = f"{GROUP}/uid"


@dataclass(frozen=True)
class Owner:
    """The owner of AWS resources: one pipeline of one cluster."""

    cluster: str
    key: PipelineKey
    uid: str

    def tags(self) -> dict[str, str]:
        """The ownership tags."""
        return {
            Tag.CLUSTER.value: self.cluster,
            Tag.NAMESPACE.value: self.key.namespace,
            Tag.NAME.value: self.key.name,
            Tag.UID.value: self.uid,
        }

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether this pipeline owns a resource with these tags. It also owns those of an earlier pipeline of the same name."""
        mine = self.tags()
        return all(tags.get(t.value) == mine[t.value] for t in (Tag.CLUSTER, Tag.NAMESPACE, Tag.NAME))
