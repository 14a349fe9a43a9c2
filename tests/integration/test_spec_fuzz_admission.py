"""The CEL rules and the core agree: the operator plans every spec that the API server accepts, or refuses it in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ingestion_local.control_plane import ControlPlane
from ingestion_operator.observe.observed import Buildable, Unbuildable
from integration.admission_api import connected, manifest, tried
from integration.admission_rows import ACCEPTED
from unit import plan_rules
from unit.spec_strategies import crossings, crowds, planned, profile, specs, spoiled


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[client.CustomObjectsApi]:
    with connected(control_plane) as connection:
        yield connection


def admitted(api: client.CustomObjectsApi, spec: Any) -> Any:
    """The spec with its defaults, as the API server would store it. Raises ApiException if the API server refuses it."""
    return tried(api, {**manifest(), "spec": spec})["spec"]


def can_be_sent(document: Any) -> bool:
    """Whether the document is valid JSON in UTF-8."""
    try:
        json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@profile(60)
@given(spec=specs)
def test_every_good_spec_is_admitted_and_planned(api: client.CustomObjectsApi, spec: dict[str, Any]) -> None:
    found = planned(admitted(api, spec))
    assert isinstance(found, Buildable), found.problem
    plan_rules.holds_for(found.blueprint, found.spec)
    unstored = planned(spec)
    assert isinstance(unstored, Unbuildable) or found.blueprint.fingerprint == unstored.blueprint.fingerprint


@profile(160)
@given(spec=st.one_of(crossings, crowds, spoiled()))
def test_a_doubtful_spec_that_is_admitted_is_planned_or_refused_in_words(
    api: client.CustomObjectsApi, spec: Any
) -> None:
    assume(can_be_sent(spec))
    try:
        stored = admitted(api, spec)
    except ApiException as refused:
        if refused.status in {400, 422}:
            return
        raise
    event("admitted")
    found = planned(stored)
    if isinstance(found, Unbuildable):
        assert str(found.problem)
    else:
        plan_rules.holds_for(found.blueprint, found.spec)


@pytest.mark.parametrize("sentence", ACCEPTED)
def test_every_row_that_is_accepted_is_planned_or_waits_for_its_code(sentence: str) -> None:
    found = planned(manifest(*ACCEPTED[sentence])["spec"])
    if isinstance(found, Unbuildable):
        assert "code" in sentence
        assert str(found.problem)
    else:
        plan_rules.holds_for(found.blueprint, found.spec)
