"""`spec.source`: the bucket in which objects arrive, and the objects that start the function."""

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
# The longest name that still fits into 63 characters after `-<account>-<region>-an` is added, in every region.
ACCOUNT_REGIONAL_LIMIT = 32
# The largest number that EventBridge compares.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#filtering-numeric-matching
LARGEST_COMPARED_BYTES = 5_000_000_000
# The longest event pattern of a rule, in characters.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
PATTERN_LIMIT = 2048
# Characters for everything in a pattern except the keys: the bucket, the event names and the size bounds.
PATTERN_FRAME = 350
BUCKET_STAYS = "the bucket holds data. Create a second pipeline with the other bucket"


class Trigger(StrEnum):
    """How a new object becomes an event."""

    EVENT_BRIDGE = "EventBridge"
    CLOUD_TRAIL = "CloudTrail"


class Management(StrEnum):
    """Who owns the source bucket."""

    MANAGED = "Managed"
    EXISTING = "Existing"


class Versioning(StrEnum):
    """Whether S3 keeps earlier versions of an object."""

    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


class Naming(StrEnum):
    """Where the name of a bucket must be unique."""

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
            "an existing bucket needs a name: write source.bucket.name, or write management: Managed for a new bucket",
            ".name",
        ),
        cel(
            "self.management == 'Managed' || self.naming == 'Global'",
            "naming works only for a bucket that the operator makes: leave out naming for an existing bucket",
            ".naming",
        ),
        cel(
            "self.management == 'Existing' || !self.name.contains('.')",
            "a bucket that the operator makes cannot have dots in its name, because dots break TLS: write hyphens instead",
            ".name",
        ),
        cel(
            "self.management == 'Existing' || !self.name.endsWith('-an')",
            "AWS reserves the ending -an for account-regional names: leave out the ending, and write naming: AccountRegional if "
            "the name must be unique only in your account and region",
            ".name",
        ),
        cel(
            f"self.naming == 'Global' || size(self.name) <= {ACCOUNT_REGIONAL_LIMIT}",
            f"with naming AccountRegional, name must not be longer than {ACCOUNT_REGIONAL_LIMIT} characters, because the "
            "operator adds -<account>-<region>-an: choose a shorter name",
            ".name",
        ),
        _unchanged("name", BUCKET_STAYS),
        _unchanged("management", BUCKET_STAYS),
        _unchanged("naming", BUCKET_STAYS),
    ),
):
    """The bucket in which objects arrive.

    By default the operator makes a bucket that is encrypted, private, versioned and reachable only over TLS. With
    `management: Existing`, the pipeline uses a bucket that exists already.
    """

    name: BucketName = ""
    """The name of the bucket. It must be unique in all of AWS, unless `naming` says otherwise. If it is empty, the
    operator generates a name from the namespace and the name of the pipeline. The name cannot be changed later."""
    management: Management = Management.MANAGED
    """The owner of the bucket. With `Managed`, the default, the operator makes the bucket and keeps its settings as
    the spec says. With `Existing`, the operator never creates, empties or deletes the bucket. It only turns on
    events to EventBridge and leaves other notifications of the bucket alone. Several pipelines may share an
    existing bucket. The field cannot be changed later."""
    naming: Naming = Naming.GLOBAL
    """The scope in which the name must be unique. With `Global`, the default, the bucket has exactly the given name,
    which must be unique in all of AWS. With `AccountRegional`, the operator adds `-<account>-<region>-an` to the
    name, and no other AWS account can take it. The field applies only to a bucket that the operator makes. The
    field cannot be changed later."""
    encryption: Encryption = Encryption()
    """The encryption of the objects in the bucket. By default S3 encrypts them with its own keys. The operator does
    not change the encryption of an existing bucket: name its key only to let the function read the objects."""
    versioning: Versioning = Versioning.ENABLED
    """The versioning of the bucket. With `Enabled`, the default, S3 keeps an object as an earlier version when it is
    overwritten or deleted. With `Suspended`, S3 does not keep it. The field has no effect on an existing bucket."""
    noncurrent_version_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """S3 keeps earlier versions of an object for this number of days. The default is 90. The field has no effect on
    an existing bucket."""


def _sum(field: str, each: int) -> str:
    """A CEL expression for the characters of a list of keys in a pattern. `each` characters stand around each key."""
    return f"self.{field}.map(p, {json_size('p')} + {each}).sum()"


