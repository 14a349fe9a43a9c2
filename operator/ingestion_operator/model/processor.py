"""`spec.processor`: the Lambda function that is run for each object."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, WithJsonSchema

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.fields import DATA_KEY, LIST_ATOMIC, LIST_SET, BucketName, ObjectName, bucket_name
from ingestion_operator.model.runtimes import BLOCKED, NEAREST, Architecture, Runtime


class Tracing(StrEnum):
    """AWS X-Ray tracing of the function."""

    ACTIVE = "Active"
    PASS_THROUGH = "PassThrough"  # noqa: S105 - a mode, not a password


class FunctionLogFormat(StrEnum):
    """How Lambda writes the function's log lines."""

    TEXT = "Text"
    JSON = "JSON"


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


class ConfigMapCode(
    Model,
    json_schema_extra=rules(
        cel(f"self.key.matches('{DATA_KEY}')", "key is a key of a ConfigMap: letters, digits, -, _ and .", ".key"),
    ),
):
    """Code in a ConfigMap of the pipeline's namespace. A change of the ConfigMap is deployed at once."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: Annotated[str, StringConstraints(max_length=253)] = ""
    """The key that holds the handler's module. Empty: every key is a file of that name."""


class S3Code(Model, json_schema_extra=rules(bucket_name("bucket"))):
    """Code in a zip in S3, as a build puts it there. Up to 250 MB unzipped, Lambda's limit."""

    bucket: BucketName
    """Name of the bucket, in the pipeline's region. The operator must be allowed to read it."""
    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """Key of the zip."""
    version_id: Annotated[str, StringConstraints(max_length=1024)] = ""
    """Version of the object. Empty: the latest, and a new one is deployed within a minute."""


# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html
IMAGE_URI = r"^[0-9]{12}[.]dkr[.]ecr[.][a-z0-9-]+[.]amazonaws[.](com([.]cn)?|eu)/[a-z0-9._/-]+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}$"


class ImageCode(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.uri.matches('{IMAGE_URI}')",
            "uri must be an image of Amazon ECR with its digest, "
            "<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex digits>: a tag can be moved to another image",
            ".uri",
        ),
    ),
):
    """Code in a container image. Its runtime and handler are in the image: `runtime` and `handler` are not looked at."""

    uri: Annotated[str, StringConstraints(max_length=512)]
    """The image in Amazon ECR, by digest."""


SOURCES = ("inline", "configMapRef", "s3", "image")


