"""The function with its role and its log group, and the destination of events that it fails to process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingestion_operator.blueprint import iam
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage, S3Package
from ingestion_operator.blueprint.ownership import Tag
from ingestion_operator.blueprint.parts.draft import Draft
from ingestion_operator.blueprint.resources import ROLE_PATH, Archive, Ref, Resource, Sensitive, as_json
from ingestion_operator.model.fields import EncryptionType
from ingestion_operator.model.processor import Processor, Tracing


def role(draft: Draft) -> Iterator[Resource]:
    """The function's role, with no more rights than the pipeline needs."""
    boundary = draft.place.permissions_boundary
    yield Resource(
        "role",
        "aws:iam/role:Role",
        {
            "name": draft.names.role,
            "path": ROLE_PATH,
            "description": f"Lets the function {draft.names.function} read its objects and write its results",
            "assume_role_policy": as_json(iam.lambda_trust(draft.place.account_id)),
            "tags": draft.tags,
            **({"permissions_boundary": boundary} if boundary else {}),
        },
    )
    yield Resource(
        "role-policy",
        "aws:iam/rolePolicy:RolePolicy",
        {"name": "pipeline", "role": Ref("role", "name"), "policy": as_json(function_policy(draft))},
    )


def function_policy(draft: Draft) -> iam.Policy:
    """The policy with everything that the function may do, and nothing else."""
    return iam.document(
        *_data_statements(draft), *_running_statements(draft), *_extra_statements(draft), *_denied_statements(draft)
    )


def _data_statements(draft: Draft) -> Iterator[iam.Statement]:
    source, results, place = draft.spec.source, draft.spec.results, draft.place
    via_s3 = place.service("s3")
    yield iam.read_objects(draft.source_arn, source.filter.prefixes)
    if source.bucket.encryption.type is EncryptionType.KMS:
        yield iam.read_with_key("UseSourceKey", source.bucket.encryption.key_arn, via_s3)
    if results is not None and results.bucket is not None:
        yield iam.write_objects(place.bucket_arn(draft.names.results.name), draft.names.results_prefix)
        if results.bucket.encryption.type is EncryptionType.KMS:
            yield iam.write_with_key("UseResultsKey", results.bucket.encryption.key_arn, via_s3)
    if draft.names.table:
        yield iam.use_items(place.arn("dynamodb", f"table/{draft.names.table.name}"))


def _running_statements(draft: Draft) -> Iterator[iam.Statement]:
    yield iam.send_failures(draft.queue_arn)
    yield iam.write_log(draft.place.arn("logs", f"log-group:{draft.names.log_group}"))
    if draft.spec.processor.tracing is Tracing.ACTIVE:
        yield iam.send_traces()
    if draft.spec.processor.vpc is not None:
        yield from iam.join_network(draft.function_arn)


def _extra_statements(draft: Draft) -> Iterator[iam.Statement]:
    for number, extra in enumerate(draft.spec.processor.permissions, 1):
        yield iam.allow(f"Extra{number}", extra.actions, extra.resources)


def _denied_statements(draft: Draft) -> Iterator[iam.Statement]:
    """What no right of the function reaches, however wide it is: a permissions boundary may be missing."""
    # The ARNs, and not the values of the tags, tell its own from others': a pipeline that is created again has a new uid, and its
    # resources get the new tags one after the other.
    own = [draft.function_arn, f"{draft.function_arn}:*", draft.queue_arn, draft.rule_arn]
    yield iam.spare_other_pipelines(own, Tag.CLUSTER)
    yield iam.spare_roles(draft.place.role_arn(f"{ROLE_PATH.removeprefix('/')}*"))
    if draft.state_bucket:
        yield iam.spare_state(draft.place.bucket_arn(draft.state_bucket))


def function(draft: Draft) -> Iterator[Resource]:
    """The log group, the function, and how often and for how long Lambda retries the function for one event."""
    yield Resource(
        "log-group",
        "aws:cloudwatch/logGroup:LogGroup",
        {
            "name": draft.names.log_group,
            "retention_in_days": draft.spec.processor.log_retention_days.value,
            "tags": draft.tags,
        },
    )
    yield Resource(
        "function",
        "aws:lambda/function:Function",
        {
            "name": draft.names.function,
            "description": f"IngestionPipeline {draft.owner.key}",
            "role": Ref("role", "arn"),
            **_code(draft),
            **_options(draft.spec.processor),
            "logging_config": {
                "log_format": draft.spec.processor.log_format.value,
                "log_group": draft.names.log_group,
            },
            "tags": draft.tags,
            **({"environment": {"variables": variables}} if (variables := environment(draft)) else {}),
        },
        # Without the policy, the function could not read the first object yet. Without the log group, Lambda would
        # create one that keeps its logs forever.
        depends_on=("role-policy", "log-group"),
    )
    yield Resource(
        "function-invoke-config",
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        {
            "function_name": Ref("function", "name"),
            "maximum_retry_attempts": draft.spec.delivery.processing_attempts,
            "maximum_event_age_in_seconds": draft.spec.delivery.processing_maximum_age_seconds,
            "destination_config": {"on_failure": {"destination": Ref("dead-letter-queue", "arn")}},
        },
    )


def _code(draft: Draft) -> dict[str, Any]:
    code, processor = draft.code, draft.spec.processor
    if isinstance(code, ContainerImage):
        return {"package_type": "Image", "image_uri": code.uri}
    run_by: dict[str, Any] = {"runtime": processor.runtime.value, "handler": processor.handler}
    if processor.layers:
        run_by["layers"] = list(processor.layers)
    if isinstance(code, CodeBundle):
        return {**run_by, "code": Archive(code.sha256), "code_sha256": code.sha256_base64}
    return {**run_by, **_package(code)}


def _package(code: S3Package) -> dict[str, Any]:
    version = {"s3_object_version": code.version_id} if code.version_id else {}
    return {"s3_bucket": code.bucket, "s3_key": code.key, **version, "code_sha256": code.sha256_base64}


def _options(processor: Processor) -> dict[str, Any]:
    options: dict[str, Any] = {
        "architectures": [processor.architecture.value],
        "memory_size": processor.memory_mib,
        "timeout": processor.timeout_seconds,
        "ephemeral_storage": {"size": processor.ephemeral_storage_mib},
        "tracing_config": {"mode": processor.tracing.value},
    }
    if processor.reserved_concurrency is not None:
        options["reserved_concurrent_executions"] = processor.reserved_concurrency
    if processor.vpc is not None:
        options["vpc_config"] = {
            "subnet_ids": list(processor.vpc.subnet_ids),
            "security_group_ids": list(processor.vpc.security_group_ids),
        }
    return options


def environment(draft: Draft) -> dict[str, str | Sensitive]:
    """The function's environment: the user's variables, and the places for the results."""
    variables: dict[str, str | Sensitive] = {
        variable.name: draft.secrets[variable.value_from.secret_key_ref] if variable.value_from else variable.value
        for variable in draft.spec.processor.environment
    }
    if draft.names.results:
        variables |= {"RESULTS_BUCKET": draft.names.results.name, "RESULTS_PREFIX": draft.names.results_prefix}
    if draft.names.table:
        variables["RESULTS_TABLE"] = draft.names.table.name
    return variables
