"""`IngestionPipeline.spec`: the part of the object that a user writes.

The schema and its CEL rules refuse as many mistakes as possible when a user applies the object. The message of every
rule tells the user what to write instead.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ingestion_operator.model.base import Model, cel, raised_to, rules
from ingestion_operator.model.environment import ENVIRONMENT_LIMIT
from ingestion_operator.model.fields import ObjectName, escaped, json_size
from ingestion_operator.model.processor import Processor
from ingestion_operator.model.results import Results
from ingestion_operator.model.source import Source

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAG_KEY = r"^[\p{L}\p{N}\p{Z}_.:/=+@-]{1,128}$"
TAG_VALUE = r"^[\p{L}\p{N}\p{Z}_.:/=+@-]*$"
REGION = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$"


class DeletionPolicy(StrEnum):
    """What happens in AWS when the pipeline is deleted."""

    RETAIN_DATA = "RetainData"
    DELETE = "Delete"
    RETAIN = "Retain"


class DriftMode(StrEnum):
    """What the operator does about changes that somebody else makes in AWS."""

    CORRECT = "Correct"
    IGNORE = "Ignore"


class AccountReference(Model):
    """The AWSAccount of the pipeline. It must allow the namespace and the region of the pipeline."""

    name: ObjectName
    """The name of the AWSAccount. Ask your administrator for it."""


class Delivery(Model):
    """The limits for retries of an event. An event that reaches a limit goes to the dead-letter queue."""

    maximum_attempts: Annotated[int, Field(ge=0, le=185)] = 185
    """EventBridge retries the delivery of an event to the function at most this many times. The default is 185. With 0,
    EventBridge does not retry."""
    maximum_event_age_seconds: Annotated[int, Field(ge=60, le=86400)] = 86400
    """EventBridge retries the delivery of an event for at most this number of seconds. The default is 86400, which
    is one day."""
    processing_attempts: Annotated[int, Field(ge=0, le=2)] = 2
    """Lambda runs the function again at most this many times after an error or a timeout. The default is 2. With 0,
    Lambda does not retry."""
    processing_maximum_age_seconds: Annotated[int, Field(ge=60, le=21600)] = 21600
    """Lambda keeps an event that waits for its first or next run for at most this number of seconds. The default is
    21600, which is six hours."""


class DeadLetter(Model):
    """The SQS queue that keeps failed events.

    EventBridge sends an event there if it cannot deliver the event. Lambda sends an event there if every run of the
    function failed.
    """

    retention_days: Annotated[int, Field(ge=1, le=14)] = 14
    """The queue keeps an event for this number of days. The default is 14. SQS then deletes the event."""


class Drift(Model):
    """The rules for changes that somebody else makes in AWS."""

    mode: DriftMode = DriftMode.CORRECT
    """The reaction of the operator to such changes. With `Correct`, the default, the operator looks for changes and
    restores what the pipeline says. With `Ignore`, the operator does not look for changes."""
    interval_seconds: Annotated[int, Field(ge=60, le=604800), raised_to(60)] = 3600
    """The time between two checks for changes, in seconds. The default is 3600, which is one hour. Each check calls
    the AWS API once or twice for each resource. The operator treats a smaller value from an earlier version as 60."""


class Reconcile(Model):
    """The settings for the operator's work on this pipeline."""

    suspend: bool = False
    """If true, the operator changes nothing in AWS until the field is false again. A deletion of the pipeline still
    proceeds. The default is false."""
    drift: Drift = Drift()
    timeout_seconds: Annotated[int, Field(ge=60, le=7200)] = 1800
    """The longest time that one update may take, in seconds. The default is 1800, which is half an hour. The
    operator interrupts a longer update and tries it again."""


class Deletion(Model):
    """The settings for the deletion of the pipeline."""

    policy: DeletionPolicy = DeletionPolicy.RETAIN_DATA
    """The resources that the operator deletes from AWS with the pipeline. With `RetainData`, the default, the
    operator deletes the function, rule, role, queue, log and trail, and keeps buckets and tables. With `Delete`,
    the operator also deletes the buckets and tables that the pipeline made. If one of them holds data, the
    deletion waits until you confirm it with the annotation ingestion-operator.io/confirm-purge. With `Retain`,
    the operator deletes nothing in AWS, and the function keeps working. The operator never deletes existing
    buckets, tables and trails."""


LOOP = (
    "results.bucket is the source bucket and results.bucket.prefix is inside the filter, so each result would start the function "
    "again in an endless loop: choose a prefix outside source.filter.prefixes or inside source.filter.excludePrefixes, or leave "
    "out results.bucket.name"
)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
POLICY_LIMIT = 10_240
# Characters for everything in the policy of the function except the prefixes and processor.permissions.
POLICY_FRAME = 3_900
# Characters around each prefix: the ARN of the source bucket.
POLICY_PREFIX = 90
POLICY_SIZE = (
    f"self.source.filter.prefixes.map(p, {json_size('p')} + {POLICY_PREFIX}).sum() "
    f"+ (has(self.results) && has(self.results.bucket) ? {json_size('self.results.bucket.prefix')} : 0) "
    "+ self.processor.permissions.map(s, 80 + s.actions.map(a, size(a) + 4).sum() "
    f"+ s.resources.map(r, {json_size('r')} + 4).sum()).sum()"
)

