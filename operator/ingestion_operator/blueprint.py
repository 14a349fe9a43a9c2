"""From a spec to all resources that it asks for."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion_operator.access import OWN, Access
from ingestion_operator.code import FunctionCode
from ingestion_operator.model.processor import SecretKey
from ingestion_operator.model.source import Trigger
from ingestion_operator.model.spec import Spec
from ingestion_operator.names import Place, names_of
from ingestion_operator.naming import Owner
from ingestion_operator.parts.buckets import results_bucket, source_bucket
from ingestion_operator.parts.delivery import dead_letters, delivery
from ingestion_operator.parts.draft import Draft
from ingestion_operator.parts.function import function, role
from ingestion_operator.parts.results import table
from ingestion_operator.parts.trail import trail
from ingestion_operator.resources import Blueprint, Sensitive

GROUPS = (source_bucket, results_bucket, table, trail, dead_letters, role, function, delivery)


def blueprint(
    spec: Spec,
    owner: Owner,
    place: Place,
    code: FunctionCode,
    secrets: Mapping[SecretKey, Sensitive] | None = None,
    access: Access = OWN,
) -> Blueprint:
    """All resources that this spec asks for; `secrets` has a value for each that the environment names."""
    draft = Draft(spec, owner, place, names_of(spec, owner, place), code, secrets or {})
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