class Code(
    Model,
    json_schema_extra=rules(
        cel(
            " + ".join(f"(has(self.{source}) ? 1 : 0)" for source in SOURCES) + " == 1",
            "exactly one code source is needed: write one of processor.code.inline, configMapRef, s3 and image",
        ),
    ),
):
    """The function's code: exactly one of the sources."""

    inline: Annotated[str, StringConstraints(min_length=1, max_length=32768)] | None = None
    """The source text of the handler's module. Up to 32 KiB; for more, use `configMapRef`."""
    config_map_ref: ConfigMapCode | None = None
    s3: S3Code | None = None
    image: ImageCode | None = None


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime; not TZ, PATH, LANG and
# the like, nor the settings of AWS's own libraries and layers, such as AWS_LAMBDA_EXEC_WRAPPER, which may all be set.
RESERVED_ENVIRONMENT = (
    "RESULTS_BUCKET",
    "RESULTS_PREFIX",
    "RESULTS_TABLE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ENVIRONMENT_LIMIT = 4096


class SecretKey(
    Model,
    json_schema_extra=rules(
        cel(f"self.key.matches('{DATA_KEY}')", "key is a key of a Secret: letters, digits, -, _ and .", ".key"),
    ),
):
    """One key of a Secret of the pipeline's namespace."""

    name: ObjectName
    """Name of the Secret."""
    key: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """Key in the Secret's data."""


class ValueFrom(Model):
    """Where a value comes from."""

    secret_key_ref: SecretKey


class EnvironmentVariable(
    Model,
    json_schema_extra=rules(
        cel(
            "self.name.matches('^[a-zA-Z][a-zA-Z0-9_]+$')",
            "an environment name is a letter followed by at least one letter, digit or underscore",
            ".name",
        ),
        cel(
            f"!(self.name in [{', '.join(repr(n) for n in RESERVED_ENVIRONMENT)}])",
            "this environment name is reserved by Lambda (AWS_REGION, AWS_ACCESS_KEY_ID, LAMBDA_TASK_ROOT, ...) or by the operator "
            "(RESULTS_BUCKET, RESULTS_PREFIX, RESULTS_TABLE): choose another",
            ".name",
        ),
        cel(
            "!has(self.valueFrom) || self.value == ''",
            "a variable has either a value or valueFrom: leave one of them out",
            ".value",
        ),
    ),
):
    """One environment variable of the function."""

    name: Annotated[str, StringConstraints(max_length=128)]
    """Name of the variable: letters, digits and underscores."""
    value: Annotated[str, StringConstraints(max_length=4096)] = ""
    """Its value, readable by whoever may read the pipeline: no place for a secret."""
    value_from: ValueFrom | None = None
    """A value from a Secret. It is written to the function alone, encrypted in the operator's state, and nowhere else; a
    change of the Secret is deployed within a minute."""


class Vpc(
    Model,
    json_schema_extra=rules(
        cel(
            "self.subnetIds.all(s, s.matches('^subnet-([0-9a-f]{8}|[0-9a-f]{17})$'))",
            "each of subnetIds is subnet- and 8 or 17 hexadecimal digits",
            ".subnetIds",
        ),
        cel(
            "self.securityGroupIds.all(s, s.matches('^sg-([0-9a-f]{8}|[0-9a-f]{17})$'))",
            "each of securityGroupIds is sg- and 8 or 17 hexadecimal digits",
            ".securityGroupIds",
        ),
    ),
):
    """The network that the function reaches. Without a NAT gateway or VPC endpoints it does not reach S3 from there."""

    subnet_ids: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=32)], ...],
        Field(min_length=1, max_length=16, json_schema_extra=LIST_SET),
    ]
    """Subnets, at least one."""
    security_group_ids: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=32)], ...],
        Field(min_length=1, max_length=5, json_schema_extra=LIST_SET),
    ]
    """Security groups, at least one."""


IDENTITY_SERVICES = ("iam", "sts", "organizations", "account", "sso", "identitystore", "rolesanywhere")
# Six parts; IAM refuses a wildcard in the service, and knows accounts, none, and `aws` for what is Amazon's own.
RESOURCE_ARN = r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*-]*:([0-9]{12}|aws|[*])?:.+$"


class Permission(
    Model,
    json_schema_extra=rules(
        cel(
            "self.actions.all(a, a.matches('^[a-z0-9-]+:[A-Za-z][A-Za-z0-9_*]*$'))",
            "an action is <service>:<operation>, for example sqs:SendMessage or dynamodb:Get*: name what the function needs",
            ".actions",
        ),
        cel(
            " && ".join(f"!self.actions.exists(a, a.startsWith('{service}:'))" for service in IDENTITY_SERVICES),
            f"a function is not given rights to change who may do what ({', '.join(IDENTITY_SERVICES)}): ask an administrator "
            "for a role elsewhere",
            ".actions",
        ),
        cel(
            f"self.resources.all(r, r == '*' || r.matches('{RESOURCE_ARN}'))",
            "a resource is an ARN, for example arn:aws:sqs:eu-west-1:123456789012:jobs, or * where the service knows nothing "
            "narrower",
            ".resources",
        ),
    ),
):
    """One more right of the function: always Allow, on the resources that are named."""

    actions: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=128)], ...],
        Field(min_length=1, max_length=30, json_schema_extra=LIST_SET),
    ]
    """IAM actions, for example `sqs:SendMessage`."""
    resources: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=512)], ...],
        Field(min_length=1, max_length=30, json_schema_extra=LIST_SET),
    ]
    """ARNs. `*` is taken, and said in an Event."""


