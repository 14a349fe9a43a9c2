"""What a manifest would produce, offline: the resources with their inputs and the function's IAM policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ingestion_operator import code as packing
from ingestion_operator.code import CodeBundle
from ingestion_operator.errors import DependencyNotReady, SpecInvalid
from ingestion_operator.model.pipeline import KIND, PipelineKey, parse_spec
from ingestion_operator.model.spec import Processor
from ingestion_operator.naming import Owner
from ingestion_operator.resources import Archive, Blueprint, Place, Ref, blueprint

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
    return "---\n".join(_yaml(_blueprint(p, manifests, account_id, region, cluster_id)) for p in pipelines)


def _blueprint(
    pipeline: Manifest, manifests: list[Manifest], account_id: str, region: str, cluster_id: str
) -> Blueprint:
    spec = parse_spec(pipeline)
    metadata = pipeline.get("metadata") or {}
    key = PipelineKey(metadata.get("namespace", "default"), metadata.get("name", ""))
    bundle = _code(spec.processor, key.namespace, manifests)
    packing.check(bundle, spec.processor)
    owner = Owner(cluster_id, key, metadata.get("uid", "known-when-applied"))
    return blueprint(spec, owner, Place(account_id, spec.region or region), bundle)


def _code(processor: Processor, namespace: str, manifests: list[Manifest]) -> CodeBundle:
    if processor.code.inline is not None:
        return packing.inline_bundle(processor, processor.code.inline)
    reference = processor.code.config_map_ref
    name = reference.name if reference else ""
    for manifest in manifests:
        metadata = manifest.get("metadata") or {}
        here = (metadata.get("namespace", "default"), metadata.get("name")) == (namespace, name)
        if manifest.get("kind") == "ConfigMap" and here:
            data: dict[str, str] = manifest.get("data") or {}
            if reference and reference.key:
                return packing.inline_bundle(processor, data.get(reference.key, ""))
            return CodeBundle.of(data)
    raise DependencyNotReady(f"ConfigMap {namespace}/{name} is not in the file")


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
    return yaml.safe_dump(document, sort_keys=False, width=120)


def _inputs(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inputs.items():
        if isinstance(value, Ref):
            yield name, f"${{{value.resource}.{value.attribute}}}"
        elif isinstance(value, Archive):
            yield name, f"<zip {value.sha256[:12]}>"
        else:
            yield name, json.loads(value) if name in JSON_INPUTS else value
