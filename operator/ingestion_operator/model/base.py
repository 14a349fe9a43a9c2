"""What every model of the API has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

JSON: TypeAlias = Any


class Model(BaseModel):
    """A frozen part of the API: snake_case in Python, camelCase in YAML, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )


class StatusModel(Model):
    """A frozen part of the status: written by this operator or an older or newer one, so unknown fields are let by."""

    model_config = ConfigDict(extra="ignore")

    def to_document(self) -> dict[str, Any]:
        """The JSON document as it stands in the object: camelCase, without what is not set."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


def cel(rule: str, message: str, field_path: str | None = None) -> dict[str, str]:
    """One CEL rule of `x-kubernetes-validations`; the message says what to write instead.

    Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
    """
    found = {"rule": rule, "message": message}
    return found if field_path is None else {**found, "fieldPath": field_path}


def rules(*validations: Mapping[str, str]) -> dict[str, Any]:
    """The JSON schema extra that carries CEL rules."""
    return {"x-kubernetes-validations": [dict(v) for v in validations]}
