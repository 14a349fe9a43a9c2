"""How Kopf is used: it watches, and keeps no notes. The operator puts its finalizer on the objects and takes it off itself.

Kopf's own way keeps the whole spec and the progress of its handlers in annotations. An object may have 256 KiB of annotations, and
its user may have filled them. Then no such note could be written, and Kopf could not take the finalizer off either.
(https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf

from ingestion_operator.model.pipeline import GROUP

KOPF_PREFIX = f"kopf.{GROUP}"
SERVER_TIMEOUT_SECONDS = 300
CLIENT_TIMEOUT_SECONDS = 330
CONNECT_TIMEOUT_SECONDS = 10


class NoNotes(kopf.DiffBaseStorage):
    """Remembers nothing. The handlers tell by themselves what changed, so Kopf need not copy and compare each object."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:  # noqa: ARG002
        """See the base class."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        """See the base class."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """See the base class."""


def configure(settings: kopf.OperatorSettings) -> None:
    """Set where Kopf keeps its notes, and how it watches."""
    # Kopf takes its finalizer off any object for which it has no deletion handler. It must never take off the operator's.
    settings.persistence.finalizer = f"{KOPF_PREFIX}/never-used"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=KOPF_PREFIX)
    settings.persistence.diffbase_storage = NoNotes()
    settings.posting.enabled = False  # the core publishes Events with its own reasons
    settings.watching.server_timeout = SERVER_TIMEOUT_SECONDS
    settings.watching.client_timeout = CLIENT_TIMEOUT_SECONDS
    settings.watching.connect_timeout = CONNECT_TIMEOUT_SECONDS
    settings.scanning.disabled = (
        True  # the CRDs exist before the operator starts; scanning would need a cluster-wide right
    )