LAYER_ARN = r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$"
RUNTIME_SCHEMA = {
    "type": "string",
    "maxLength": 32,
    "x-kubernetes-validations": [
        {
            "rule": f"!(self in [{', '.join(repr(name) for name in BLOCKED)}])",
            "message": f"this runtime is blocked by AWS: write {NEAREST.value}, or better {Runtime.PYTHON_3_13.value}",
        },
        {
            "rule": f"self in [{', '.join(repr(r.value) for r in Runtime)}] || self in [{', '.join(repr(n) for n in BLOCKED)}]",
            "message": f"runtime must be one of {', '.join(r.value for r in Runtime)}; for another language, use code.image",
        },
    ],
}


class Processor(
    Model,
    json_schema_extra=rules(
        cel(
            "self.handler.matches('^[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*[.][A-Za-z_][A-Za-z0-9_]*$')",
            "handler is <module>.<function>, for example index.handler for a function called handler in index.py",
            ".handler",
        ),
        cel(
            "!has(self.reservedConcurrency) || self.reservedConcurrency != 0",
            "reservedConcurrency: 0 would let no event be processed: write at least 1, or leave it out",
            ".reservedConcurrency",
        ),
        cel(
            f"self.layers.all(l, l.matches('{LAYER_ARN}'))",
            "a layer is the ARN of one version, arn:aws:lambda:<region>:<account>:layer:<name>:<version>",
            ".layers",
        ),
        cel(
            "self.layers.all(l, self.layers.exists_one(o, o.find('^.*:') == l.find('^.*:')))",
            "a function takes a layer in one version only: name each layer once",
            ".layers",
        ),
        cel(
            "!has(self.code.image) || size(self.layers) == 0",
            "a container image cannot have layers: put their content into the image",
            ".layers",
        ),
    ),
):
    """The Lambda function that is run for each object."""

    code: Code
    runtime: Annotated[Runtime, WithJsonSchema(RUNTIME_SCHEMA)] = Runtime.PYTHON_3_13
    """Lambda runtime, `python3.9` to `python3.14`. One that AWS has deprecated is taken with a warning, one that AWS has
    blocked is refused."""
    handler: Annotated[str, StringConstraints(max_length=128)] = "index.handler"
    """`<module>.<function>` that is called with (event, context)."""
    architecture: Architecture = Architecture.ARM64
    """Processor that the function runs on; `arm64` costs less for the same work."""
    memory_mib: Annotated[int, Field(alias="memoryMiB", ge=128, le=10240)] = 256
    """Memory of the function in MiB; processor power grows with it."""
    timeout_seconds: Annotated[int, Field(ge=1, le=900)] = 60
    """Longest run for one object, in seconds."""
    ephemeral_storage_mib: Annotated[int, Field(alias="ephemeralStorageMiB", ge=512, le=10240)] = 512
    """Size of `/tmp` in MiB."""
    reserved_concurrency: Annotated[int, Field(ge=0, le=10000)] | None = None
    """Most objects that are processed at the same time, taken from the account's limit. Absent: as many as the account
    allows. Events that find no room wait and are tried again."""
    environment: Annotated[
        tuple[EnvironmentVariable, ...],
        Field(
            max_length=100,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """Environment variables. `RESULTS_BUCKET`, `RESULTS_PREFIX` and `RESULTS_TABLE` are set by the operator."""
    layers: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=256)], ...],
        Field(max_length=5, json_schema_extra=LIST_ATOMIC),
    ] = ()
    """Layers, by the ARN of a version, in the order in which they are laid over each other."""
    vpc: Vpc | None = None
    permissions: Annotated[tuple[Permission, ...], Field(max_length=20, json_schema_extra=LIST_ATOMIC)] = ()
    """More rights of the function than reading its objects and writing its results. The administrator's permissions boundary
    still bounds them."""
    log_retention_days: LogRetention = LogRetention.DAYS_30
    """For how many days the function's log is kept."""
    log_format: FunctionLogFormat = FunctionLogFormat.TEXT
    """`Text`: as the function prints it. `JSON`: one JSON object for each line, which CloudWatch Logs can search by field."""
    tracing: Tracing = Tracing.ACTIVE
    """AWS X-Ray tracing."""
