"""The whole object: identity, spec and status, parsed from the body that the API server stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.base import STORED
from ingestion_operator.model.source import Management
from ingestion_operator.model.spec import DeletionPolicy, Spec
from ingestion_operator.model.status import Status, Workings

GROUP = "ingestion-operator.io"
VERSION = "v1alpha1"
KIND = "IngestionPipeline"
PLURAL = "ingestionpipelines"

RECONCILE_REQUESTED_AT = f"{GROUP}/reconcile-requested-at"
CONFIRM_PURGE = f"{GROUP}/confirm-purge"


@dataclass(frozen=True, order=True)
class PipelineKey:
    """The namespace and the name of a pipeline."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class PipelineRecord:
    """Everything that is known of a pipeline, even if its spec is invalid."""

    key: PipelineKey
    uid: str
    generation: int
    deleting: bool = False
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    status: Status = Status()
    """The status, with its fields in the places where this version keeps them."""
    stored: Status = Status()
    """The status as it is stored. The next write replaces it."""
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN_DATA
    region: str = ""
    """The region in the spec. Empty if the spec names none."""
    account: str = ""
    """The name of the AWSAccount in the spec. Empty if the spec names none."""
    source_bucket: str = ""
    """The name of the source bucket in the spec. Empty if the spec names none."""
    source_is_made: bool = True
    """Whether the operator makes the source bucket. The operator never deletes a bucket that existed before."""


def parse_record(body: Mapping[str, Any]) -> PipelineRecord:
    """Read identity and status. A bad spec does not raise here, so that deletion always works."""
    metadata = body["metadata"]
    stored = parse_status(body.get("status") or {})
    return PipelineRecord(
        key=PipelineKey(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        deleting="deletionTimestamp" in metadata,
        annotations=MappingProxyType(dict(metadata.get("annotations") or {})),
        status=stored.moved(),
        stored=stored,
        deletion_policy=_deletion_policy(body.get("spec") or {}),
        region=_text(body, "spec", "region"),
        account=_text(body, "spec", "accountRef", "name"),
        source_bucket=_text(body, "spec", "source", "bucket", "name"),
        source_is_made=_text(body, "spec", "source", "bucket", "management") != Management.EXISTING.value,
    )


def parse_status(document: Mapping[str, Any]) -> Status:
    """Read the status as it is stored. `Status.moved` puts fields of an older operator into their new place.

    A status may be unreadable because somebody edited it or another version wrote it. It then counts as empty, except
    for its workings.
    """
    try:
        status = Status.model_validate(document)
        status.moved()
    except ValidationError:
        return Status(stack=_readable(document.get("stack")), workings=_workings(document.get("workings")))
    return status


def _readable(document: Any) -> dict[str, Any] | None:
    return document if _workings(document) is not None else None


def _workings(document: Any) -> Workings | None:
    try:
        return None if document is None else Workings.model_validate(document)
    except ValidationError:
        return None


def parse_spec(body: Mapping[str, Any]) -> Spec:
    """Read the spec.

    A number below a minimum that was raised later counts as the minimum.

    Raises SpecInvalid, which names every wrong field, if admission let a spec through that this version cannot read.
    """
    try:
        return Spec.model_validate(body.get("spec") or {}, context=STORED)
    except ValidationError as error:
        faults = "; ".join(f"spec.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SpecInvalid(faults) from error


def _deletion_policy(spec: Mapping[str, Any]) -> DeletionPolicy:
    try:
        return DeletionPolicy((spec.get("deletion") or {}).get("policy", DeletionPolicy.RETAIN_DATA))
    except (ValueError, AttributeError):
        # An unreadable policy must not delete data, so the policy that keeps data applies.
        return DeletionPolicy.RETAIN_DATA


def _text(body: Mapping[str, Any], *path: str) -> str:
    node: Any = body
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, str) else ""
