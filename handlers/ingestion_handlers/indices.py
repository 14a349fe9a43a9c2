"""The indices that Kopf keeps about pipelines. The name of an index says what it maps. Handlers get it as an argument of that name.

An index is a coroutine, so that indexing needs no worker thread. Otherwise an index would show an old state while all workers
are busy.
"""

from __future__ import annotations

from typing import Any

import kopf

from ingestion_handlers.exporter import ConditionKey
from ingestion_handlers.keys import UNDECIDED, ConfigMapKey, key_of
from ingestion_operator.model.pipeline import PipelineKey, parse_status


async def conditions_by_pipeline(
    namespace: str | None, name: str, status: kopf.Status, **_: Any
) -> dict[PipelineKey, tuple[ConditionKey, ...]]:
    """Maps each pipeline to its conditions. A pipeline without conditions is in the index too."""
    conditions = status.get("conditions") or []
    return {key_of(namespace, name): tuple((c["type"], c["status"], c["reason"]) for c in conditions)}


async def pipelines_by_config_map(
    namespace: str | None, name: str, spec: kopf.Spec, **_: Any
) -> dict[ConfigMapKey, str]:
    """Maps each ConfigMap to the names of the pipelines that take their code from it."""
    code = (spec.get("processor") or {}).get("code") or {}
    reference = (code.get("configMapRef") or {}).get("name")
    return {(namespace or "", reference): name} if reference else {}


async def pipelines_by_account(
    namespace: str | None, name: str, spec: kopf.Spec, status: kopf.Status, **_: Any
) -> dict[str, PipelineKey]:
    """Maps each account to its pipelines. The status decides for a pipeline that is built, the spec for any other."""
    begun = parse_status(status).moved().begun
    account = begun.account if begun else (spec.get("accountRef") or {}).get("name", UNDECIDED)
    return {} if begun and not account else {account: key_of(namespace, name)}
