"""What the handlers remember of each object, so that they can tell a change from the operator's own writes.

Kubernetes sends an event for every write, and most writes are the operator's own: the status and the finalizer. The generation
counts changes of the spec only. (https://kubernetes.io/docs/reference/using-api/api-concepts/)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K")


@dataclass(frozen=True)
class Signature:
    """Everything of an object that a user changes, in short."""

    uid: str
    generation: int
    deleting: bool
    annotations: int

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Signature:
        """The signature of an object as Kubernetes sends it."""
        metadata = body["metadata"]
        annotations = hash(frozenset((metadata.get("annotations") or {}).items()))
        return cls(metadata["uid"], metadata.get("generation", 1), "deletionTimestamp" in metadata, annotations)


class Seen(Generic[K]):
    """The signatures of the objects that exist. Only the event loop may use it."""

    def __init__(self) -> None:
        self._signatures: dict[K, Signature] = {}

    def is_urgent(self, key: K, body: Mapping[str, Any]) -> bool | None:
        """Whether the object changed (True), was first seen without anything new (False), or is as it was (None)."""
        before, now = self._signatures.get(key), Signature.of(body)
        self._signatures[key] = now
        if before is None:
            return has_news(body)
        return True if before != now else None

    def forget(self, key: K) -> None:
        """The object is gone."""
        self._signatures.pop(key, None)


def has_news(body: Mapping[str, Any]) -> bool:
    """Whether the status does not know the object as it is: it is new, changed, or being deleted, or its operation ended early."""
    status, metadata = body.get("status") or {}, body["metadata"]
    known = status.get("observedGeneration") == metadata.get("generation", 1) and "operation" not in status
    return "deletionTimestamp" in metadata or not known
