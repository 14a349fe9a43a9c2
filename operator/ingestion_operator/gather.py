"""Gathering: all the reading that has to be done before a decision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ingestion_operator import code as packing
from ingestion_operator import references
from ingestion_operator.accounts import access_for, refuse_another_account
from ingestion_operator.advice import Advice, advice_on, sharing
from ingestion_operator.blueprint import blueprint
from ingestion_operator.decide import Observed
from ingestion_operator.errors import PipelineError, SpecInvalid
from ingestion_operator.model.pipeline import Identity, PipelineKey, parse_spec
from ingestion_operator.model.processor import ENVIRONMENT_LIMIT, Processor
from ingestion_operator.model.runtimes import block
from ingestion_operator.model.source import PATTERN_LIMIT, Filter, Management
from ingestion_operator.model.spec import Spec
from ingestion_operator.naming import Owner
from ingestion_operator.overlap import overlap
from ingestion_operator.parts.draft import Secrets
from ingestion_operator.ports import Looks
from ingestion_operator.references import Objects
from ingestion_operator.resources import Blueprint, Sensitive


@dataclass(frozen=True)
class Gatherer:
    """Reads what a pipeline refers to and puts it together."""

    cluster: Objects
    cloud: Looks
    default_region: str
    today: date

    def observe(self, body: Mapping[str, Any], identity: Identity) -> Observed:
        """Everything a decision needs; what is wrong is part of it, not raised."""
        try:
            spec = parse_spec(body)
        except SpecInvalid as problem:
            return Observed(identity, problem=problem)
        try:
            found = self._blueprint(spec, identity)
            return Observed(identity, spec, found, advice=tuple(self._advice(spec, identity.key)))
        except PipelineError as problem:
            return Observed(identity, spec, problem=problem)

    def _blueprint(self, spec: Spec, identity: Identity) -> Blueprint:
        exists = identity.status.is_built
        if blocked := block(spec.processor.runtime, self.today, exists=exists) if _has_runtime(spec.processor) else "":
            raise SpecInvalid(f"processor.{blocked}")
        region = spec.region or self.default_region
        access = access_for(self.cluster, identity, region)
        cloud = self.cloud.using(access)
        code = references.function_code(self.cluster, cloud, spec.processor, identity.key.namespace, region)
        packing.check(code, spec.processor)
        secrets = self._secrets(spec.processor, identity.key.namespace)
        place = cloud.place(region)
        refuse_another_account(identity, place)
        owner = Owner(self.cluster.cluster_id(), identity.key, identity.uid)
        found = blueprint(spec, owner, place, code, secrets, access)
        _refuse_endless_loop(spec, found)
        _refuse_other_regions(spec, place.region)
        _refuse_what_aws_would_not_take(found)
        references.check(cloud, spec, found)
        return found

    def _secrets(self, processor: Processor, namespace: str) -> Secrets:
        wanted = [v.value_from.secret_key_ref for v in processor.environment if v.value_from]
        return {key: references.secret_value(self.cluster, namespace, key) for key in wanted}

    def _advice(self, spec: Spec, key: PipelineKey) -> Iterator[Advice]:
        yield from advice_on(spec, self.today)
        if spec.source.bucket.management is Management.EXISTING:
            yield from sharing(key, spec, self.cluster.pipelines())


def _has_runtime(processor: Processor) -> bool:
    return processor.code.image is None


def _refuse_other_regions(spec: Spec, region: str) -> None:
    """Admission compares with spec.region; without one the pipeline is in the operator's region, known only here."""
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


def _refuse_what_aws_would_not_take(found: Blueprint) -> None:
    """Admission bounds what is written in the spec; what becomes of it, with Secrets and names, is only known here."""
    inputs = {resource.name: resource.inputs for resource in found.resources}
    variables = inputs["function"].get("environment", {}).get("variables", {})
    plain = {name: value.value if isinstance(value, Sensitive) else value for name, value in variables.items()}
    # As Lambda measures them: "String measured: {...}".
    size = len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())
    if size > ENVIRONMENT_LIMIT:
        raise SpecInvalid(
            f"processor.environment is {size} bytes long with the values from Secrets and the names of the results, and Lambda "
            f"takes {ENVIRONMENT_LIMIT}: put larger settings into a file of the code, or have the function read them itself"
        )
    if (length := len(inputs["rule"]["event_pattern"])) > PATTERN_LIMIT:
        raise SpecInvalid(
            f"source.filter makes an event pattern of {length} characters, and EventBridge takes {PATTERN_LIMIT}: write fewer or "
            "shorter prefixes and suffixes"
        )


def _refuse_endless_loop(spec: Spec, found: Blueprint) -> None:
    """Admission refuses a loop by name; one through the generated name of the source bucket is only seen here."""
    if not found.names.results or found.names.results.name != found.names.source.name:
        return
    prefix = found.names.results_prefix
    if overlap(spec.source.filter, Filter(prefixes=(prefix,) if prefix else ())):
        raise SpecInvalid(
            "results.bucket is the source bucket and its prefix is inside the filter: each result would start the function "
            "again, without end. Write results under a prefix outside source.filter.prefixes or inside excludePrefixes"
        )
