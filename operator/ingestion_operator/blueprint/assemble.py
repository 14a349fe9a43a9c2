"""Assembles the blueprint of a pipeline from its spec."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.blueprint.function_code import FunctionCode
from ingestion_operator.blueprint.names import names_of
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.parts.buckets import results_bucket, source_bucket
from ingestion_operator.blueprint.parts.delivery import dead_letters, delivery
from ingestion_operator.blueprint.parts.draft import Draft
from ingestion_operator.blueprint.parts.function import function, role
from ingestion_operator.blueprint.parts.results import table
from ingestion_operator.blueprint.parts.trail import trail
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint, Sensitive
from ingestion_operator.model.environment import SecretKey
from ingestion_operator.model.source import Trigger
from ingestion_operator.model.spec import Spec

GROUPS = (source_bucket, results_bucket, table, trail, dead_letters, role, function, delivery)


def assemble(
    spec: Spec,
    owner: Owner,
    place: Place,
    code: FunctionCode,
    secrets: Mapping[SecretKey, Sensitive] | None = None,
    access: Access = OWN,
    state_bucket: str = "",
) -> Blueprint:
    """All resources that the spec asks for. `secrets` has a value for each key of a Secret that the environment names.

    `state_bucket` is the bucket with the operator's state, if there is one. The function gets no right to it.
    """
    draft = Draft(spec, owner, place, names_of(spec, owner, place), code, secrets or {}, state_bucket)
    return Blueprint(
        owner,
        place,
        draft.names,
        code,
        tuple(resource for group in GROUPS for resource in group(draft)),
        listens_to_bucket=spec.source.trigger is Trigger.EVENT_BRIDGE,
        trail_arn=draft.trail_arn,
        access=access,
    )