# Prefixes together with suffixes need one wildcard for each pair.
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
            f"the filter makes an event pattern longer than {PATTERN_LIMIT:,} characters, which is EventBridge's limit; the pattern "
            "has one entry for every pair of a prefix and a suffix: write fewer or shorter prefixes and suffixes, or use several "
            "pipelines",
        ),
        cel(
            "(size(self.excludePrefixes) == 0 && size(self.excludeSuffixes) == 0) "
            "|| (size(self.prefixes) == 0 && size(self.suffixes) == 0)",
            "EventBridge cannot match 'begins with raw/ but not with raw/tmp/': write either prefixes and suffixes, or "
            "excludePrefixes and excludeSuffixes",
        ),
        cel(
            "!has(self.maxSizeBytes) || self.maxSizeBytes >= self.minSizeBytes",
            "maxSizeBytes is smaller than minSizeBytes, so no object can match: write a larger maxSizeBytes",
            ".maxSizeBytes",
        ),
    ),
):
    """The objects that the pipeline processes. Without a filter, the pipeline processes every object.

    An object matches if its key begins with any of the prefixes and ends with any of the suffixes. With exclusions, an
    object matches if its key has none of the excluded prefixes and suffixes. The size must be within the bounds too.
    """

    prefixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """The pipeline processes only keys that begin with one of these texts, for example `raw/`. Wildcards are not
    allowed. If the list is empty, a key may begin with anything."""
    suffixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """The pipeline processes only keys that end with one of these texts, for example `.txt`. Wildcards are not
    allowed. If the list is empty, a key may end with anything."""
    exclude_prefixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """The pipeline ignores keys that begin with one of these texts, for example `tmp/`. Wildcards are not allowed.
    The field cannot be used together with `prefixes` or `suffixes`."""
    exclude_suffixes: Annotated[tuple[KeyPart, ...], Field(max_length=20, json_schema_extra=LIST_SET)] = ()
    """The pipeline ignores keys that end with one of these texts, for example `.tmp`. Wildcards are not allowed. The
    field cannot be used together with `prefixes` or `suffixes`."""
    min_size_bytes: Annotated[int, Field(ge=0, le=LARGEST_COMPARED_BYTES)] = 0
    """The size of the smallest object that the pipeline processes, in bytes. The default is 0. With 1, the pipeline
    ignores empty objects, such as the folders of the S3 console. EventBridge cannot compare numbers above
    5,000,000,000: with a minimum of 2 or more, the pipeline ignores objects with more bytes. Values above 0 work
    only with trigger `EventBridge`."""
    max_size_bytes: Annotated[int, Field(ge=1, le=LARGEST_COMPARED_BYTES)] | None = None
    """The size of the largest object that the pipeline processes, in bytes. If it is absent, there is no maximum. The
    field works only with trigger `EventBridge`."""


class CloudTrail(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.trailArn.matches('{TRAIL_ARN}')",
            "trailArn must be the ARN of a trail, arn:aws:cloudtrail:<region>:<account>:trail/<name>; leave it out to get a new trail",
            ".trailArn",
        ),
    ),
):
    """The trail that records the writes to the bucket. It is allowed only with trigger `CloudTrail`."""

    trail_arn: Annotated[str, StringConstraints(max_length=256)] = ""
    """The ARN of an existing trail that records the data events of the source bucket. The operator never changes
    this trail. If it is empty, the operator makes a trail for the pipeline, and a bucket for the log of the
    trail."""


class Source(
    Model,
    json_schema_extra=rules(
        cel(
            "!has(self.cloudTrail) || self.trigger == 'CloudTrail'",
            "source.cloudTrail works only with trigger: CloudTrail; leave out source.cloudTrail, or write trigger: CloudTrail",
            ".cloudTrail",
        ),
        cel(
            "self.trigger == 'EventBridge' || (self.filter.minSizeBytes == 0 && !has(self.filter.maxSizeBytes))",
            "CloudTrail's events do not contain the size of an object: leave out minSizeBytes and maxSizeBytes, or write "
            "trigger: EventBridge",
            ".filter",
        ),
    ),
):
    """The bucket in which objects arrive, and the objects that start the function."""

    trigger: Trigger = Trigger.EVENT_BRIDGE
    """The source of the events that start the function. With `EventBridge`, the default, S3 sends an "Object
    Created" event at least once, usually within seconds. With `CloudTrail`, a trail records the calls PutObject,
    CopyObject and CompleteMultipartUpload. Events of a trail arrive minutes later, and some may be lost."""
    bucket: SourceBucket = SourceBucket()
    filter: Filter = Filter()
    cloud_trail: CloudTrail | None = None
