"""Gathering: everything that the operator reads before a decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.parts.draft import Secrets
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import PipelineError, SpecInvalid
from ingestion_operator.model.pipeline import PipelineKey, PipelineRecord, parse_spec
from ingestion_operator.model.processor import Processor
from ingestion_operator.model.runtimes import block
from ingestion_operator.model.source import Management
from ingestion_operator.model.spec import Spec
from ingestion_operator.observe import references
from ingestion_operator.observe.account_choice import access_for, refuse_another_account
from ingestion_operator.observe.advice import Advice, advice_on, sharing
from ingestion_operator.observe.observed import Buildable, Observed, Unbuildable
from ingestion_operator.observe.refusals import (
    has_runtime,
    refuse_endless_loop,
    refuse_missing_module,
    refuse_other_regions,
    refuse_the_state_bucket,
    refuse_what_aws_would_not_take,
)
from ingestion_operator.ports.cloud import CloudReader
from ingestion_operator.ports.cluster import Objects
from ingestion_operator.ports.code_check import CodeCheck


@dataclass(frozen=True)
class Gatherer:
    """Reads what a pipeline refers to, and assembles its blueprint."""

    cluster: Objects
    cloud: CloudReader
    code_check: CodeCheck
    default_region: str
    today: date
    state_bucket: str = ""
    """The bucket in which the operator keeps its state; empty if the state is not in S3."""

    def observe(self, body: Mapping[str, Any], record: PipelineRecord) -> Observed:
        """Everything that a decision needs. A problem becomes part of the result and is not raised."""
        return Observed(record, self._wanted(body, record))

    def _wanted(self, body: Mapping[str, Any], record: PipelineRecord) -> Buildable | Unbuildable:
        spec: Spec | None = None
        try:
            spec = parse_spec(body)
            return Buildable(spec, self._blueprint(spec, record), tuple(self._advice(spec, record.key)))
        except PipelineError as problem:
            return Unbuildable(problem, spec)

    def _blueprint(self, spec: Spec, record: PipelineRecord) -> Blueprint:
        exists = record.status.is_built
        if blocked := block(spec.processor.runtime, self.today, exists=exists) if has_runtime(spec.processor) else "":
            raise SpecInvalid(f"processor.{blocked}")
        refuse_the_state_bucket(spec, self.state_bucket)
        region = spec.region or self.default_region
        access = access_for(self.cluster, record, region)
        cloud = self.cloud.using(access)
        code = references.function_code(self.cluster, cloud, spec.processor, record.key.namespace, region)
        refuse_missing_module(code, spec.processor)
        secrets = self._secrets(spec.processor, record.key.namespace)
        place = cloud.place(region)
        refuse_another_account(record, place)
        owner = Owner(self.cluster.cluster_id(), record.key, record.uid)
        planned = assemble(spec, owner, place, code, secrets, access, self.state_bucket)
        refuse_endless_loop(spec, planned)
        refuse_other_regions(spec, place.region)
        refuse_what_aws_would_not_take(planned)
        references.check(cloud, spec, planned)
        if not record.status.has_applied(planned.fingerprint):
            self._refuse_broken_code(planned, spec.processor)
        return planned

    def _refuse_broken_code(self, planned: Blueprint, processor: Processor) -> None:
        """Raise SpecInvalid for code that cannot run. Lambda would accept it and fail at the first object.

        What is deployed is not checked again: a restart would start processes for every pipeline.
        """
        if isinstance(planned.code, CodeBundle) and (fault := self.code_check.fault(planned.code, processor)):
            raise SpecInvalid(fault)

    def _secrets(self, processor: Processor, namespace: str) -> Secrets:
        wanted = [v.value_from.secret_key_ref for v in processor.environment if v.value_from]
        return {key: references.secret_value(self.cluster, namespace, key) for key in wanted}

    def _advice(self, spec: Spec, key: PipelineKey) -> Iterator[Advice]:
        yield from advice_on(spec, self.today)
        if spec.source.bucket.management is Management.EXISTING:
            yield from sharing(key, spec, self.cluster.pipelines())
