"""The parts of the Helm chart that are generated: its copies of the CRDs, and the settings in the schema of its values.

The rest of the chart, and the rest of that schema, are written by hand.
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
# Settings that the chart derives from other values, with the value that each comes from. They are not under `settings`.
FROM_OTHER_VALUES: Mapping[str, str] = {
    "namespaces": "watchNamespaces",
    "cluster_id": "clusterId",
    "accounts": "accounts.enabled",
    "backend_url": "state",
    "secrets_provider": "state.secretsProvider",
    "passphrase_file": "state.passphrase",
    "liveness_address": "probes.port",
    "metrics_address": "metrics",
    # The pod itself provides it.
    "pod": "image",
    # Their place in the image is fixed.
    "pulumi": "image",
    "pulumi_home": "image",
}


def chart_files(root: Path = Path()) -> dict[Path, str]:
    """Path and content of the chart's generated files. The schema of values keeps the parts that are written by hand.

    `root` is the root of the repository.
    """
    copies = {CRD_COPIES / resource.file_name: crd.to_yaml(resource) for resource in crd.CUSTOM_RESOURCES}
    return {**copies, VALUES_SCHEMA: values_schema((root / VALUES_SCHEMA).read_text())}


def values_schema(current: str) -> str:
    """The schema of values with the operator's current settings."""
    schema = json.loads(current)
    schema["properties"]["settings"]["properties"] = settings_properties()
    schema["properties"]["state"]["properties"]["secretsProvider"] = _secrets_provider()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def settings_properties() -> dict[str, Any]:
    """The JSON schema of each setting under `settings`, by the name that it has there."""
    described = Settings.model_json_schema()
    return {
        camel_case(name): _plain(node, described.get("$defs", {}))
        for name, node in described["properties"].items()
        if name not in FROM_OTHER_VALUES
    }


def camel_case(name: str) -> str:
    """The name of a setting in the values: `retry_cap_seconds` becomes `retryCapSeconds`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _plain(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of one setting, without references and without a default: the operator has the default."""
    if reference := node.get("$ref"):
        node = {**definitions[reference.rsplit("/", 1)[-1]], **node}
    kept = {key: value for key, value in node.items() if key not in ("$ref", "title", "default", "format")}
    kept["description"] = " ".join(str(kept.get("description", "")).split())
    return kept


def _secrets_provider() -> dict[str, Any]:
    """The secrets providers that the operator supports. Without the setting it supports only the passphrase."""
    if "secrets_provider" in Settings.model_fields:
        return {"type": "string", "pattern": "^(passphrase|awskms://.+)$"}
    return {"type": "string", "enum": ["passphrase"]}
