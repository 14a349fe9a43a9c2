"""The finalizer of the operator, and the patches that put it on an object and take it off. The functions are pure.

Kubernetes deletes an object only after every finalizer is gone.
(https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/)

The patches are JSON patches (RFC 6902). Their tests make the API server refuse them if the object changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion_operator.model.pipeline import GROUP

FINALIZER = f"{GROUP}/finalizer"
# Earlier versions let Kopf keep the whole spec, and its progress, in annotations with this prefix.
OUTDATED_ANNOTATIONS = f"kopf.{GROUP}/"

Patch = list[dict[str, Any]]


def is_held(body: Mapping[str, Any]) -> bool:
    """Whether the object has the operator's finalizer."""
    return FINALIZER in _finalizers(body)


def holding(body: Mapping[str, Any]) -> Patch:
    """Put the finalizer on the object, and remove what earlier versions left in its annotations. Empty if nothing is to do."""
    found = _finalizers(body)
    hold = {"op": "add", "path": "/metadata/finalizers", "value": [*found, FINALIZER]}
    held = [] if is_held(body) else [hold]
    outdated = [name for name in _annotations(body) if name.startswith(OUTDATED_ANNOTATIONS)]
    changes: Patch = [
        *held,
        *({"op": "remove", "path": f"/metadata/annotations/{_escaped(name)}"} for name in outdated),
    ]
    return [*_as_read(body), *changes] if changes else []


def releasing(body: Mapping[str, Any]) -> Patch:
    """Take the finalizer off the object. Empty if the object does not have it."""
    left = [name for name in _finalizers(body) if name != FINALIZER]
    change = {"op": "replace", "path": "/metadata/finalizers", "value": left}
    return [*_as_read(body), change] if is_held(body) else []


def _as_read(body: Mapping[str, Any]) -> Patch:
    """Tests that the object is the one that was read, and that nobody else has changed its finalizers since."""
    metadata = body["metadata"]
    return [
        {"op": "test", "path": f"/metadata/{field}", "value": metadata[field]} for field in ("uid", "resourceVersion")
    ]


def _finalizers(body: Mapping[str, Any]) -> Sequence[str]:
    return list(body["metadata"].get("finalizers") or ())


def _annotations(body: Mapping[str, Any]) -> Mapping[str, str]:
    return body["metadata"].get("annotations") or {}


def _escaped(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
