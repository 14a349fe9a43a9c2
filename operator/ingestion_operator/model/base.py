"""The base classes of every API model, and the notation for their CEL rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

JSON: TypeAlias = Any


class Model(BaseModel):
    """A frozen part of the API. Fields are snake_case in Python and camelCase in YAML. Unknown fields are an error."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )


class StatusModel(Model):
    """A frozen part of a status.

    Unknown fields are ignored, because an older or newer operator may have written them.
    """

    model_config = ConfigDict(extra="ignore")

    def to_document(self) -> dict[str, Any]:
        """The JSON document as the API server stores it: in camelCase, without unset fields."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


def cel(rule: str, message: str, field_path: str | None = None) -> dict[str, str]:
    """One CEL rule of `x-kubernetes-validations`. The message tells the user what to write instead.

    Source:
    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
    """
    rule_and_message = {"rule": rule, "message": message}
    return rule_and_message if field_path is None else {**rule_and_message, "fieldPath": field_path}


def rules(*validations: Mapping[str, str]) -> dict[str, Any]:
    """The `json_schema_extra` that adds CEL rules to a model."""
    return {"x-kubernetes-validations": [dict(v) for v in validations]}
