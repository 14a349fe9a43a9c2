"""The resources of a pipeline as values: their inputs, and the references between them.

The Pulumi program registers this list and nothing else. `render`, the fingerprint, progress and the golden files read it too.
Input names are those of pulumi-aws: https://www.pulumi.com/registry/packages/aws/api-docs/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.blueprint.function_code import FunctionCode
from ingestion_operator.blueprint.names import Addresses, Names
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.model.status import Outputs

Inputs = Mapping[str, Any]
ROLE_PATH = "/ingestion-operator/"
"""The path of every role. The operator's own policy allows changes only to roles with this path."""


@dataclass(frozen=True)
class Ref:
    """An attribute of another resource in the blueprint. Its value is known only when that resource exists."""

    resource: str
    attribute: str


@dataclass(frozen=True)
class Archive:
    """The zip with the function's code."""

    sha256: str


@dataclass(frozen=True)
class Sensitive:
    """A value that only AWS may read. No message, log line or `repr` may contain it."""

    value: str = field(repr=False)
    version: str
    """Changes when the value may have changed, and reveals nothing about the value."""


@dataclass(frozen=True)
class Resource:
    """One resource: its name in the stack, its Pulumi type and its inputs."""

    name: str
    type: str
    inputs: Inputs
    depends_on: tuple[str, ...] = ()
    holds_data: bool = False
    """If True, the engine never deletes the resource. Only the operator's own disposal deletes data, after confirmation."""


@dataclass(frozen=True)
class Blueprint(Addresses):
    """All resources of one pipeline, in the order in which they can be created."""

    owner: Owner
    place: Place
    names: Names
    code: FunctionCode
    resources: tuple[Resource, ...] = ()
    listens_to_bucket: bool = True
    """Whether the bucket's own events are the trigger."""
    trail_arn: str = ""
    access: Access = OWN
    """The access with which the pipeline is built."""

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that an update uses. If the fingerprint has not changed, no update is needed."""
        document: dict[str, Any] = {
            "place": [self.place.account_id, self.place.region, self.place.partition],
            "trigger": [self.names.source_bucket, self.listens_to_bucket, self.trail_arn],
            "resources": [[r.name, r.type, r.inputs, r.depends_on, r.holds_data] for r in self.resources],
        }
        if self.access:
            document["access"] = self.access.to_document()
        return hashlib.sha256(json.dumps(document, sort_keys=True, default=repr).encode()).hexdigest()

    @property
    def outputs(self) -> Outputs:
        """Names and ARNs of the resources. They are known beforehand, because all names are deterministic."""
        names, place = self.names, self.place
        return Outputs(
            bucket_name=names.source_bucket,
            bucket_arn=place.bucket_arn(names.source_bucket),
            function_name=names.function,
            function_arn=self.function_arn,
            rule_arn=self.rule_arn,
            results_bucket=names.results.name or None,
            results_prefix=names.results_prefix if names.results else None,
            results_table=names.table.name or None,
            trail_arn=self.trail_arn or None,
            log_group=names.log_group,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The sensitive values, which no message may contain."""
        return tuple(dict.fromkeys(v for r in self.resources for v in _sensitive(r.inputs.values()) if v))


def _sensitive(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Sensitive):
            yield value.value
        elif isinstance(value, Mapping):
            yield from _sensitive(value.values())


def as_json(document: Inputs) -> str:
    """A policy or pattern as the text that AWS accepts."""
    return json.dumps(document, sort_keys=True)
