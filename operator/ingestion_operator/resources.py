"""What a pipeline is in AWS, as data: a list of resources with their inputs and the references between them.

The Pulumi program registers this list and nothing else; `render`, the fingerprint, progress and the golden files read it too.
Input names are those of pulumi-aws: https://www.pulumi.com/registry/packages/aws/api-docs/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ingestion_operator import policy
from ingestion_operator.code import CodeBundle
from ingestion_operator.model.processor import Tracing
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import Outputs
from ingestion_operator.naming import (
    BUCKET_LIMIT,
    FUNCTION_LIMIT,
    ROLE_LIMIT,
    RULE_LIMIT,
    Owner,
    physical_name,
)
from ingestion_operator.pattern import object_created

# EventBridge's and Lambda's own defaults, written down so that they are what a reader sees and drift is noticed.
DELIVERY_ATTEMPTS = 185
DELIVERY_AGE_SECONDS = 86400
PROCESSING_RETRIES = 2
PROCESSING_AGE_SECONDS = 21600
NONCURRENT_VERSION_DAYS = 90
ABORT_MULTIPART_DAYS = 7


@dataclass(frozen=True)
class Ref:
    """An attribute of another resource of the list, known only once that exists."""

    resource: str
    attribute: str


@dataclass(frozen=True)
class Archive:
    """The zip with the function's code."""

    sha256: str


@dataclass(frozen=True)
class Resource:
    """One resource: its name in the stack, its Pulumi type and its inputs."""

    name: str
    type: str
    inputs: Mapping[str, Any]
    depends_on: tuple[str, ...] = ()
    holds_data: bool = False
    """Never deleted by the engine, whatever changes: only the operator's own, confirmed disposal deletes data."""


@dataclass(frozen=True)
class Place:
    """Where a pipeline is built: account, region and partition (`aws`, `aws-cn`, `aws-us-gov`)."""

    account_id: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def bucket_arn(self, bucket: str) -> str:
        """The ARN of a bucket, which names neither account nor region."""
        return f"arn:{self.partition}:s3:::{bucket}"


@dataclass(frozen=True)
class Names:
    """The physical names of one pipeline."""

    source_bucket: str
    results_bucket: str
    results_prefix: str
    results_made: bool
    role: str
    function: str
    rule: str

    @property
    def log_group(self) -> str:
        """The log group that Lambda writes to unless told otherwise."""
        return f"/aws/lambda/{self.function}"

    @property
    def data_buckets(self) -> tuple[str, ...]:
        """The buckets that the pipeline makes and that may hold data."""
        return (self.source_bucket, self.results_bucket) if self.results_made else (self.source_bucket,)


