"""The whole object: identity, spec and status, parsed from what the API server holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.source import Management
from ingestion_operator.model.spec import DeletionPolicy, Spec
from ingestion_operator.model.status import StackStatus, Status

GROUP = "ingestion-operator.io"
VERSION = "v1alpha1"
KIND = "IngestionPipeline"
PLURAL = "ingestionpipelines"

RECONCILE_REQUESTED_AT = f"{GROUP}/reconcile-requested-at"
CONFIRM_PURGE = f"{GROUP}/confirm-purge"


@dataclass(frozen=True, order=True)
class PipelineKey:
    """Namespace and name of one pipeline."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class PipelineRecord:
    """What is known of a pipeline even when its spec is invalid."""

    key: PipelineKey
    uid: str
    generation: int
    deleting: bool = False
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    status: Status = Status()
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN_DATA
    region: str = ""
    """Region that the spec names, if any."""
    account: str = ""
    """AWSAccount that the spec names, if any."""
    source_bucket: str = ""
    """Name of the source bucket that the spec names, if any."""
    source_is_made: bool = True
    """Whether the spec leaves the source bucket to the operator: one that was there before is never its to delete."""


def parse_record(body: Mapping[str, Any]) -> PipelineRecord:
    """Read identity and status; never fails on a bad spec, so that deletion always works."""
    metadata = body["metadata"]
    return PipelineRecord(
        key=PipelineKey(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        deleting="deletionTimestamp" in metadata,
        annotations=MappingProxyType(dict(metadata.get("annotations") or {})),
        status=parse_status(body.get("status") or {}),
        deletion_policy=_deletion_policy(body.get("spec") or {}),
        region=_text(body, "spec", "region"),
        account=_text(body, "spec", "accountRef", "name"),
        source_bucket=_text(body, "spec", "source", "bucket", "name"),
        source_is_made=_text(body, "spec", "source", "bucket", "management") != Management.EXISTING.value,
    )


def parse_status(document: Mapping[str, Any]) -> Status:
    """Read the status; one that cannot be read (edited by hand, of another version) counts as empty but for the stack."""
    try:
        return Status.model_validate(document)
    except ValidationError:
        return Status(stack=_stack(document.get("stack")))


def _stack(document: Any) -> StackStatus | None:
    try:
        return StackStatus.model_validate(document)
    except ValidationError:
        return None


def parse_spec(body: Mapping[str, Any]) -> Spec:
    """Read the spec.

    Raises SpecInvalid, naming each field, if an object got past admission that this version cannot work with.
    """
    try:
        return Spec.model_validate(body.get("spec") or {})
    except ValidationError as error:
        found = "; ".join(f"spec.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SpecInvalid(found) from error


def _deletion_policy(spec: Mapping[str, Any]) -> DeletionPolicy:
    try:
        return DeletionPolicy((spec.get("deletion") or {}).get("policy", DeletionPolicy.RETAIN_DATA))
    except (ValueError, AttributeError):
        # The careful one: with an unreadable policy nothing that holds data is deleted.
        return DeletionPolicy.RETAIN_DATA


def _text(body: Mapping[str, Any], *path: str) -> str:
    found: Any = body
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
