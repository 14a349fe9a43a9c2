"""The keys of the indices. `key_of` turns what Kopf passes to a handler into a value of the core."""

from __future__ import annotations

from ingestion_operator.model.pipeline import PipelineKey

ConfigMapKey = tuple[str, str]
"""Namespace and name of a ConfigMap."""

UNDECIDED = ""
"""Stands for the account of a pipeline that names no account and is not built yet. Such a pipeline gets the default account."""


def key_of(namespace: str | None, name: str) -> PipelineKey:
    """The key of the pipeline that Kopf names this way."""
    return PipelineKey(namespace or "", name)