@dataclass(frozen=True)
class Blueprint:
    """All resources of one pipeline, in the order in which they can be made."""

    owner: Owner
    place: Place
    names: Names
    code: CodeBundle
    resources: tuple[Resource, ...] = field(default=())

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that goes into an update: equal fingerprints need no update."""
        document = {
            "place": [self.place.account_id, self.place.region, self.place.partition],
            "resources": [[r.name, r.type, r.inputs, r.depends_on, r.holds_data] for r in self.resources],
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True, default=repr).encode()).hexdigest()

    @property
    def outputs(self) -> Outputs:
        """Names and addresses of what is made; known beforehand, as all names are deterministic."""
        names, place = self.names, self.place
        return Outputs(
            bucket_name=names.source_bucket,
            bucket_arn=place.bucket_arn(names.source_bucket),
            function_name=names.function,
            function_arn=place.arn("lambda", f"function:{names.function}"),
            rule_arn=place.arn("events", f"rule/{names.rule}"),
            results_bucket=names.results_bucket,
            results_prefix=names.results_prefix,
            log_group=names.log_group,
        )


def names_of(spec: Spec, owner: Owner) -> Names:
    """The physical names of a pipeline."""
    results = spec.results.bucket if spec.results else None
    made = results is not None and not results.name
    generated = physical_name(owner, "results", BUCKET_LIMIT)
    return Names(
        source_bucket=spec.source.bucket.name or physical_name(owner, "data", BUCKET_LIMIT),
        results_bucket=(results.name or generated) if results else "",
        results_prefix=results.prefix if results else "",
        results_made=made,
        role=physical_name(owner, "role", ROLE_LIMIT),
        function=physical_name(owner, "fn", FUNCTION_LIMIT),
        rule=physical_name(owner, "rule", RULE_LIMIT),
    )


def blueprint(spec: Spec, owner: Owner, place: Place, code: CodeBundle) -> Blueprint:
    """All resources that this spec asks for."""
    names = names_of(spec, owner)
    tags = {**spec.tags, **owner.tags()}
    parts = _Parts(spec, place, names, tags, code)
    return Blueprint(owner, place, names, code, tuple(parts.all()))


@dataclass(frozen=True)
class _Parts:
    """The pieces of a blueprint, each a group of resources."""

    spec: Spec
    place: Place
    names: Names
    tags: dict[str, str]
    code: CodeBundle

    def all(self) -> Iterator[Resource]:
        yield from self.bucket("source", self.names.source_bucket)
        yield self.notification()
        if self.names.results_made:
            yield from self.bucket("results", self.names.results_bucket)
        yield from self.role()
        yield from self.function()
        yield from self.delivery()

    def bucket(self, role: str, name: str) -> Iterator[Resource]:
        """A bucket that is encrypted, private, TLS only, versioned and cleans up after itself."""
        main = f"{role}-bucket"
        ref = Ref(main, "bucket")
        yield Resource(main, "aws:s3/bucket:Bucket", {"bucket": name, "tags": self.tags}, holds_data=True)
        for kind, inputs in _bucket_settings(self.place.bucket_arn(name)).items():
            logical = f"{role}-{_SETTING_NAMES[kind]}"
            yield Resource(
                logical,
                f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}",
                {"bucket": ref, **inputs},
                holds_data=True,
            )

    def notification(self) -> Resource:
        return Resource(
            "source-notification",
            "aws:s3/bucketNotification:BucketNotification",
            {"bucket": Ref("source-bucket", "bucket"), "eventbridge": True},
        )

    def role(self) -> Iterator[Resource]:
        yield Resource(
            "role",
            "aws:iam/role:Role",
            {
                "name": self.names.role,
                "description": f"Lets the function {self.names.function} read its objects and write its results",
                "assume_role_policy": _json(policy.lambda_trust(self.place.account_id)),
                "tags": self.tags,
            },
        )
        yield Resource(
            "role-policy",
            "aws:iam/rolePolicy:RolePolicy",
            {"name": "pipeline", "role": Ref("role", "name"), "policy": _json(self.function_policy())},
        )

    def function_policy(self) -> policy.Policy:
        """What the function may do, and nothing else."""
        names, place = self.names, self.place
        statements = [policy.read_objects(place.bucket_arn(names.source_bucket), self.spec.source.filter.prefixes)]
        if names.results_bucket:
            statements.append(policy.write_objects(place.bucket_arn(names.results_bucket), names.results_prefix))
        statements.append(policy.write_log(place.arn("logs", f"log-group:{names.log_group}")))
        if self.spec.processor.tracing is Tracing.ACTIVE:
            statements.append(policy.send_traces())
        return policy.document(*statements)

    def function(self) -> Iterator[Resource]:
        processor = self.spec.processor
        environment = self.environment()
        yield Resource(
            "log-group",
            "aws:cloudwatch/logGroup:LogGroup",
            {
                "name": self.names.log_group,
                "retention_in_days": processor.log_retention_days.value,
                "tags": self.tags,
            },
        )
        yield Resource(
            "function",
            "aws:lambda/function:Function",
            {
                "name": self.names.function,
                "description": f"IngestionPipeline {self.tags['ingestion-operator.io/namespace']}/"
                f"{self.tags['ingestion-operator.io/name']}",
                "role": Ref("role", "arn"),
                "runtime": processor.runtime.value,
                "handler": processor.handler,
                "code": Archive(self.code.sha256),
                "code_sha256": self.code.sha256_base64,
                "architectures": [processor.architecture.value],
                "memory_size": processor.memory_mib,
                "timeout": processor.timeout_seconds,
                "tracing_config": {"mode": processor.tracing.value},
                "tags": self.tags,
                **({"environment": {"variables": environment}} if environment else {}),
            },
            # Without the policy a first object could arrive before the function may read it; without the log group
            # Lambda would make one of its own, kept for ever.
            depends_on=("role-policy", "log-group"),
        )
        yield Resource(
            "function-invoke-config",
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            {
                "function_name": Ref("function", "name"),
                "maximum_retry_attempts": PROCESSING_RETRIES,
                "maximum_event_age_in_seconds": PROCESSING_AGE_SECONDS,
            },
        )

    def environment(self) -> dict[str, str]:
        found = {variable.name: variable.value for variable in self.spec.processor.environment}
        if self.names.results_bucket:
            found |= {
                "RESULTS_BUCKET": self.names.results_bucket,
                "RESULTS_PREFIX": self.names.results_prefix,
            }
        return found

    def delivery(self) -> Iterator[Resource]:
        yield Resource(
            "rule",
            "aws:cloudwatch/eventRule:EventRule",
            {
                "name": self.names.rule,
                "description": f"New objects of {self.names.source_bucket} for {self.names.function}",
                "event_pattern": _json(object_created(self.names.source_bucket, self.spec.source.filter)),
                "state": "ENABLED",
                "tags": self.tags,
            },
        )
        yield Resource(
            "permission",
            "aws:lambda/permission:Permission",
            {
                "statement_id": "AllowRule",
                "action": "lambda:InvokeFunction",
                "function": Ref("function", "name"),
                "principal": "events.amazonaws.com",
                "source_arn": Ref("rule", "arn"),
                "source_account": self.place.account_id,
            },
        )
        yield Resource(
            "target",
            "aws:cloudwatch/eventTarget:EventTarget",
            {
                "rule": Ref("rule", "name"),
                "target_id": "function",
                "arn": Ref("function", "arn"),
                "retry_policy": {
                    "maximum_retry_attempts": DELIVERY_ATTEMPTS,
                    "maximum_event_age_in_seconds": DELIVERY_AGE_SECONDS,
                },
            },
            # EventBridge does not retry a refused invocation: the permission comes first.
            depends_on=("permission",),
        )


_SETTING_NAMES = {
    "BucketServerSideEncryptionConfiguration": "encryption",
    "BucketPublicAccessBlock": "public-access-block",
    "BucketVersioning": "versioning",
    "BucketLifecycleConfiguration": "lifecycle",
    "BucketPolicy": "bucket-policy",
}


def _bucket_settings(arn: str) -> dict[str, dict[str, Any]]:
    lifecycle = {
        "id": "clean-up",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrent_version_expiration": {"noncurrent_days": NONCURRENT_VERSION_DAYS},
        "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_MULTIPART_DAYS},
    }
    return {
        "BucketServerSideEncryptionConfiguration": {
            "rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]
        },
        "BucketPublicAccessBlock": {
            "block_public_acls": True,
            "block_public_policy": True,
            "ignore_public_acls": True,
            "restrict_public_buckets": True,
        },
        "BucketVersioning": {"versioning_configuration": {"status": "Enabled"}},
        "BucketLifecycleConfiguration": {"rules": [lifecycle]},
        "BucketPolicy": {"policy": _json(policy.tls_only(arn))},
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)
