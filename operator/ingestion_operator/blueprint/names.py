"""The physical names: what each resource of a pipeline is called in AWS.

Every name is deterministic and known beforehand, so that the next operator finds the resources of one that crashed.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from itertools import chain

from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.model.fields import RESERVED_BEGINNINGS
from ingestion_operator.model.source import Naming, Source, Trigger
from ingestion_operator.model.spec import Spec

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


def physical_name(owner: Owner, role: str, limit: int) -> str:
    """`<namespace>-<name>-<role>-<hash>`, with namespace and name shortened so that the result has at most `limit` characters.

    Without the hash, the pipelines `a-b/c` and `a/b-c`, or those of two clusters in one account, would share a name.
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


@dataclass(frozen=True)
class Store:
    """A bucket or a table. An empty name means that the pipeline has none; `made` means that the pipeline creates it."""

    name: str = ""
    made: bool = False

    def __bool__(self) -> bool:
        return bool(self.name)


@dataclass(frozen=True)
class Names:
    """The physical names of one pipeline."""

    source: Store
    results: Store
    results_prefix: str
    table: Store
    trail_log: Store
    trail: str
    """Name of the trail that the pipeline makes; empty if it makes none."""
    role: str
    function: str
    rule: str
    queue: str

    @property
    def source_bucket(self) -> str:
        """The bucket into which objects are put."""
        return self.source.name

    @property
    def log_group(self) -> str:
        """The function's log group. Its name is the one that Lambda uses by default."""
        return f"/aws/lambda/{self.function}"

    @property
    def data_buckets(self) -> tuple[str, ...]:
        """The buckets that the pipeline makes and that may hold data."""
        return tuple(store.name for store in (self.source, self.results, self.trail_log) if store.made)

    @property
    def data_tables(self) -> tuple[str, ...]:
        """The tables that the pipeline makes and that may hold data."""
        return (self.table.name,) if self.table.made else ()


class Addresses:
    """The ARNs that follow from a place and from names. A class that has both attributes inherits from this class."""

    place: Place
    names: Names

    @property
    def function_arn(self) -> str:
        """ARN of the function."""
        return self.place.arn("lambda", f"function:{self.names.function}")

    @property
    def rule_arn(self) -> str:
        """ARN of the rule."""
        return self.place.arn("events", f"rule/{self.names.rule}")

    @property
    def queue_arn(self) -> str:
        """ARN of the dead-letter queue."""
        return self.place.arn("sqs", self.names.queue)


def names_of(spec: Spec, owner: Owner, place: Place) -> Names:
    """The physical names of a pipeline."""
    bucket = spec.results.bucket if spec.results else None
    table = spec.results.table if spec.results else None
    makes_trail = trail_is_made(spec.source)
    return Names(
        source=Store(source_bucket_name(spec.source, owner, place), made=spec.source.bucket.management == "Managed"),
        results=_store(bucket.name if bucket else None, _bucket_name(owner, "results")),
        results_prefix=bucket.prefix if bucket else "",
        table=_store(table.name if table else None, physical_name(owner, "table", TABLE_LIMIT)),
        trail_log=_store("" if makes_trail else None, _bucket_name(owner, "trail")),
        trail=_trail_name(owner) if makes_trail else "",
        role=physical_name(owner, "role", ROLE_LIMIT),
        function=physical_name(owner, "fn", FUNCTION_LIMIT),
        rule=physical_name(owner, "rule", RULE_LIMIT),
        queue=physical_name(owner, "dlq", QUEUE_LIMIT),
    )


def _store(given: str | None, generated: str) -> Store:
    """`given` is None for no store, empty for one that the pipeline makes, and a name for one that exists already."""
    if given is None:
        return Store()
    return Store(given) if given else Store(generated, made=True)


def trail_is_made(source: Source) -> bool:
    """Whether the pipeline creates a trail."""
    return source.trigger is Trigger.CLOUD_TRAIL and not (source.cloud_trail and source.cloud_trail.trail_arn)


def source_bucket_name(source: Source, owner: Owner, place: Place) -> str:
    """The name of the source bucket. With account-regional naming it ends with the account and the region.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    if source.bucket.naming is Naming.GLOBAL:
        return source.bucket.name or _bucket_name(owner, "data")
    return _account_regional(source.bucket.name, owner, place)


def _account_regional(name: str, owner: Owner, place: Place) -> str:
    tail = f"-{place.account_id}-{place.region}-an"
    return (name or _bucket_name(owner, "data", BUCKET_LIMIT - len(tail))) + tail


def _bucket_name(owner: Owner, role: str, limit: int = BUCKET_LIMIT) -> str:
    """A generated name. It gets a prefix if the namespace begins with a text that AWS reserves for the names of buckets."""
    name = physical_name(owner, role, limit)
    return f"p-{physical_name(owner, role, limit - 2)}" if name.startswith(RESERVED_BEGINNINGS) else name


def _trail_name(owner: Owner) -> str:
    """The name of the trail. A namespace may contain two hyphens in a row, the name of a trail may not.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
    """
    return re.sub("-{2,}", "-", physical_name(owner, "trail", TRAIL_LIMIT))


def generated_buckets(owner: Owner, place: Place) -> frozenset[str]:
    """The bucket names that only this pipeline has, because they contain a hash of its identity."""
    return frozenset(possible_buckets("", owner, place))


def possible_buckets(named: str, owner: Owner, place: Place) -> tuple[str, ...]:
    """Every bucket that a pipeline may have made, if only its identity and the name in its spec are known."""
    generated = (_bucket_name(owner, role) for role in ("data", "results", "trail"))
    completed = (_account_regional(name, owner, place) for name in (named, ""))
    return tuple(dict.fromkeys(filter(None, chain((named,), generated, completed))))


def possible_tables(owner: Owner) -> tuple[str, ...]:
    """Every table that a pipeline may have made."""
    return (physical_name(owner, "table", TABLE_LIMIT),)
