"""All that is known about a pipeline before a decision: what is recorded, and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import PipelineRecord
from ingestion_operator.model.spec import Spec
from ingestion_operator.observe.advice import Advice


@dataclass(frozen=True)
class Buildable:
    """The spec, its code and everything it refers to are there: this is what it asks for."""

    spec: Spec
    blueprint: Blueprint
    advice: tuple[Advice, ...] = ()
    """What the user should know although it works."""


@dataclass(frozen=True)
class Unbuildable:
    """There is no blueprint: an invalid spec, code that does not compile, a missing ConfigMap."""

    problem: PipelineError
    spec: Spec | None = None
    """None if the spec itself cannot be read."""


@dataclass(frozen=True)
class Observed:
    """One pipeline as it is and as it should be."""

    record: PipelineRecord
    wanted: Buildable | Unbuildable
