"""`IngestionPipeline.spec`: what a user writes.

Everything that can be refused when the object is applied is refused by this schema or its CEL rules, with a message
that says what to write instead.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.runtimes import Architecture, Runtime

# Literal keys only: these would be a wildcard in an ARN or in an event pattern, and match more than was meant.
LITERAL_KEY = r"^[^*?$\\]*$"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_NAME = r"^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])?$"
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAG_KEY = r"^[a-zA-Z0-9 _.:/=+@-]{1,128}$"
LITERAL_MESSAGE = "is taken literally: write 'raw/' rather than 'raw/*' (*, ?, $ and \\\\ are refused)"

KeyPart = Annotated[str, StringConstraints(min_length=1, max_length=256)]
BucketName = Annotated[str, StringConstraints(max_length=63)]


def _literal(path: str) -> dict[str, str]:
    return cel(f"self.{path}.all(p, p.matches('{_cel_escape(LITERAL_KEY)}'))", f"each of {path} {LITERAL_MESSAGE}")


def _cel_escape(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


def _bucket_name_rules() -> list[dict[str, str]]:
    return [
        cel(
            f"self.name.matches('{BUCKET_NAME}')",
            "name must be a bucket name of 3 to 63 lower-case letters, digits and hyphens, beginning and ending with a "
            "letter or digit; leave it out for a generated one",
            ".name",
        ),
        cel(
            "!self.name.startsWith('xn--') && !self.name.startsWith('sthree-') && !self.name.startsWith('amzn-s3-demo-')"
            " && !self.name.endsWith('-s3alias') && !self.name.endsWith('--ol-s3')",
            "name begins or ends with what AWS reserves (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3): choose another",
            ".name",
        ),
    ]


class Trigger(StrEnum):
    """How a new object becomes an event."""

    EVENT_BRIDGE = "EventBridge"


class DeletionPolicy(StrEnum):
    """What deleting the pipeline does to AWS."""

    RETAIN_DATA = "RetainData"
    DELETE = "Delete"
    RETAIN = "Retain"


class DriftMode(StrEnum):
    """What the operator does about changes made in AWS by somebody else."""

    CORRECT = "Correct"
    IGNORE = "Ignore"


class Tracing(StrEnum):
    """AWS X-Ray tracing of the function."""

    ACTIVE = "Active"
    PASS_THROUGH = "PassThrough"  # noqa: S105 - a mode, not a password


class LogRetention(IntEnum):
    """The numbers of days for which CloudWatch Logs can keep a log group's events."""

    DAYS_1 = 1
    DAYS_3 = 3
    DAYS_5 = 5
    DAYS_7 = 7
    DAYS_14 = 14
    DAYS_30 = 30
    DAYS_60 = 60
    DAYS_90 = 90
    DAYS_120 = 120
    DAYS_150 = 150
    DAYS_180 = 180
    DAYS_365 = 365
    DAYS_400 = 400
    DAYS_545 = 545
    DAYS_731 = 731
    DAYS_1096 = 1096
    DAYS_1827 = 1827
    DAYS_2192 = 2192
    DAYS_2557 = 2557
    DAYS_2922 = 2922
    DAYS_3288 = 3288
    DAYS_3653 = 3653


class SourceBucket(
    Model,
    json_schema_extra=rules(
        *_bucket_name_rules(),
        cel(
            "self.name == oldSelf.name",
            "source.bucket.name cannot be changed: the bucket holds data. Create a second pipeline with the other bucket",
            ".name",
        ),
    ),
):
    """The bucket into which objects are put. The operator makes it: encrypted, private, TLS only, versioned."""

    name: BucketName = ""
    """Name of the bucket, unique in all of AWS. Empty: generated from the pipeline's namespace and name. Immutable."""


