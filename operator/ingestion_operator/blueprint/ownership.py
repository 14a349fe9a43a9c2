"""Whose an AWS resource is: the ownership tags."""

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
    """Who owns an AWS resource: one pipeline of one cluster."""

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
        """Whether a resource with these tags is this pipeline's; an earlier life of the same name (another uid) counts."""
        mine = self.tags()
        return all(tags.get(t.value) == mine[t.value] for t in (Tag.CLUSTER, Tag.NAMESPACE, Tag.NAME))
