"""The keys of the work and of the indices. `key_of` turns what Kopf passes to a handler into a value of the core."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion_operator.model.pipeline import PipelineKey

ConfigMapKey = tuple[str, str]
"""Namespace and name of a ConfigMap."""

UNDECIDED = ""
"""Stands for the account of a pipeline that names no account and is not built yet. Such a pipeline gets the default account."""


@dataclass(frozen=True, order=True)
class AccountKey:
    """The name of an AWSAccount. Accounts are in no namespace, so they share the turn of the empty one."""

    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"AWSAccount {self.name}"


WorkKey = PipelineKey | AccountKey
"""What the workers work on."""


def key_of(namespace: str | None, name: str) -> PipelineKey:
    """The key of the pipeline that Kopf names this way."""
    return PipelineKey(namespace or "", name)
