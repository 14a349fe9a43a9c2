"""The CustomResourceDefinition, made from the models: structural OpenAPI schema, CEL rules, printer columns.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel

from ingestion_operator.model.base import cel
from ingestion_operator.model.pipeline import GROUP, KIND, PLURAL, VERSION
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import Status

Schema = dict[str, Any]

COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("Ready", "string", ".status.conditions[?(@.type=='Ready')].status", 0),
    ("Status", "string", ".status.conditions[?(@.type=='Ready')].reason", 0),
    ("Progress", "string", ".status.operation.progress", 0),
    ("Bucket", "string", ".status.outputs.bucketName", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Function", "string", ".status.outputs.functionName", 1),
    ("Synced", "string", ".status.conditions[?(@.type=='Synced')].status", 1),
    ("Code", "string", ".status.code.sha256", 1),
    ("Message", "string", ".status.conditions[?(@.type=='Ready')].message", 1),
)
DROPPED = {"title", "additionalProperties", "$defs"}


def definition() -> dict[str, Any]:
    """The whole CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["ipl"],
                "categories": ["ingestion"],
            },
            "versions": [_version()],
        },
    }


def to_yaml() -> str:
    """The CustomResourceDefinition as the file under `crds/`."""
    return "# Made from operator/ingestion_operator/model by `make generate`; do not edit.\n" + yaml.safe_dump(
        definition(), sort_keys=False, width=120
    )


def _version() -> dict[str, Any]:
    columns = [
        {"name": name, "type": kind, "jsonPath": path, **({"priority": priority} if priority else {})}
        for name, kind, path, priority in COLUMNS
    ]
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": _object_schema()},
    }


def _object_schema() -> Schema:
    return {
        "type": "object",
        "description": "A pipeline on AWS: an object lands in an S3 bucket, an EventBridge rule sees it, a Lambda function processes it.",
        "required": ["spec"],
        "x-kubernetes-validations": [
            cel(
                "size(self.metadata.name) <= 63",
                "metadata.name must not be longer than 63 characters: choose a shorter one",
            ),
        ],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": schema_of(Spec),
            "status": schema_of(Status),
        },
    }


def schema_of(model: type[BaseModel]) -> Schema:
    """The structural schema of a model: references resolved, nothing that the API server would refuse."""
    document = model.model_json_schema(by_alias=True)
    found = _structural(document, document.get("$defs", {}))
    return {"description": _first_paragraph(model.__doc__), **found}


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    node = _resolved(node, definitions)
    found: Schema = {key: value for key, value in node.items() if key not in DROPPED and value is not None}
    if "properties" in node:
        found["properties"] = {name: _structural(p, definitions) for name, p in node["properties"].items()}
    if "items" in node:
        found["items"] = _structural(node["items"], definitions)
    values = node.get("additionalProperties")
    if isinstance(values, Mapping):
        found["additionalProperties"] = _structural(values, definitions)
    if found.get("format") == "date-time" or found.get("type") != "integer":
        found.pop("format", None) if found.get("format") != "date-time" else None
    if found.get("type") == "integer":
        found["format"] = "int64"
    found.pop("propertyNames", None)
    if "default" in found:
        found["default"] = _without_none(found["default"])
    if "description" in found:
        found["description"] = _first_paragraph(found["description"])
    return found


def _without_none(value: Any) -> Any:
    """A default as the API server takes it: what is None is absent."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Follow references, and take what an optional value is when it is there: absent stands for None."""
    if "anyOf" in node:
        real = [option for option in node["anyOf"] if option.get("type") != "null"]
        rest = {key: value for key, value in node.items() if key not in {"anyOf", "default"}}
        return {**_resolved(real[0], definitions), **rest}
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return {
            **_resolved(target, definitions),
            **{key: value for key, value in node.items() if key != "$ref"},
        }
    return dict(node)


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").split())
