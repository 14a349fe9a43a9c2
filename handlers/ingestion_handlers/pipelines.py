"""The handlers of IngestionPipelines. They only say that a pipeline is due; the workers do the rest."""

from __future__ import annotations

from typing import Any

import kopf

from ingestion_handlers.keys import key_of
from ingestion_handlers.passes import notice


async def pipeline_event(namespace: str | None, name: str, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """The pipeline was created, changed or deleted, or the operator has just started."""
    notice(memo.services, key_of(namespace, name), event)
