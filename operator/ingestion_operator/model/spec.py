"""`IngestionPipeline.spec`: what a user writes.

Everything that can be refused when the object is applied is refused by this schema or its CEL rules, with a message
that says what to write instead.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.fields import ObjectName, escaped, json_size
from ingestion_operator.model.processor import ENVIRONMENT_LIMIT, Processor
from ingestion_operator.model.results import Results
from ingestion_operator.model.source import Source

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAG_KEY = r"^[\p{L}\p{N}\p{Z}_.:/=+@-]{1,128}$"
TAG_VALUE = r"^[\p{L}\p{N}\p{Z}_.:/=+@-]*$"
REGION = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$"


class DeletionPolicy(StrEnum):
    """What deleting the pipeline does to AWS."""

    RETAIN_DATA = "RetainData"
    DELETE = "Delete"
    RETAIN = "Retain"


class DriftMode(StrEnum):
    """What the operator does about changes made in AWS by somebody else."""

    CORRECT = "Correct"
    IGNORE = "Ignore"


class AccountReference(Model):
    """The administrator's AWSAccount, which has to allow the pipeline's namespace and region."""

    name: ObjectName
    """Name of the AWSAccount."""


class Delivery(Model):
    """How hard an event is tried to be delivered and processed before it goes to the dead-letter queue."""

    maximum_attempts: Annotated[int, Field(ge=0, le=185)] = 185
    """How often EventBridge tries again to hand an event to the function, for example while the function is throttled."""
    maximum_event_age_seconds: Annotated[int, Field(ge=60, le=86400)] = 86400
    """For how long EventBridge tries, in seconds."""
    processing_attempts: Annotated[int, Field(ge=0, le=2)] = 2
    """How often Lambda runs the function again for an event for which it raised an error or timed out."""
    processing_maximum_age_seconds: Annotated[int, Field(ge=60, le=21600)] = 21600
    """For how long Lambda keeps an event that waits for its turn or its next run, in seconds."""


class DeadLetter(Model):
    """The SQS queue for events that were given up: not delivered by EventBridge, or failed in the function after all runs."""

    retention_days: Annotated[int, Field(ge=1, le=14)] = 14
    """For how many days the queue keeps an event."""


class Drift(Model):
    """Changes made in AWS by somebody else."""

    mode: DriftMode = DriftMode.CORRECT
    """`Correct`: put back what the pipeline says. `Ignore`: do not look."""
    interval_seconds: Annotated[int, Field(ge=10, le=604800)] = 3600
    """Time between two looks, in seconds. Each look calls the AWS API once or twice for each resource."""


class Reconcile(Model):
    """How the operator works on this pipeline."""

    suspend: bool = False
    """True: change nothing in AWS until it is false again. A deletion still proceeds."""
    drift: Drift = Drift()
    timeout_seconds: Annotated[int, Field(ge=60, le=7200)] = 1800
    """Longest time for one update, in seconds; then it is interrupted and tried again."""


class Deletion(Model):
    """What becomes of AWS when the pipeline is deleted."""

    policy: DeletionPolicy = DeletionPolicy.RETAIN_DATA
    """`RetainData`: the function, rule, role, queue and log go, buckets and tables stay. `Delete`: those that the pipeline made
    go too; one that holds data waits for the annotation ingestion-operator.io/confirm-purge. `Retain`: everything stays in
    AWS."""


LOOP = (
    "results.bucket is the source bucket and its prefix is inside the filter, so each result would start the function again, "
    "without end: write results under a prefix outside source.filter.prefixes or inside excludePrefixes, or leave "
    "results.bucket.name out"
)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICY_LIMIT = 10_240
# What the function's policy says besides the filter's prefixes, the results' prefix and processor.permissions.
POLICY_FRAME = 3_000
# The ARN of the source bucket around each prefix.
POLICY_PREFIX = 90
POLICY_SIZE = (
    f"self.source.filter.prefixes.map(p, {json_size('p')} + {POLICY_PREFIX}).sum() "
    f"+ (has(self.results) && has(self.results.bucket) ? {json_size('self.results.bucket.prefix')} : 0) "
    "+ self.processor.permissions.map(s, 80 + s.actions.map(a, size(a) + 4).sum() "
    f"+ s.resources.map(r, {json_size('r')} + 4).sum()).sum()"
)

# Lambda measures the variables as one JSON object in UTF-8. What comes from Secrets is counted when it is known.
RESULTS_VARIABLES = (
    "(has(self.results) && has(self.results.bucket) ? 103 + size(bytes(self.results.bucket.prefix)) : 0) "
    "+ (has(self.results) && has(self.results.table) ? 274 : 0)"
)
ENVIRONMENT_SIZE = (
    "2 + self.processor.environment.map(e, 6 + size(e.name) + size(bytes(e.value)) "
    rf"""+ size(e.value.findAll(r'["\\\x00-\x1f]'))).sum() + {RESULTS_VARIABLES}"""
)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
PARTITION = (
    "(self.region.startsWith('cn-') ? 'aws-cn' : self.region.startsWith('us-gov-') ? 'aws-us-gov' : "
    "self.region.startsWith('eusc-') ? 'aws-eusc' : 'aws')"
)


def _in_region(fine: str, message: str, path: str) -> dict[str, str]:
    """Refuses what is of another region, where the spec says which one it is for."""
    return cel(f"!has(self.region) || {fine}", message, path)


def _key_in_region(path: str, unless: str) -> dict[str, str]:
    return _in_region(
        f"{unless} || self.{path}.keyArn == '' || self.{path}.keyArn.contains(':kms:' + self.region + ':')",
        "a bucket's key is of the bucket's own region: name a key of spec.region",
        f".{path}.keyArn",
    )


class Spec(
    Model,
    json_schema_extra=rules(
        cel(
            f"!has(self.region) || self.region.matches('{REGION}')",
            "region is the code of an AWS region, for example eu-west-1",
            ".region",
        ),
        cel(
            "has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)",
            "region cannot be changed: create a second pipeline in the other region",
            ".region",
        ),
        cel(
            "has(self.accountRef) == has(oldSelf.accountRef) "
            "&& (!has(self.accountRef) || self.accountRef.name == oldSelf.accountRef.name)",
            "accountRef cannot be changed: create a second pipeline in the other account",
            ".accountRef",
        ),
        cel(
            "!has(oldSelf.results) || !has(oldSelf.results.bucket) || has(self.results)",
            "results cannot be taken away: its bucket holds results. Delete the pipeline (its buckets stay under RetainData) and "
            "create it without results",
        ),
        cel(
            "!has(self.results) || !has(self.results.bucket) || self.results.bucket.name == '' "
            "|| self.results.bucket.name != self.source.bucket.name || self.source.bucket.naming == 'AccountRegional' "
            "|| (size(self.source.filter.prefixes) > 0 && self.results.bucket.prefix != '' && self.source.filter.prefixes.all(p, "
            "!p.startsWith(self.results.bucket.prefix) && !self.results.bucket.prefix.startsWith(p))) "
            "|| self.source.filter.excludePrefixes.exists(p, self.results.bucket.prefix.startsWith(p))",
            LOOP,
        ),
        cel(
            "!has(oldSelf.results) || !has(oldSelf.results.table) || has(self.results)",
            "results cannot be taken away: its table holds results. Delete the pipeline (its table stays under RetainData) and "
            "create it without results",
        ),
        cel(
            f"self.tags.all(k, k.matches('{escaped(TAG_KEY)}') && !k.lowerAscii().startsWith('aws:') "
            "&& !k.lowerAscii().startsWith('ingestion-operator.io/'))",
            "tag keys are 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws: or ingestion-operator.io/, "
            "which AWS and the operator set themselves",
            ".tags",
        ),
        cel(
            f"self.tags.all(k, self.tags[k].matches('{escaped(TAG_VALUE)}'))",
            "tag values are letters, digits, spaces and _.:/=+@-",
            ".tags",
        ),
        cel(
            "self.tags.all(k, self.tags.exists_one(other, other.lowerAscii() == k.lowerAscii()))",
            "IAM takes tag keys that differ only in upper and lower case for one: write the key once",
            ".tags",
        ),
        cel(
            f"{ENVIRONMENT_SIZE} <= {ENVIRONMENT_LIMIT}",
            f"the environment, with RESULTS_BUCKET and the like and written as JSON, is longer than {ENVIRONMENT_LIMIT:,} bytes, "
            "Lambda's limit: put larger settings into a file of the code",
            ".processor.environment",
        ),
        cel(
            f"{POLICY_SIZE} + {POLICY_FRAME} <= {POLICY_LIMIT}",
            f"permissions and the filter's prefixes make an IAM policy of more than {POLICY_LIMIT:,} characters, IAM's limit: name "
            "fewer or shorter resources and prefixes",
            ".processor.permissions",
        ),
        _in_region(
            "self.processor.layers.all(l, l.contains(':lambda:' + self.region + ':'))",
            "a function takes layers of its own region only: name layers of spec.region",
            ".processor.layers",
        ),
        _in_region(
            "!has(self.processor.code.image) || self.processor.code.image.uri.contains('.ecr.' + self.region + '.')",
            "a function takes an image of its own region only: name an image in spec.region",
            ".processor.code.image.uri",
        ),
        _in_region(
            "self.region.contains('-iso') "
            f"|| self.processor.permissions.all(s, s.resources.all(r, r == '*' || r.startsWith('arn:' + {PARTITION} + ':')))",
            "a resource is of the partition of spec.region: arn:aws:, or arn:aws-cn:, arn:aws-us-gov: or arn:aws-eusc: in these",
            ".processor.permissions",
        ),
        _key_in_region("source.bucket.encryption", "false"),
        _key_in_region(
            "results.bucket.encryption",
            "!has(self.results) || !has(self.results.bucket) || self.results.bucket.name != ''",
        ),
    ),
):
    """What the pipeline is to be."""

    region: Annotated[str, StringConstraints(max_length=32)] | None = None
    """AWS region, for example `eu-west-1`. Default: the operator's. Immutable."""
    account_ref: AccountReference | None = None
    """AWS account in which the pipeline is built. Default: that of the default AWSAccount, if there is one when the pipeline is
    built, else the operator's own. Immutable."""
    tags: Annotated[
        dict[
            Annotated[str, StringConstraints(max_length=128)],
            Annotated[str, StringConstraints(max_length=256)],
        ],
        Field(max_length=40),
    ] = {}  # noqa: RUF012 - a pydantic default, copied for each
    """Tags for every AWS resource, besides the operator's own."""
    source: Source = Source()
    processor: Processor
    delivery: Delivery = Delivery()
    results: Results | None = None
    dead_letter: DeadLetter = DeadLetter()
    reconcile: Reconcile = Reconcile()
    deletion: Deletion = Deletion()
