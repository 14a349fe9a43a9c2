"""The parts of the Helm chart that are made from the models: its copies of the CRDs, and which settings its values may give.

The rest of the chart, and of its schema of values, is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestion_operator.generate import crd
from ingestion_operator.settings import Settings

CHART = Path("deploy/helm/ingestion-operator")
VALUES_SCHEMA = CHART / "values.schema.json"
CRD_COPIES = CHART / "files/crds"
# Settings that follow from other values, by the value: they are no `settings` of their own.
FROM_OTHER_VALUES: Mapping[str, str] = {
    "namespaces": "watchNamespaces",
    "cluster_id": "clusterId",
    "accounts": "accounts.enabled",
    "backend_url": "state",
    "secrets_provider": "state.secretsProvider",
    "passphrase_file": "state.passphrase",
    "liveness_address": "probes.port",
    "metrics_address": "metrics",
    # Of the pod itself.
    "pod": "image",
    # Where they are in the image.
    "pulumi": "image",
    "pulumi_home": "image",
}


def chart_files(root: Path = Path()) -> dict[Path, str]:
    """Path and content of the chart's generated files; the schema of values keeps what is written by hand.

    `root` is the root of the repository.
    """
    copies = {CRD_COPIES / resource.file_name: crd.to_yaml(resource) for resource in crd.CUSTOM_RESOURCES}
    return {**copies, VALUES_SCHEMA: values_schema((root / VALUES_SCHEMA).read_text())}


def values_schema(current: str) -> str:
    """The schema of values with the operator's settings as they are now."""
    schema = json.loads(current)
    schema["properties"]["settings"]["properties"] = settings_properties()
    schema["properties"]["state"]["properties"]["secretsProvider"] = _secrets_provider()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def settings_properties() -> dict[str, Any]:
    """JSON schema of each setting that is given under `settings`, by its name there."""
    described = Settings.model_json_schema()
    return {
        camel_case(name): _plain(node, described.get("$defs", {}))
        for name, node in described["properties"].items()
        if name not in FROM_OTHER_VALUES
    }


def camel_case(name: str) -> str:
    """The name of a setting among the values: `retry_cap_seconds` is `retryCapSeconds`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _plain(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """One setting's schema without references; null leaves the operator's default."""
    if reference := node.get("$ref"):
        node = {**definitions[reference.rsplit("/", 1)[-1]], **node}
    kept = {key: value for key, value in node.items() if key not in ("$ref", "title", "default", "format")}
    kept["description"] = " ".join(str(kept.get("description", "")).split())
    return kept


def _secrets_provider() -> dict[str, Any]:
    """What the operator can encrypt with, by whether it has the setting."""
    if "secrets_provider" in Settings.model_fields:
        return {"type": "string", "pattern": "^(passphrase|awskms://.+)$"}
    return {"type": "string", "enum": ["passphrase"]}
