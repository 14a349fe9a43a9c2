"""`spec.processor`: the Lambda function that processes each object."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, WithJsonSchema

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.code import Code
from ingestion_operator.model.environment import EnvironmentVariable
from ingestion_operator.model.fields import LIST_ATOMIC, LIST_SET
from ingestion_operator.model.runtimes import BLOCKED, NEAREST, Architecture, Runtime


class Tracing(StrEnum):
    """The modes of AWS X-Ray tracing."""

    ACTIVE = "Active"
    PASS_THROUGH = "PassThrough"  # noqa: S105 - a mode, not a password


class FunctionLogFormat(StrEnum):
    """The formats of the log lines of the function."""

    TEXT = "Text"
    JSON = "JSON"


class LogRetention(IntEnum):
    """The retention times that CloudWatch Logs offers, in days."""

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


class Vpc(
    Model,
    json_schema_extra=rules(
        cel(
            "self.subnetIds.all(s, s.matches('^subnet-([0-9a-f]{8}|[0-9a-f]{17})$'))",
            "every entry of subnetIds must be subnet- followed by 8 or 17 hexadecimal digits",
            ".subnetIds",
        ),
        cel(
            "self.securityGroupIds.all(s, s.matches('^sg-([0-9a-f]{8}|[0-9a-f]{17})$'))",
            "every entry of securityGroupIds must be sg- followed by 8 or 17 hexadecimal digits",
            ".securityGroupIds",
        ),
    ),
):
    """The VPC that the function runs in. If it is absent, the function runs outside of a VPC.

    In a VPC the function reaches S3 only through a NAT gateway or a VPC endpoint.
    """

    subnet_ids: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=32)], ...],
        Field(min_length=1, max_length=16, json_schema_extra=LIST_SET),
    ]
    """The IDs of the subnets. At least one is needed. Use subnets in two zones for high availability."""
    security_group_ids: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=32)], ...],
        Field(min_length=1, max_length=5, json_schema_extra=LIST_SET),
    ]
    """The IDs of the security groups. At least one is needed."""


IDENTITY_SERVICES = ("iam", "sts", "organizations", "account", "sso", "identitystore", "rolesanywhere")
# An ARN has six parts. IAM refuses a wildcard in the service. The account may be a number, empty, or `aws` for
# resources that Amazon owns.
RESOURCE_ARN = r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*-]*:([0-9]{12}|aws|[*])?:.+$"


class Permission(
    Model,
    json_schema_extra=rules(
        cel(
            "self.actions.all(a, a.matches('^[a-z0-9-]+:[A-Za-z][A-Za-z0-9_*]*$'))",
            "an action must be <service>:<operation>, for example sqs:SendMessage or dynamodb:Get*: name what the function needs",
            ".actions",
        ),
        cel(
            " && ".join(f"!self.actions.exists(a, a.startsWith('{service}:'))" for service in IDENTITY_SERVICES),
            f"a function cannot get rights that change who may do what ({', '.join(IDENTITY_SERVICES)}): leave these actions "
            "out, and ask an administrator to do this work outside of the pipeline",
            ".actions",
        ),
        cel(
            f"self.resources.all(r, r == '*' || r.matches('{RESOURCE_ARN}'))",
            "a resource must be an ARN, for example arn:aws:sqs:eu-west-1:123456789012:jobs; write * only if the service does "
            "not accept a narrower resource",
            ".resources",
        ),
    ),
):
    """Each entry becomes a statement in the IAM policy of the function. It allows the actions on the resources."""

    actions: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=128)], ...],
        Field(min_length=1, max_length=30, json_schema_extra=LIST_SET),
    ]
    """The IAM actions, for example `sqs:SendMessage`. `*` is accepted in the name of the operation, but not as the
    name of the service. Actions of services that manage identities, such as IAM, are not accepted."""
    resources: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=512)], ...],
        Field(min_length=1, max_length=30, json_schema_extra=LIST_SET),
    ]
    """The ARNs of the resources. `*` is accepted, but the operator reports it in a warning Event."""


LAYER_ARN = r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$"
RUNTIME_SCHEMA = {
    "type": "string",
    "maxLength": 32,
    "x-kubernetes-validations": [
        {
            "rule": f"!(self in [{', '.join(repr(name) for name in BLOCKED)}])",
            "message": f"AWS has blocked this runtime: write {NEAREST.value}, or better {Runtime.PYTHON_3_13.value}",
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
            "handler must be <module>.<function>, for example index.handler for the function handler in the file index.py",
            ".handler",
        ),
        cel(
            "!has(self.reservedConcurrency) || self.reservedConcurrency != 0",
            "with reservedConcurrency: 0 the function would process no event: write at least 1, or leave out reservedConcurrency",
            ".reservedConcurrency",
        ),
        cel(
            f"self.layers.all(l, l.matches('{LAYER_ARN}'))",
            "a layer must be the ARN of a layer version, arn:aws:lambda:<region>:<account>:layer:<name>:<version>",
            ".layers",
        ),
        cel(
            "self.layers.all(l, self.layers.exists_one(o, o.find('^.*:') == l.find('^.*:')))",
            "a function can use only one version of a layer: name each layer once",
            ".layers",
        ),
        cel(
            "!has(self.code.image) || size(self.layers) == 0",
            "a container image cannot have layers: put their content into the image",
            ".layers",
        ),
    ),
):
    """The Lambda function that processes each object."""

    code: Code
    runtime: Annotated[Runtime, WithJsonSchema(RUNTIME_SCHEMA)] = Runtime.PYTHON_3_13
    """The Lambda runtime, from `python3.9` to `python3.14`. The default is `python3.13`. A runtime that AWS has
    deprecated is accepted with a warning. A runtime that AWS has blocked is refused."""
    handler: Annotated[str, StringConstraints(max_length=128)] = "index.handler"
    """The function that Lambda calls with `(event, context)`, as `<module>.<function>`. The default is
    `index.handler`: the function `handler` in the file `index.py`."""
    architecture: Architecture = Architecture.ARM64
    """The type of CPU that the function runs on. The default is `arm64`, which costs less than `x86_64` for the same
    work."""
    memory_mib: Annotated[int, Field(alias="memoryMiB", ge=128, le=10240)] = 256
    """The memory of the function, in MiB. The default is 256. A function with more memory also gets more CPU."""
    timeout_seconds: Annotated[int, Field(ge=1, le=900)] = 60
    """The longest time that the function may run for one object, in seconds. The default is 60. Lambda stops a
    longer run."""
    ephemeral_storage_mib: Annotated[int, Field(alias="ephemeralStorageMiB", ge=512, le=10240)] = 512
    """The size of the folder `/tmp` of the function, in MiB. The default is 512."""
    reserved_concurrency: Annotated[int, Field(ge=0, le=10000)] | None = None
    """The function processes at most this many objects at the same time. AWS reserves this number from the limit of
    the account. If the field is absent, the function may use all free concurrency of the account. Further events
    wait, and Lambda tries them again."""
    environment: Annotated[
        tuple[EnvironmentVariable, ...],
        Field(
            max_length=100,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """The environment variables of the function. The operator itself sets `RESULTS_BUCKET`, `RESULTS_PREFIX` and
    `RESULTS_TABLE`. All variables together may take at most 4,096 bytes."""
    layers: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=256)], ...],
        Field(max_length=5, json_schema_extra=LIST_ATOMIC),
    ] = ()
    """The ARNs of the layer versions that the function uses. Files of a later layer replace files of an earlier one.
    The layers must be in the region of the pipeline. A container image cannot have layers."""
    vpc: Vpc | None = None
    permissions: Annotated[tuple[Permission, ...], Field(max_length=20, json_schema_extra=LIST_ATOMIC)] = ()
    """Further rights of the function. By default the function may only read its objects, write its results, its log
    and its traces, and send failed events to its queue. The administrator's permissions boundary limits all of
    these rights."""
    log_retention_days: LogRetention = LogRetention.DAYS_30
    """CloudWatch Logs keeps the log of the function for this number of days. The default is 30."""
    log_format: FunctionLogFormat = FunctionLogFormat.TEXT
    """The format of the log lines. With `Text`, the default, Lambda writes a line as the function prints it. With
    `JSON`, Lambda writes one JSON object for each line, and CloudWatch Logs can search it by field."""
    tracing: Tracing = Tracing.ACTIVE
    """The mode of AWS X-Ray tracing. With `Active`, the default, Lambda samples requests and records their traces. With
    `PassThrough`, Lambda records a trace only if the caller asks for it."""
