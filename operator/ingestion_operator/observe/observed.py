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
    """The spec is valid, its code can run, and everything that it refers to exists."""

    spec: Spec
    blueprint: Blueprint
    advice: tuple[Advice, ...] = ()
    """What the user should know although nothing is wrong."""


@dataclass(frozen=True)
class Unbuildable:
    """There is no blueprint, for example because the spec is invalid or a ConfigMap is missing."""

    problem: PipelineError
    spec: Spec | None = None
    """None if the spec itself cannot be read."""


@dataclass(frozen=True)
class Observed:
    """One pipeline as it is and as it should be."""

    record: PipelineRecord
    wanted: Buildable | Unbuildable
