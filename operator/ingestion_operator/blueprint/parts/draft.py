"""The draft: the values from which every group of resources is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ingestion_operator.blueprint.function_code import FunctionCode
from ingestion_operator.blueprint.names import Addresses, Names
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Sensitive
from ingestion_operator.model.environment import SecretKey
from ingestion_operator.model.spec import Spec

Secrets = Mapping[SecretKey, Sensitive]


@dataclass(frozen=True)
class Draft(Addresses):
    """The input of every group of resources, for one pipeline."""

    spec: Spec
    owner: Owner
    place: Place
    names: Names
    code: FunctionCode
    secrets: Secrets = field(default_factory=lambda: MappingProxyType({}))
    state_bucket: str = ""
    """The bucket in which the operator keeps its state; empty if the state is not in S3."""

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource: the user's tags and the ownership tags."""
        return {**self.spec.tags, **self.owner.tags()}

    @property
    def source_arn(self) -> str:
        """ARN of the source bucket."""
        return self.place.bucket_arn(self.names.source.name)

    @property
    def trail_arn(self) -> str:
        """ARN of the trail that the pipeline makes or names; empty if there is none."""
        given = self.spec.source.cloud_trail.trail_arn if self.spec.source.cloud_trail else ""
        return given or (self.place.arn("cloudtrail", f"trail/{self.names.trail}") if self.names.trail else "")
