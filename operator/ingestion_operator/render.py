"""What a manifest would produce, offline: the resources with their inputs and the function's IAM policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ingestion_operator.errors import SpecInvalid
from ingestion_operator.gather import Gatherer
from ingestion_operator.model.pipeline import KIND, parse_identity
from ingestion_operator.resources import Archive, Blueprint, Place, Ref

DEFAULT_NAMESPACE = "default"

JSON_INPUTS = {"policy", "assume_role_policy", "event_pattern"}
Manifest = Mapping[str, Any]


def render(text: str, account_id: str, region: str, cluster_id: str) -> str:
    """YAML of every resource that the pipelines of these manifests would have.

    Raises SpecInvalid if there is no valid pipeline among them, DependencyNotReady if its ConfigMap is not.
    """
    manifests = [m for m in yaml.safe_load_all(text) if isinstance(m, Mapping)]
    pipelines = [m for m in manifests if m.get("kind") == KIND]
    if not pipelines:
        raise SpecInvalid(f"there is no {KIND} in the file")
    offline = _Offline(manifests, account_id, cluster_id)
    return "---\n".join(_yaml(_blueprint(pipeline, offline, region)) for pipeline in pipelines)


@dataclass(frozen=True)
class _Offline:
    """Stands for the cluster and for AWS, with nothing but the manifests."""

    manifests: list[Manifest]
    account_id: str
    id_of_cluster: str

    def cluster_id(self) -> str:
        return self.id_of_cluster

    def place(self, region: str) -> Place:
        return Place(self.account_id, region)

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        for manifest in self.manifests:
            metadata = manifest.get("metadata") or {}
            here = (metadata.get("namespace", DEFAULT_NAMESPACE), metadata.get("name")) == (namespace, name)
            if manifest.get("kind") == "ConfigMap" and here:
                return dict(manifest.get("data") or {})
        return None


def _blueprint(pipeline: Manifest, offline: _Offline, region: str) -> Blueprint:
    metadata = {"namespace": DEFAULT_NAMESPACE, "name": "", "uid": "known-when-applied"} | dict(
        pipeline.get("metadata") or {}
    )
    body = {**pipeline, "metadata": metadata}
    observed = Gatherer(offline, offline, region).observe(body, parse_identity(body))
    if observed.problem is not None or observed.blueprint is None:
        raise observed.problem or SpecInvalid("there is nothing to make")
    return observed.blueprint


class _Plain(yaml.SafeDumper):
    """YAML for reading: what occurs twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def _yaml(found: Blueprint) -> str:
    resources = [
        {
            "name": r.name,
            "type": r.type,
            "inputs": dict(_inputs(r.inputs)),
            **({"retained": True} if r.holds_data else {}),
        }
        for r in found.resources
    ]
    document = {
        "pipeline": str(found.owner.key),
        "code": {"sha256": found.code.sha256, "files": [name for name, _ in found.code.files]},
        "outputs": found.outputs.model_dump(by_alias=True),
        "resources": resources,
    }
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, width=120)


def _inputs(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inputs.items():
        if isinstance(value, Ref):
            yield name, f"${{{value.resource}.{value.attribute}}}"
        elif isinstance(value, Archive):
            yield name, f"<zip {value.sha256[:12]}>"
        else:
            yield name, json.loads(value) if name in JSON_INPUTS else value
