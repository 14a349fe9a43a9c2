"""The base classes of every API model, and the notation for their CEL rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo
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


STORED: Mapping[str, object] = {"stored": True}
"""The context in which an object is read that the API server has accepted, perhaps before a bound was raised."""


def raised_to(minimum: int) -> BeforeValidator:
    """Marks a field whose minimum was raised after it was released.

    Admission refuses a new value below the minimum. A stored value below it counts as the minimum, so that an upgrade stops no
    pipeline. Kubernetes lets such a value stay in an object that changes elsewhere.
    (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting)
    """

    def clamped(value: object, info: ValidationInfo) -> object:
        stored = bool(info.context and info.context.get("stored"))
        return max(value, minimum) if stored and isinstance(value, int) else value

    return BeforeValidator(clamped)


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
