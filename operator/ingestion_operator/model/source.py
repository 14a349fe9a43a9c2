"""`spec.source`: where data arrives and what counts as an arrival."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.fields import (
    LIST_SET,
    LITERAL_END,
    BucketName,
    Encryption,
    KeyPart,
    bucket_name_rules,
    json_size,
    literal,
)

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
TRAIL_ARN = r"^(arn:aws[a-z-]*:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/[A-Za-z0-9._-]+)?$"
# The longest name to which `-<account>-<region>-an` can be added without passing 63 characters in any region.
ACCOUNT_REGIONAL_LIMIT = 32
# The largest number that EventBridge compares, and the size of a rule's pattern.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#filtering-numeric-matching
LARGEST_COMPARED_BYTES = 5_000_000_000
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
PATTERN_LIMIT = 2048
# What a pattern says besides the keys: bucket, event names, bounds of the size.
PATTERN_FRAME = 350
BUCKET_STAYS = "the bucket holds data. Create a second pipeline with the other bucket"


class Trigger(StrEnum):
    """How a new object becomes an event."""

    EVENT_BRIDGE = "EventBridge"
    CLOUD_TRAIL = "CloudTrail"


class Management(StrEnum):
    """Whose the source bucket is."""

    MANAGED = "Managed"
    EXISTING = "Existing"


class Versioning(StrEnum):
    """Whether earlier versions of an object are kept."""

    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


class Naming(StrEnum):
    """Among which buckets a name has to be unique."""

    GLOBAL = "Global"
    ACCOUNT_REGIONAL = "AccountRegional"


def _unchanged(field: str, why: str) -> dict[str, str]:
    return cel(f"self.{field} == oldSelf.{field}", f"source.bucket.{field} cannot be changed: {why}", f".{field}")


class SourceBucket(
    Model,
    json_schema_extra=rules(
        *bucket_name_rules(),
        cel(
            "self.management == 'Managed' || self.name != ''",
            "an existing bucket must be named: write source.bucket.name, or management: Managed for a new one",
            ".name",
        ),
        cel(
            "self.management == 'Managed' || self.naming == 'Global'",
            "naming is for buckets that the operator makes: leave it out for an existing one",
            ".naming",
        ),
        cel(
            "self.management == 'Existing' || !self.name.contains('.')",
            "a bucket that the operator makes has no dots in its name, which break TLS: write hyphens",
            ".name",
        ),
        cel(
            "self.management == 'Existing' || !self.name.endsWith('-an')",
            "a name that ends with -an is completed by AWS only: leave the ending out, and write naming: AccountRegional if it "
            "is to be unique in your account and region",
            ".name",
        ),
        cel(
            f"self.naming == 'Global' || size(self.name) <= {ACCOUNT_REGIONAL_LIMIT}",
            f"with naming AccountRegional the name must not be longer than {ACCOUNT_REGIONAL_LIMIT} characters: "
            "-<account>-<region>-an is added to it",
            ".name",
        ),
        _unchanged("name", BUCKET_STAYS),
        _unchanged("management", BUCKET_STAYS),
        _unchanged("naming", BUCKET_STAYS),
    ),
):
    """The bucket into which objects are put.

    The operator makes it encrypted, private, TLS only and versioned, or takes an existing one as it is.
    """

    name: BucketName = ""
    """Name of the bucket, unique in all of AWS. Empty: generated from the pipeline's namespace and name. Immutable."""
    management: Management = Management.MANAGED
    """`Managed`: the operator makes the bucket and keeps its settings. `Existing`: it is never created, emptied or deleted;
    only events to EventBridge are switched on, beside whatever notifications it has. Several pipelines may share it.
    Immutable."""
    naming: Naming = Naming.GLOBAL
    """`AccountRegional`: the name is completed by `-<account>-<region>-an` and cannot be taken by anybody else. Immutable."""
    encryption: Encryption = Encryption()
    versioning: Versioning = Versioning.ENABLED
    """`Enabled`: an object that is overwritten or deleted is kept as an earlier version. `Suspended`: it is not."""
    noncurrent_version_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """For how many days earlier versions are kept."""


def _sum(field: str, each: int) -> str:
    """CEL: the characters that a list of keys takes in a pattern, with `each` for what stands around one of them."""
    return f"self.{field}.map(p, {json_size('p')} + {each}).sum()"


