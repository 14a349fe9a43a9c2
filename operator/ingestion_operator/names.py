"""The names that a pipeline's parts have in AWS: all known beforehand, so that nothing that was made can be lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain

from ingestion_operator.model.fields import RESERVED_BEGINNINGS
from ingestion_operator.model.source import Naming, Source, Trigger
from ingestion_operator.model.spec import Spec
from ingestion_operator.naming import (
    BUCKET_LIMIT,
    FUNCTION_LIMIT,
    QUEUE_LIMIT,
    ROLE_LIMIT,
    RULE_LIMIT,
    TABLE_LIMIT,
    TRAIL_LIMIT,
    Owner,
    physical_name,
)

# https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov", "eusc": "aws-eusc"}
DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}


def partition_of(region: str) -> str:
    """The partition that a region is in, by how its code begins."""
    return next((name for beginning, name in PARTITIONS.items() if region.startswith(f"{beginning}-")), "aws")


@dataclass(frozen=True)
class Place:
    """Where a pipeline is built: account, region and partition (`aws`, `aws-cn`, `aws-us-gov`), and under which bounds."""

    account_id: str
    region: str
    partition: str = "aws"
    permissions_boundary: str = ""
    """ARN of the policy that bounds every role, if the administrator wants one."""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def bucket_arn(self, bucket: str) -> str:
        """The ARN of a bucket, which names neither account nor region."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def service(self, name: str) -> str:
        """The DNS name of a service in this region, as it stands in `kms:ViaService`."""
        return f"{name}.{self.region}.{DNS_SUFFIXES.get(self.partition, 'amazonaws.com')}"


@dataclass(frozen=True)
class Store:
    """A bucket or a table: its name, empty for none, and whether the pipeline makes it."""

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
    """Name of the trail that is made; empty for none."""
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
        """The log group that Lambda writes to unless told otherwise."""
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
    """The ARNs that follow from a place and names: what has both, has these."""

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
    """None: there is none. Empty: one is made. A name: it is there already."""
    if given is None:
        return Store()
    return Store(given) if given else Store(generated, made=True)


def trail_is_made(source: Source) -> bool:
    """Whether the pipeline has a trail of its own."""
    return source.trigger is Trigger.CLOUD_TRAIL and not (source.cloud_trail and source.cloud_trail.trail_arn)


def source_bucket_name(source: Source, owner: Owner, place: Place) -> str:
    """The name of the source bucket; one that is unique in account and region only ends by these.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    if source.bucket.naming is Naming.GLOBAL:
        return source.bucket.name or _bucket_name(owner, "data")
    return _account_regional(source.bucket.name, owner, place)


def _account_regional(name: str, owner: Owner, place: Place) -> str:
    tail = f"-{place.account_id}-{place.region}-an"
    return (name or _bucket_name(owner, "data", BUCKET_LIMIT - len(tail))) + tail


def _bucket_name(owner: Owner, role: str, limit: int = BUCKET_LIMIT) -> str:
    """A generated name; a namespace may begin with what AWS reserves at the beginning of a bucket's name."""
    found = physical_name(owner, role, limit)
    return f"p-{physical_name(owner, role, limit - 2)}" if found.startswith(RESERVED_BEGINNINGS) else found


def _trail_name(owner: Owner) -> str:
    """A namespace may have two hyphens beside each other, a trail may not.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
    """
    return re.sub("-{2,}", "-", physical_name(owner, "trail", TRAIL_LIMIT))


def possible_buckets(named: str, owner: Owner, place: Place) -> tuple[str, ...]:
    """Every bucket that a pipeline may have made, when only its identity and the name in its spec are left to go by."""
    generated = (_bucket_name(owner, role) for role in ("data", "results", "trail"))
    completed = (_account_regional(name, owner, place) for name in (named, ""))
    return tuple(dict.fromkeys(filter(None, chain((named,), generated, completed))))


def possible_tables(owner: Owner) -> tuple[str, ...]:
    """Every table that a pipeline may have made."""
    return (physical_name(owner, "table", TABLE_LIMIT),)
