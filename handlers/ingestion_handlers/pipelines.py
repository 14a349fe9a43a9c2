"""The handlers of IngestionPipelines: each names its pipeline and calls the use case once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import kopf

from ingestion_handlers.keys import key_of
from ingestion_handlers.passes import keeping_the_finalizer, reconcile_in_workers, reconcile_pipeline
from ingestion_operator.reconcile.reconciler import is_due


def reconcile(namespace: str | None, name: str, memo: kopf.Memo, **_: Any) -> None:
    """Make AWS match the pipeline."""
    reconcile_pipeline(memo.services, key_of(namespace, name))


async def tick(namespace: str | None, name: str, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Reconcile when the status says that it is time: for a retry, for something that was missing, or to look for drift."""
    if is_due(body, datetime.now(UTC)):
        await reconcile_in_workers(memo.services, [key_of(namespace, name)])


def remove(namespace: str | None, name: str, uid: str | None, memo: kopf.Memo, **_: Any) -> None:
    """Take the pipeline down. Kopf removes the finalizer only after this function returns."""
    with keeping_the_finalizer():
        memo.services.reconciler.remove(key_of(namespace, name), uid or "")
        memo.services.exporter.forget(key_of(namespace, name))
