"""A Kubernetes API of dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ingestion_operator.blueprint.resources import Sensitive
from ingestion_operator.model.finalizer import FINALIZER
from ingestion_operator.model.pipeline import PipelineKey, PipelineRecord
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason


@dataclass(frozen=True)
class Announcement:
    """One Kubernetes Event."""

    reason: Reason
    message: str
    warning: bool


@dataclass
class FakeCluster:
    """A Kubernetes API of dictionaries."""

    pipelines_by_key: dict[PipelineKey, dict[str, Any]] = field(default_factory=dict)
    config_maps: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    secrets: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    accounts_by_name: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Announcement] = field(default_factory=list)
    patches: list[Mapping[str, Any]] = field(default_factory=list)
    pods: set[Pod] = field(default_factory=set)
    unreadable: Exception | None = None
    """What every read of a pipeline or an account raises."""
    unwritable: Exception | None = None
    """What every write of a status raises."""
    is_blind: bool = False
    """Whether pods cannot be looked up."""

    def cluster_id(self) -> str:
        return "test"

    def pipeline(self, key: PipelineKey) -> Mapping[str, Any] | None:
        if self.unreadable is not None:
            raise self.unreadable
        return deepcopy(self.pipelines_by_key.get(key))

    def patch_status(self, key: PipelineKey, patch: Mapping[str, Any]) -> None:
        if self.unwritable is not None:
            raise self.unwritable
        self.patches.append(patch)
        if (body := self.pipelines_by_key.get(key)) is not None:
            # A patch that cannot be sent as JSON must fail here too.
            body["status"] = merged(body.get("status"), json.loads(json.dumps(patch)))

    def hold(self, body: Mapping[str, Any]) -> None:
        self._set_finalizers(body, [FINALIZER])

    def release(self, body: Mapping[str, Any]) -> None:
        self._set_finalizers(body, [])

    def _set_finalizers(self, body: Mapping[str, Any], finalizers: list[str]) -> None:
        metadata = body["metadata"]
        key = PipelineKey(metadata.get("namespace", ""), metadata["name"])
        kept = self.pipelines_by_key.get(key) if key.namespace else self.accounts_by_name.get(key.name)
        if kept is not None and kept["metadata"]["uid"] == metadata["uid"]:
            kept["metadata"]["finalizers"] = finalizers
            if not finalizers and "deletionTimestamp" in kept["metadata"]:
                self.pipelines_by_key.pop(key, None)
                self.accounts_by_name.pop("" if key.namespace else key.name, None)

    def account(self, name: str) -> Mapping[str, Any] | None:
        if self.unreadable is not None:
            raise self.unreadable
        return deepcopy(self.accounts_by_name.get(name))

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        return deepcopy(list(self.accounts_by_name.values()))

    def patch_account_status(self, name: str, patch: Mapping[str, Any]) -> None:
        if (body := self.accounts_by_name.get(name)) is not None:
            body["status"] = merged(body.get("status"), json.loads(json.dumps(patch)))

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        return deepcopy(self.config_maps.get((namespace, name)))

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        found = self.secrets.get((namespace, name))
        # The version changes when any value of the Secret changes, as a resource version does.
        written = sum(len(value) for value in found.values()) if found else 0
        return None if found is None else {k: Sensitive(v, f"{name}/{written}/{k}") for k, v in found.items()}

    def pod_exists(self, pod: Pod) -> bool | None:
        return None if self.is_blind else pod in self.pods

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        return deepcopy(list(self.pipelines_by_key.values()))

    def announce(self, record: PipelineRecord, reason: Reason, message: str, *, warning: bool = False) -> None:
        self.events.append(Announcement(reason, message, warning))


def merged(target: Any, patch: Any) -> Any:
    """A merge patch applied, as RFC 7386 writes it down."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found
