"""What a user should know about a pipeline that works.

One Event reports it, and the condition repeats it for as long as it is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ingestion_operator.blueprint.filter_overlap import overlap
from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.pipeline import PipelineKey, PipelineRecord, parse_record, parse_spec
from ingestion_operator.model.runtimes import deprecation
from ingestion_operator.model.source import Source
from ingestion_operator.model.spec import Spec
from ingestion_operator.reasons import Reason
from ingestion_operator.wording import few


@dataclass(frozen=True)
class Advice:
    """One remark for the user."""

    reason: Reason
    message: str


def advice_on(spec: Spec, today: date) -> Iterator[Advice]:
    """Advice that follows from the spec alone."""
    if spec.processor.code.image is None and (old := deprecation(spec.processor.runtime, today)):
        yield Advice(Reason.RUNTIME_DEPRECATED, f"processor.runtime {old}")
    wild = [action for p in spec.processor.permissions if "*" in p.resources for action in p.actions]
    if wild:
        yield Advice(
            Reason.WILDCARD_PERMISSION, f"processor.permissions allows {few(wild)} on every resource: name the ARNs"
        )


def sharing(key: PipelineKey, spec: Spec, others: Sequence[Mapping[str, Any]]) -> Iterator[Advice]:
    """Advice that names other pipelines which process some of the same objects of a shared bucket."""
    shared = sorted(
        str(other)
        for other, source in sources_on(spec.source.bucket.name, others)
        if other != key and overlap(spec.source.filter, source.filter)
    )
    if shared:
        yield Advice(
            Reason.FILTER_OVERLAPS,
            f"some objects of bucket {spec.source.bucket.name} are also processed by {few(shared)}: narrow source.filter "
            "if this is not intended",
        )


def sources_on(bucket: str, bodies: Sequence[Mapping[str, Any]]) -> Iterator[tuple[PipelineKey, Source]]:
    """The pipelines that read this bucket, are built, and are not being deleted."""
    for body in bodies:
        if bucket not in _names_in(body):
            continue  # most pipelines; reading each of them for each of the others would take time quadratic in their number
        record = parse_record(body)
        if _bucket_of(record) != bucket or record.deleting or not record.status.is_built:
            continue
        try:
            yield record.key, parse_spec(body).source
        except SpecInvalid:
            continue  # it processes nothing until its spec is fixed


def _names_in(body: Mapping[str, Any]) -> tuple[Any, Any]:
    """The names that `_bucket_of` chooses from."""
    outputs = (body.get("status") or {}).get("outputs") or {}
    source = (body.get("spec") or {}).get("source") or {}
    return outputs.get("bucketName"), (source.get("bucket") or {}).get("name")


def _bucket_of(record: PipelineRecord) -> str:
    """The name of a pipeline's source bucket. A generated or completed name is known only once the pipeline is built."""
    outputs = record.status.outputs
    return outputs.bucket_name if outputs and outputs.bucket_name else record.source_bucket