# Prefixes with suffixes need a wildcard for each pair; see `pattern`.
PATTERN_SIZE = (
    "(size(self.prefixes) > 0 && size(self.suffixes) > 0 "
    f"? size(self.suffixes) * {_sum('prefixes', 10)} + size(self.prefixes) * {_sum('suffixes', 10)} "
    f": {_sum('prefixes', 18)} + {_sum('suffixes', 18)} + {_sum('excludePrefixes', 7)} + {_sum('excludeSuffixes', 7)})"
)


class Filter(
    Model,
    json_schema_extra=rules(
        literal("prefixes"),
        *(literal(f, allowed=LITERAL_END) for f in ("suffixes", "excludePrefixes", "excludeSuffixes")),
        cel(
            f"{PATTERN_SIZE} + {PATTERN_FRAME} <= {PATTERN_LIMIT}",
            f"the filter makes an event pattern of more than {PATTERN_LIMIT:,} characters, EventBridge's limit, in which each prefix "
            "with each suffix is one entry: write fewer or shorter ones, or spread them over several pipelines",
        ),
        cel(
            "(size(self.excludePrefixes) == 0 && size(self.excludeSuffixes) == 0) "
            "|| (size(self.prefixes) == 0 && size(self.suffixes) == 0)",
            "EventBridge cannot say 'begins with raw/ but not with raw/tmp/': write either prefixes and suffixes, or "
            "excludePrefixes and excludeSuffixes",
        ),
        cel(
            "!has(self.maxSizeBytes) || self.maxSizeBytes >= self.minSizeBytes",
            "no object is both larger than minSizeBytes and smaller than maxSizeBytes: make maxSizeBytes the larger one",
            ".maxSizeBytes",
        ),
    ),
):
    """Which objects are processed. Empty: all of them.

    Any of the prefixes together with any of the suffixes, or all but the excluded ones; of a size within the bounds.
    """

    prefixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """Beginnings of object keys, taken literally, for example `raw/`. Empty: every beginning."""
    suffixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """Endings of object keys, taken literally, for example `.txt`. Empty: every ending."""
    exclude_prefixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """Beginnings of object keys that are not processed, for example `tmp/`. Not together with prefixes or suffixes."""
    exclude_suffixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """Endings of object keys that are not processed, for example `.tmp`. Not together with prefixes or suffixes."""
    min_size_bytes: Annotated[int, Field(ge=0, le=LARGEST_COMPARED_BYTES)] = 0
    """Smallest object that is processed, in bytes; 1 leaves out empty objects, such as the folders of the S3 console.
    EventBridge compares numbers up to 5,000,000,000: with any bound but 1, objects of more bytes are not processed."""
    max_size_bytes: Annotated[int, Field(ge=1, le=LARGEST_COMPARED_BYTES)] | None = None
    """Largest object that is processed, in bytes, up to 5,000,000,000. Absent: no limit."""


class CloudTrail(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.trailArn.matches('{TRAIL_ARN}')",
            "trailArn must be arn:aws:cloudtrail:<region>:<account>:trail/<name>; leave it out to have a trail made",
            ".trailArn",
        ),
    ),
):
    """The trail that records the writes to the bucket."""

    trail_arn: Annotated[str, StringConstraints(max_length=256)] = ""
    """ARN of a trail that logs data events of the source bucket. Empty: the pipeline gets one of its own, with a bucket of
    its own for the log."""


class Source(
    Model,
    json_schema_extra=rules(
        cel(
            "!has(self.cloudTrail) || self.trigger == 'CloudTrail'",
            "source.cloudTrail is only for trigger: CloudTrail; leave it out, or write trigger: CloudTrail",
            ".cloudTrail",
        ),
        cel(
            "self.trigger == 'EventBridge' || (self.filter.minSizeBytes == 0 && !has(self.filter.maxSizeBytes))",
            "CloudTrail's events do not tell an object's size: leave minSizeBytes and maxSizeBytes out, or write trigger: "
            "EventBridge",
            ".filter",
        ),
    ),
):
    """Where data arrives and what counts as an arrival."""

    trigger: Trigger = Trigger.EVENT_BRIDGE
    """`EventBridge`: S3's own "Object Created" events, delivered at least once, usually within seconds. `CloudTrail`: the
    calls PutObject, CopyObject and CompleteMultipartUpload as a trail records them, minutes later and best effort."""
    bucket: SourceBucket = SourceBucket()
    filter: Filter = Filter()
    cloud_trail: CloudTrail | None = None
