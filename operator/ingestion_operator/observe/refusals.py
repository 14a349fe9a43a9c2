"""Refuses specs that admission cannot refuse, because the fault shows only in the cluster or in AWS."""

from __future__ import annotations

import json

from ingestion_operator.blueprint.filter_overlap import overlap
from ingestion_operator.blueprint.function_code import CodeBundle, FunctionCode, handler_module
from ingestion_operator.blueprint.resources import Blueprint, Sensitive
from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.environment import ENVIRONMENT_LIMIT
from ingestion_operator.model.processor import Processor
from ingestion_operator.model.source import PATTERN_LIMIT, Filter
from ingestion_operator.model.spec import LOOP, Spec
from ingestion_operator.wording import few

FILES_LIMIT = 1000
"""Files of one ConfigMap. Kubernetes limits only their size, to 1 MiB, and that may be 100,000 empty files."""


def has_runtime(processor: Processor) -> bool:
    """Whether Lambda provides the runtime. An image contains its own."""
    return processor.code.image is None


def refuse_missing_module(code: FunctionCode, processor: Processor) -> None:
    """Raise SpecInvalid if the file that the handler names is missing, or if there are too many files to check.

    A zip in S3 or an image is not looked at, because the operator does not have its files.
    """
    if not isinstance(code, CodeBundle):
        return
    names, module = [name for name, _ in code.files], handler_module(processor.handler)
    if module not in names:
        raise SpecInvalid(
            f"processor.handler {processor.handler!r} needs a file {module}, but the code has: {few(names) or 'no file'}"
        )
    if len(names) > FILES_LIMIT:
        raise SpecInvalid(
            f"the ConfigMap of the code has {len(names):,} files, but the operator takes {FILES_LIMIT:,}: upload a zip file and name "
            "it in processor.code.s3"
        )


def refuse_other_regions(spec: Spec, region: str) -> None:
    """Raise SpecInvalid for a layer, image or key of another region.

    Admission compares them with spec.region. If that is empty, the operator's region applies, which admission does not know.
    """
    key, image = spec.source.bucket.encryption.key_arn, spec.processor.code.image
    named = {
        "a layer": [layer for layer in spec.processor.layers if f":lambda:{region}:" not in layer],
        "the image": [image.uri] if image and f".ecr.{region}." not in image.uri else [],
        "the source bucket's key": [key] if key and f":kms:{region}:" not in key else [],
    }
    for what, wrong in named.items():
        if wrong:
            raise SpecInvalid(
                f"the pipeline is in {region} and {what} is not: {', '.join(wrong)}; name one of {region}"
            )


def refuse_what_aws_would_not_take(blueprint: Blueprint) -> None:
    """Raise SpecInvalid for an environment or an event pattern that is too long for AWS.

    Admission bounds the spec. Its length with the values from Secrets and with generated names is known only here.
    """
    inputs = {resource.name: resource.inputs for resource in blueprint.resources}
    variables = inputs["function"].get("environment", {}).get("variables", {})
    plain = {name: value.value if isinstance(value, Sensitive) else value for name, value in variables.items()}
    # Lambda measures the variables as JSON. Its error says "String measured: {...}".
    size = len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())
    if size > ENVIRONMENT_LIMIT:
        raise SpecInvalid(
            f"processor.environment is {size} bytes long with the values from Secrets and the names of the results, but Lambda "
            f"accepts {ENVIRONMENT_LIMIT}: put larger settings into a file of the code, or have the function read them itself"
        )
    if (length := len(inputs["rule"]["event_pattern"])) > PATTERN_LIMIT:
        raise SpecInvalid(
            f"source.filter makes an event pattern of {length} characters, but EventBridge accepts {PATTERN_LIMIT}: write fewer or "
            "shorter prefixes and suffixes"
        )


def refuse_the_state_bucket(spec: Spec, state_bucket: str) -> None:
    """Raise SpecInvalid if the spec names the bucket in which the operator keeps the state of all pipelines.

    Its function could otherwise read and write the state there. A right on a wider resource, for example `*`, does not reach the
    bucket, because the policy of the function denies it. A bucket that the operator makes needs no check: it has owner's tags.
    """
    code, results = spec.processor.code.s3, spec.results.bucket if spec.results else None
    named = {
        "source.bucket.name": spec.source.bucket.name,
        "results.bucket.name": results.name if results else "",
        "processor.code.s3.bucket": code.bucket if code else "",
        **{f"processor.permissions, {arn}": _bucket_in(arn) for p in spec.processor.permissions for arn in p.resources},
    }
    if wrong := [field for field, bucket in named.items() if bucket and bucket == state_bucket]:
        raise SpecInvalid(
            f"the operator keeps its own state in bucket {state_bucket}, and no pipeline may use it: name another bucket in {few(wrong)}"
        )


def _bucket_in(arn: str) -> str:
    """The bucket that an ARN of S3 names; empty for other services."""
    service, resource = (*arn.split(":", 5)[2::3], "", "")[:2]
    return resource.partition("/")[0] if service == "s3" else ""


def refuse_endless_loop(spec: Spec, blueprint: Blueprint) -> None:
    """Raise SpecInvalid if results would start the function again.

    Admission refuses a loop that the spec names. Only this check sees a loop through the generated name of the source bucket.
    """
    if not blueprint.names.results or blueprint.names.results.name != blueprint.names.source.name:
        return
    prefix = blueprint.names.results_prefix
    if overlap(spec.source.filter, Filter(prefixes=(prefix,) if prefix else ())):
        raise SpecInvalid(LOOP)
