"""The handler of ConfigMaps: changed code is deployed to the pipelines that take their code from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf

from ingestion_handlers.keys import ConfigMapKey, key_of


async def config_map_event(
    namespace: str | None, name: str | None, event: kopf.RawEvent, memo: kopf.Memo, **indices: Any
) -> None:
    """Every pipeline that takes its code from this ConfigMap is due.

    If a pipeline is not in the index yet, its own event comes later, and the pass that follows reads the ConfigMap as it is then.
    """
    pipelines_by_config_map: kopf.Index[ConfigMapKey, str] = indices["pipelines_by_config_map"]
    names: Iterable[str] = pipelines_by_config_map.get((namespace or "", name or ""), [])
    for pipeline in names:
        # Kopf lists all objects when it starts, and sometimes later. An event of a list has no type.
        memo.services.workers.mark(key_of(namespace, pipeline), urgent=event["type"] is not None)
