"""Physical names and ownership tags: deterministic, so that what a crashed operator made can be found again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ingestion_operator.model.pipeline import GROUP, PipelineKey

HASH_LENGTH = 8

# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html and each service's naming rules
BUCKET_LIMIT = 63
ROLE_LIMIT = 64
FUNCTION_LIMIT = 64
RULE_LIMIT = 64
QUEUE_LIMIT = 80
TABLE_LIMIT = 255
TRAIL_LIMIT = 128
STACK_LIMIT = 100


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


def physical_name(owner: Owner, role: str, limit: int) -> str:
    """`<namespace>-<name>-<role>-<hash>`, with namespace and name shortened so that it is at most `limit` long.

    The hash is always there: without it `a-b/c` and `a/b-c`, or two clusters in one account, would share a name.
    """
    tail = "-".join(part for part in (role, _hash(owner)) if part)
    readable = f"{owner.key.namespace}-{owner.key.name}".replace(".", "-")
    return f"{readable[: limit - len(tail) - 1].rstrip('-')}-{tail}"


def _hash(owner: Owner) -> str:
    digest = hashlib.sha256("\0".join((owner.cluster, owner.key.namespace, owner.key.name)).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:HASH_LENGTH]


def stack_name(owner: Owner) -> str:
    """Name of the Pulumi stack."""
    return physical_name(owner, "", STACK_LIMIT)
