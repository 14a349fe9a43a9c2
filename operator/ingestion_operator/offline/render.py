"""The resources that a manifest would produce, computed offline: their inputs and the function's IAM policy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import yaml

from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.function_code import CodeBundle, FunctionCode
from ingestion_operator.blueprint.place import Place, partition_of
from ingestion_operator.blueprint.resources import Archive, Blueprint, Ref, Sensitive
from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.account import ACCOUNT_KIND
from ingestion_operator.model.pipeline import KIND, parse_record, parse_spec
from ingestion_operator.observe.gather import Gatherer
from ingestion_operator.observe.observed import Unbuildable
from ingestion_operator.ports.cloud import PackageObject, TrailView
from ingestion_operator.ports.code_check import CodeCheck

DEFAULT_NAMESPACE = "default"

JSON_INPUTS = {"policy", "assume_role_policy", "event_pattern"}
Manifest = Mapping[str, Any]


def render(text: str, account_id: str, region: str, cluster_id: str, code_check: CodeCheck) -> str:
    """YAML of every resource that the pipelines in these manifests would have.

    Raises SpecInvalid if there is no valid pipeline in them, DependencyNotReady if they lack a pipeline's ConfigMap.
    """
    manifests = [m for m in yaml.safe_load_all(text) if isinstance(m, Mapping)]
    pipelines = [m for m in manifests if m.get("kind") == KIND]
    if not pipelines:
        raise SpecInvalid(f"there is no {KIND} in the file")
    offline = _Offline(manifests, account_id, cluster_id)
    return "---\n".join(as_yaml(_blueprint(pipeline, offline, region, code_check)) for pipeline in pipelines)


@dataclass(frozen=True)
class _Offline:
    """Replaces the cluster and AWS. It knows nothing but the manifests.

    Most users cannot read AWSAccounts. An AWSAccount that is not in the manifests is assumed to be in the given account.
    """

    manifests: list[Manifest]
    account_id: str
    id_of_cluster: str
    permissions_boundary: str = ""

    def cluster_id(self) -> str:
        return self.id_of_cluster

    def account(self, name: str) -> Mapping[str, Any] | None:
        unknown = {"roleArn": f"arn:aws:iam::{self.account_id}:role/unknown", "allowedNamespaces": ["*"]}
        given = (a for a in self.accounts() if a["metadata"].get("name") == name)
        return next(given, {"metadata": {"name": name}, "spec": unknown})

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        return [manifest for manifest in self.manifests if manifest.get("kind") == ACCOUNT_KIND]

    def using(self, access: Access) -> _Offline:
        boundary = access.permissions_boundary
        return replace(self, account_id=access.account_id or self.account_id, permissions_boundary=boundary)

    def place(self, region: str) -> Place:
        return Place(self.account_id, region, partition_of(region), self.permissions_boundary)

    def bucket_region(self, bucket: str, region: str) -> str | None:  # noqa: ARG002 - assumed to exist, like everything below
        return region

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:  # noqa: ARG002
        specs = (parse_spec(m) for m in self.pipelines())
        tables = (spec.results.table for spec in specs if spec.results and spec.results.table)
        wanted = next(t for t in tables if t.name == table)
        return tuple(key for key in (wanted.partition_key, wanted.sort_key) if key)

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:  # noqa: ARG002
        return PackageObject(version_id, "")

    def trail(self, arn: str) -> TrailView | None:
        every = {"Type": "AWS::S3::Object", "Values": ["arn:aws"]}
        return TrailView(
            arn.split(":")[3],
            multi_region=True,
            logging=True,
            selectors={"EventSelectors": [{"DataResources": [every]}]},
        )

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        return _AnySecret(f"{namespace}/{name}")

    def pipelines(self) -> Sequence[Manifest]:
        return [_completed(m) for m in self.manifests if m.get("kind") == KIND]

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        for manifest in self.manifests:
            metadata = manifest.get("metadata") or {}
            here = (metadata.get("namespace", DEFAULT_NAMESPACE), metadata.get("name")) == (namespace, name)
            if manifest.get("kind") == "ConfigMap" and here:
                return dict(manifest.get("data") or {})
        return None


class _AnySecret(dict[str, Sensitive]):
    """Replaces a Secret. It has every key; the values are known only when the pipeline is applied."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Sensitive:
        return Sensitive("", f"{self._name}/{key}")


def _completed(pipeline: Manifest) -> Manifest:
    """The manifest with what the API server would add to its metadata."""
    added = {"namespace": DEFAULT_NAMESPACE, "name": "", "uid": "known-when-applied"}
    return {**pipeline, "metadata": added | dict(pipeline.get("metadata") or {})}


def _blueprint(pipeline: Manifest, offline: _Offline, region: str, code_check: CodeCheck) -> Blueprint:
    body = _completed(pipeline)
    today = datetime.now(UTC).date()
    observed = Gatherer(offline, offline, code_check, region, today).observe(body, parse_record(body))
    if isinstance(observed.wanted, Unbuildable):
        raise observed.wanted.problem
    return observed.wanted.blueprint


class _Plain(yaml.SafeDumper):
    """YAML for reading: a value that occurs twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def as_yaml(blueprint: Blueprint) -> str:
    """One pipeline as `render` prints it: its resources, outputs and the hash of its code. Values of Secrets are not shown."""
    resources = [
        {
            "name": r.name,
            "type": r.type,
            "inputs": dict(_inputs(r.inputs)),
            **({"retained": True} if r.holds_data else {}),
        }
        for r in blueprint.resources
    ]
    document = {
        "pipeline": str(blueprint.owner.key),
        "code": _code(blueprint.code),
        "outputs": blueprint.outputs.to_document(),
        "resources": resources,
    }
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, width=120)


def _code(code: FunctionCode) -> dict[str, Any]:
    files = {"files": [name for name, _ in code.files]} if isinstance(code, CodeBundle) else {}
    return {"sha256": code.sha256 or "<known when applied>", **files}


def _inputs(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in inputs.items():
        yield name, json.loads(value) if name in JSON_INPUTS else _shown(value)


def _shown(value: Any) -> Any:
    """A value in a form for reading: references have names, and zips and secrets are left out."""
    if isinstance(value, Ref):
        return f"${{{value.resource}.{value.attribute}}}"
    if isinstance(value, Archive):
        return f"<zip {value.sha256[:12]}>"
    if isinstance(value, Sensitive):
        return f"<secret {value.version}>"
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return value
