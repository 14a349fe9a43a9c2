"""The rights that the rules of RBAC give, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ingestion_local.environment import RBAC


@dataclass(frozen=True)
class Right:
    """One verb on one resource, as one rule gives it."""

    verb: str
    resource: str
    rule: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


def rights(rules: Iterable[Mapping[str, Any]]) -> Iterator[Right]:
    """Each right of some rules."""
    for rule in rules:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                yield Right(verb, resource, {**rule, "resources": [resource], "verbs": [verb]})


def rules_of(manifests: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rules of all roles of some manifests."""
    return [rule for manifest in manifests for rule in manifest.get("rules", [])]


# Those of the operator's ServiceAccount, as the chart has them.
RIGHTS = tuple(rights(rules_of(yaml.safe_load_all(RBAC.read_text()))))
