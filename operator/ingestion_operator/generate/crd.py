"""The CustomResourceDefinitions, made from the models: structural OpenAPI schema, CEL rules, printer columns.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from ingestion_operator.model.account import ACCOUNT_KIND, ACCOUNTS, AccountSpec, AccountStatus
from ingestion_operator.model.base import cel
from ingestion_operator.model.pipeline import GROUP, KIND, PLURAL, VERSION
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import Status

Schema = dict[str, Any]

Column = tuple[str, str, str, int]
# The limit for the name of any object: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
NAME_LIMIT = 253

COLUMNS: tuple[Column, ...] = (
    ("Ready", "string", ".status.conditions[?(@.type=='Ready')].status", 0),
    ("Status", "string", ".status.conditions[?(@.type=='Ready')].reason", 0),
    ("Progress", "string", ".status.operation.progress", 0),
    ("Bucket", "string", ".status.outputs.bucketName", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Function", "string", ".status.outputs.functionName", 1),
    ("Synced", "string", ".status.conditions[?(@.type=='Synced')].status", 1),
    ("Code", "string", ".status.code.sha256", 1),
    ("Account", "string", ".status.workings.accountId", 1),
    ("Message", "string", ".status.conditions[?(@.type=='Ready')].message", 1),
)
ACCOUNT_COLUMNS: tuple[Column, ...] = (
    ("Ready", "string", ".status.conditions[?(@.type=='Ready')].status", 0),
    ("Status", "string", ".status.conditions[?(@.type=='Ready')].reason", 0),
    ("Account", "string", ".status.accountId", 0),
    ("Default", "boolean", ".spec.default", 0),
    ("Pipelines", "integer", ".status.pipelines", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Role", "string", ".spec.roleArn", 1),
    ("Namespaces", "string", ".spec.allowedNamespaces", 1),
    ("Message", "string", ".status.conditions[?(@.type=='Ready')].message", 1),
)


@dataclass(frozen=True)
class CustomResource:
    """What the API server has to know about one kind."""

    kind: str
    plural: str
    scope: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    longest_name: int = NAME_LIMIT
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the file with its CustomResourceDefinition."""
        return f"{GROUP}_{self.plural}.yaml"


PIPELINE = CustomResource(
    KIND,
    PLURAL,
    "Namespaced",
    "A pipeline on AWS: an object lands in an S3 bucket, an EventBridge rule sees it, a Lambda function processes it.",
    Spec,
    Status,
    COLUMNS,
    63,
    ("ipl",),
    ("ingestion",),
)
# No category: a user who may list pipelines but not accounts would see an error for `kubectl get ingestion`.
ACCOUNT = CustomResource(
    ACCOUNT_KIND,
    ACCOUNTS,
    "Cluster",
    "An AWS account in which pipelines may be built: the role that the operator assumes there, and the namespaces that may use it.",
    AccountSpec,
    AccountStatus,
    ACCOUNT_COLUMNS,
)
CUSTOM_RESOURCES = (PIPELINE, ACCOUNT)
DROPPED = {"title", "additionalProperties", "$defs"}


def definition(resource: CustomResource = PIPELINE) -> dict[str, Any]:
    """The whole CustomResourceDefinition."""
    more = {"shortNames": list(resource.short_names), "categories": list(resource.categories)}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": resource.scope,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                **{name: words for name, words in more.items() if words},
            },
            "versions": [_version(resource)],
        },
    }


def to_yaml(resource: CustomResource = PIPELINE) -> str:
    """The CustomResourceDefinition as the file under `crds/`."""
    return "# Made from operator/ingestion_operator/model by `make generate`; do not edit.\n" + yaml.safe_dump(
        definition(resource), sort_keys=False, width=120
    )


def _version(resource: CustomResource) -> dict[str, Any]:
    columns = [
        {"name": name, "type": type_, "jsonPath": path, **({"priority": priority} if priority else {})}
        for name, type_, path, priority in resource.columns
    ]
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": _object_schema(resource)},
    }


def _object_schema(resource: CustomResource) -> Schema:
    limit = resource.longest_name
    too_long = f"metadata.name must not be longer than {limit} characters: choose a shorter one"
    shorter = [] if limit >= NAME_LIMIT else [cel(f"size(self.metadata.name) <= {limit}", too_long)]
    return {
        "type": "object",
        "description": resource.description,
        "required": ["spec"],
        **({"x-kubernetes-validations": shorter} if shorter else {}),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": schema_of(resource.spec),
            "status": schema_of(resource.status),
        },
    }


def schema_of(model: type[BaseModel]) -> Schema:
    """The structural schema of a model: references are resolved, and what the API server would refuse is left out."""
    document = model.model_json_schema(by_alias=True)
    schema = _structural(document, document.get("$defs", {}))
    return {"description": _first_paragraph(model.__doc__), **schema}


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    node = _resolved(node, definitions)
    schema: Schema = {key: value for key, value in node.items() if key not in DROPPED and value is not None}
    if "properties" in node:
        schema["properties"] = {name: _structural(p, definitions) for name, p in node["properties"].items()}
    if "items" in node:
        schema["items"] = _structural(node["items"], definitions)
    values = node.get("additionalProperties")
    if isinstance(values, Mapping):
        schema["additionalProperties"] = _structural(values, definitions)
    if schema.get("type") == "integer":
        schema["format"] = "int64"
    elif schema.get("format") != "date-time":
        schema.pop("format", None)
    schema.pop("propertyNames", None)
    if "default" in schema:
        schema["default"] = _without_none(schema["default"])
    if "description" in schema:
        schema["description"] = _first_paragraph(schema["description"])
    return schema


def _without_none(value: Any) -> Any:
    """A default in the form that the API server accepts: keys whose value is None are left out."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Follow references, and replace an optional value by the schema of its value. An absent field stands for None."""
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