class Filter(Model, json_schema_extra=rules(_literal("prefixes"), _literal("suffixes"))):
    """Which objects are processed: any of the prefixes together with any of the suffixes. Empty: all of them."""

    prefixes: Annotated[
        tuple[KeyPart, ...], Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = ()
    """Beginnings of object keys, taken literally, for example `raw/`. Empty: every beginning."""
    suffixes: Annotated[
        tuple[KeyPart, ...], Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = ()
    """Endings of object keys, taken literally, for example `.txt`. Empty: every ending."""


class Source(Model):
    """Where data arrives and what counts as an arrival."""

    trigger: Trigger = Trigger.EVENT_BRIDGE
    """`EventBridge`: S3's own "Object Created" events, delivered at least once."""
    bucket: SourceBucket = SourceBucket()
    filter: Filter = Filter()


class ConfigMapCode(Model):
    """Code in a ConfigMap of the pipeline's namespace. A change of the ConfigMap is deployed at once."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
    """Name of the ConfigMap."""
    key: Annotated[str, StringConstraints(max_length=253)] = ""
    """The key that holds the handler's module. Empty: every key is a file of that name."""


class Code(
    Model,
    json_schema_extra=rules(
        cel(
            "(has(self.inline) ? 1 : 0) + (has(self.configMapRef) ? 1 : 0) == 1",
            "exactly one code source is needed: write processor.code.inline or processor.code.configMapRef, not both and not neither",
        ),
    ),
):
    """The function's code: exactly one of the sources."""

    inline: Annotated[str, StringConstraints(min_length=1, max_length=32768)] | None = None
    """The source text of the handler's module. Up to 32 KiB; for more, use `configMapRef`."""
    config_map_ref: ConfigMapCode | None = None


RESERVED_ENVIRONMENT = (
    "RESULTS_BUCKET",
    "RESULTS_PREFIX",
    "RESULTS_TABLE",
    "TZ",
    "PATH",
    "PYTHONPATH",
    "LANG",
    "_HANDLER",
)
RESERVED_PREFIXES = ("AWS_", "LAMBDA_", "_X_AMZN_")


class EnvironmentVariable(
    Model,
    json_schema_extra=rules(
        cel(
            "self.name.matches('^[a-zA-Z][a-zA-Z0-9_]+$')",
            "an environment name is a letter followed by at least one letter, digit or underscore",
            ".name",
        ),
        cel(
            " && ".join(f"!self.name.startsWith('{p}')" for p in RESERVED_PREFIXES)
            + f" && !(self.name in [{', '.join(repr(n) for n in RESERVED_ENVIRONMENT)}])",
            "this environment name is reserved by Lambda or by the operator (AWS_*, LAMBDA_*, RESULTS_BUCKET, RESULTS_PREFIX, "
            "RESULTS_TABLE, PATH, ...): choose another",
            ".name",
        ),
    ),
):
    """One environment variable of the function."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    """Name of the variable: letters, digits and underscores."""
    value: Annotated[str, StringConstraints(max_length=4096)] = ""
    """Its value, readable by whoever may read the pipeline: no place for a secret."""


class Processor(
    Model,
    json_schema_extra=rules(
        cel(
            "self.environment.map(e, size(e.name) + size(e.value)).sum() <= 4096",
            "all environment names and values together must not be longer than 4096 characters, Lambda's limit: put larger "
            "settings into a file of the code",
            ".environment",
        ),
        cel(
            "self.handler.matches('^[A-Za-z_][A-Za-z0-9_]*([./][A-Za-z_][A-Za-z0-9_]*)*[.][A-Za-z_][A-Za-z0-9_]*$')",
            "handler is <module>.<function>, for example index.handler for a function called handler in index.py",
            ".handler",
        ),
    ),
):
    """The Lambda function that is run for each object."""

    code: Code
    runtime: Runtime = Runtime.PYTHON_3_13
    """Lambda runtime. Those that AWS no longer lets be created are refused."""
    handler: Annotated[str, StringConstraints(min_length=3, max_length=128)] = "index.handler"
    """`<module>.<function>` that is called with (event, context)."""
    architecture: Architecture = Architecture.ARM64
    """Processor architecture."""
    memory_mib: Annotated[int, Field(alias="memoryMiB", ge=128, le=10240)] = 256
    """Memory of the function in MiB; processor power grows with it."""
    timeout_seconds: Annotated[int, Field(ge=1, le=900)] = 60
    """Longest run for one object, in seconds."""
    environment: Annotated[
        tuple[EnvironmentVariable, ...],
        Field(
            max_length=100,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """Environment variables. `RESULTS_BUCKET` and `RESULTS_PREFIX` are set by the operator."""
    log_retention_days: LogRetention = LogRetention.DAYS_30
    """For how many days the function's log is kept."""
    tracing: Tracing = Tracing.ACTIVE
    """AWS X-Ray tracing."""


class ResultsBucket(
    Model,
    json_schema_extra=rules(
        *_bucket_name_rules(),
        cel(f"self.prefix.matches('{_cel_escape(LITERAL_KEY)}')", f"prefix {LITERAL_MESSAGE}", ".prefix"),
        cel(
            "self.name == oldSelf.name",
            "results.bucket.name cannot be changed: results are there already. Create a second pipeline for the other bucket",
            ".name",
        ),
    ),
):
    """The bucket for results, handed to the function as `RESULTS_BUCKET` and `RESULTS_PREFIX`."""

    name: BucketName = ""
    """Name of an existing bucket, which the operator neither changes nor deletes. Empty: one is made. Immutable."""
    prefix: Annotated[str, StringConstraints(max_length=256)] = ""
    """Beginning of the keys under which the function may write, for example `chunks/`."""


class Results(
    Model,
    json_schema_extra=rules(
        cel(
            "!has(oldSelf.bucket) || has(self.bucket)",
            "results.bucket cannot be taken away: it holds results. Delete the pipeline (its buckets stay under RetainData) and "
            "create it without results",
        ),
    ),
):
    """Where the function may write its results."""

    bucket: ResultsBucket | None = None


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
    """`RetainData`: the function, rule, role and log go, buckets stay. `Delete`: buckets go too; one that holds objects
    waits for the annotation ingestion-operator.io/confirm-purge. `Retain`: everything stays in AWS."""


LOOP = (
    "results.bucket is the source bucket and its prefix is inside the filter, so each result would start the function again, "
    "without end: write results under a prefix outside source.filter.prefixes, or leave results.bucket.name out"
)


class Spec(
    Model,
    json_schema_extra=rules(
        cel(
            "has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)",
            "region cannot be changed: create a second pipeline in the other region",
            ".region",
        ),
        cel(
            "!has(oldSelf.results) || !has(oldSelf.results.bucket) || has(self.results)",
            "results cannot be taken away: its bucket holds results. Delete the pipeline (its buckets stay under RetainData) and "
            "create it without results",
        ),
        cel(
            "!has(self.results) || !has(self.results.bucket) || self.results.bucket.name == '' "
            "|| self.results.bucket.name != self.source.bucket.name "
            "|| (size(self.source.filter.prefixes) > 0 && self.results.bucket.prefix != '' && self.source.filter.prefixes.all(p, "
            "!p.startsWith(self.results.bucket.prefix) && !self.results.bucket.prefix.startsWith(p)))",
            LOOP,
        ),
        cel(
            f"self.tags.all(k, k.matches('{TAG_KEY}') && !k.lowerAscii().startsWith('aws:') "
            "&& !k.startsWith('ingestion-operator.io/'))",
            "tag keys are 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws: or ingestion-operator.io/, "
            "which AWS and the operator set themselves",
            ".tags",
        ),
    ),
):
    """What the pipeline is to be."""

    region: Annotated[str, StringConstraints(max_length=32, pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] | None = None
    """AWS region, for example `eu-west-1`. Default: the operator's. Immutable."""
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
    results: Results | None = None
    reconcile: Reconcile = Reconcile()
    deletion: Deletion = Deletion()
