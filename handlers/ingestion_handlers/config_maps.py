"""The handler of ConfigMaps: changed code is deployed to the pipelines that take their code from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf

from ingestion_handlers.keys import ConfigMapKey, key_of
from ingestion_handlers.passes import reconcile_in_workers


async def config_map_changed(namespace: str | None, name: str | None, memo: kopf.Memo, **indices: Any) -> None:
    """Reconcile every pipeline that takes its code from this ConfigMap."""
    pipelines_by_config_map: kopf.Index[ConfigMapKey, str] = indices["pipelines_by_config_map"]
    names: Iterable[str] = pipelines_by_config_map.get((namespace or "", name or ""), [])
    await reconcile_in_workers(memo.services, [key_of(namespace, pipeline) for pipeline in names])