# Lambda measures all variables as one JSON object in UTF-8. Values from Secrets are not known here. The operator counts
# them later.
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
    """Refuses a value of another region, if the spec names a region."""
    return cel(f"!has(self.region) || {fine}", message, path)


def _key_in_region(path: str, unless: str) -> dict[str, str]:
    return _in_region(
        f"{unless} || self.{path}.keyArn == '' || self.{path}.keyArn.contains(':kms:' + self.region + ':')",
        "the key must be in the region of its bucket: name a key of spec.region",
        f".{path}.keyArn",
    )


class Spec(
    Model,
    json_schema_extra=rules(
        cel(
            f"!has(self.region) || self.region.matches('{REGION}')",
            "region must be the code of an AWS region, for example eu-west-1",
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
            "results cannot be removed: the bucket holds results. Delete the pipeline (deletion.policy RetainData keeps its "
            "buckets) and create it again without results",
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
            "results cannot be removed: the table holds results. Delete the pipeline (deletion.policy RetainData keeps its "
            "table) and create it again without results",
        ),
        cel(
            f"self.tags.all(k, k.matches('{escaped(TAG_KEY)}') && !k.lowerAscii().startsWith('aws:') "
            "&& !k.lowerAscii().startsWith('ingestion-operator.io/'))",
            "a tag key must have 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws: or "
            "ingestion-operator.io/, which AWS and the operator reserve",
            ".tags",
        ),
        cel(
            f"self.tags.all(k, self.tags[k].matches('{escaped(TAG_VALUE)}'))",
            "a tag value may have only letters, digits, spaces and _.:/=+@-",
            ".tags",
        ),
        cel(
            "self.tags.all(k, self.tags.exists_one(other, other.lowerAscii() == k.lowerAscii()))",
            "IAM treats tag keys that differ only in upper and lower case as one key: write the key once",
            ".tags",
        ),
        cel(
            f"{ENVIRONMENT_SIZE} <= {ENVIRONMENT_LIMIT}",
            f"the environment takes more than {ENVIRONMENT_LIMIT:,} bytes as JSON, which is Lambda's limit (RESULTS_BUCKET, "
            "RESULTS_PREFIX and RESULTS_TABLE count too): put larger settings into a file of the code",
            ".processor.environment",
        ),
        cel(
            f"{POLICY_SIZE} + {POLICY_FRAME} <= {POLICY_LIMIT}",
            f"the permissions and prefixes make an IAM policy longer than {POLICY_LIMIT:,} characters, which is IAM's limit: write "
            "fewer or shorter resources and prefixes",
            ".processor.permissions",
        ),
        _in_region(
            "self.processor.layers.all(l, l.contains(':lambda:' + self.region + ':'))",
            "a function can use only layers of its own region: name layers of spec.region",
            ".processor.layers",
        ),
        _in_region(
            "!has(self.processor.code.image) || self.processor.code.image.uri.contains('.ecr.' + self.region + '.')",
            "a function can use only an image of its own region: name an image of spec.region",
            ".processor.code.image.uri",
        ),
        _in_region(
            "self.region.contains('-iso') "
            f"|| self.processor.permissions.all(s, s.resources.all(r, r == '*' || r.startsWith('arn:' + {PARTITION} + ':')))",
            "a resource must be in the partition of spec.region: begin its ARN with arn:aws:, or in the other partitions with "
            "arn:aws-cn:, arn:aws-us-gov: or arn:aws-eusc:",
            ".processor.permissions",
        ),
        _key_in_region("source.bucket.encryption", "false"),
        _key_in_region(
            "results.bucket.encryption",
            "!has(self.results) || !has(self.results.bucket) || self.results.bucket.name != ''",
        ),
    ),
):
    """The pipeline that the operator builds and keeps in AWS."""

    region: Annotated[str, StringConstraints(max_length=32)] | None = None
    """The AWS region of the pipeline, for example `eu-west-1`. The default is the region of the operator. The region
    cannot be changed later."""
    account_ref: AccountReference | None = None
    """The AWS account in which the operator builds the pipeline. The default is the account of the default
    AWSAccount. If there is no default AWSAccount when the pipeline is first built, the operator uses its own
    account. The reference cannot be changed later."""
    tags: Annotated[
        dict[
            Annotated[str, StringConstraints(max_length=128)],
            Annotated[str, StringConstraints(max_length=256)],
        ],
        Field(max_length=40),
    ] = {}  # noqa: RUF012 - a pydantic default, copied for each
    """The tags for every AWS resource of the pipeline. The operator adds its own ownership tags."""
    source: Source = Source()
    processor: Processor
    delivery: Delivery = Delivery()
    results: Results | None = None
    dead_letter: DeadLetter = DeadLetter()
    reconcile: Reconcile = Reconcile()
    deletion: Deletion = Deletion()
