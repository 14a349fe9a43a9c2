"""The AWSAccounts that the API server accepts, and those that it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ingestion_local.control_plane import ControlPlane
from ingestion_local.environment import CRDS
from integration.admission_accounts import ACCEPTED, FORBIDDEN, PERMITTED, REFUSED
from integration.admission_api import ACCOUNTS, Document, account, connected, tried_account
from integration.admission_rows import Change, Forbidden, Refusal
from integration.test_admission import bounds_of, causes, fields, says, without_positions

SCHEMA: dict[str, Any] = yaml.safe_load(next(Path(CRDS).glob("*awsaccounts.yaml")).read_text())["spec"]["versions"][0][
    "schema"
]["openAPIV3Schema"]["properties"]["spec"]
DEFAULTS = {
    "externalId": "",
    "sessionTags": {},
    "sessionDurationSeconds": 3600,
    "allowedNamespaces": [],
    "allowedRegions": [],
    "endpointUrl": "",
    "permissionsBoundary": "",
    "default": False,
}


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[client.CustomObjectsApi]:
    with connected(control_plane) as connection:
        yield connection


@pytest.mark.parametrize("sentence", ACCEPTED)
def test_what_can_work_is_accepted_with_every_default(api: client.CustomObjectsApi, sentence: str) -> None:
    changes = ACCEPTED[sentence]
    assert tried_account(api, account(*changes))["spec"] == {**account()["spec"], **DEFAULTS, **dict(changes)}


@pytest.mark.parametrize("row", [pytest.param(row, id=sentence) for sentence, row in REFUSED.items()])
def test_what_cannot_work_is_refused_with_what_to_write_instead(api: client.CustomObjectsApi, row: Refusal) -> None:
    with pytest.raises(ApiException) as refused:
        tried_account(api, account(*row.changes))
    found = causes(refused.value)
    assert says(found, row.field, row.message), found


@pytest.mark.parametrize("row", [pytest.param(row, id=sentence) for sentence, row in FORBIDDEN.items()])
def test_a_change_that_would_lose_pipelines_is_refused(api: client.CustomObjectsApi, row: Forbidden) -> None:
    with pytest.raises(ApiException) as refused:
        replaced(api, row.before, row.after)
    assert says(causes(refused.value), row.field, row.message), causes(refused.value)


@pytest.mark.parametrize(("before", "after"), [pytest.param(*row, id=sentence) for sentence, row in PERMITTED.items()])
def test_every_other_change_is_accepted(
    api: client.CustomObjectsApi, before: list[Change], after: list[Change]
) -> None:
    assert replaced(api, before, after)


def replaced(api: client.CustomObjectsApi, before: list[Change], after: list[Change]) -> Document:
    """The answer to a change of an account that really exists."""
    created = cast(Document, api.create_cluster_custom_object(**ACCOUNTS, body=account(*before, name="changing")))
    wanted = account(*after, name="changing", resourceVersion=created["metadata"]["resourceVersion"])
    try:
        answer = api.replace_cluster_custom_object(**ACCOUNTS, name="changing", body=wanted, dry_run="All")
        return cast(Document, answer)
    finally:
        api.delete_cluster_custom_object(**ACCOUNTS, name="changing")


def test_every_rule_and_every_bound_of_the_schema_has_a_row() -> None:
    rows = without_positions(chain(REFUSED.values(), FORBIDDEN.values()), maps=("sessionTags",))
    rules = {
        (path + rule.get("fieldPath", ""), rule["message"])
        for path, node in fields(SCHEMA)
        for rule in node.get("x-kubernetes-validations") or ()
    }
    assert len(rules) > 8
    assert rules <= rows
    bounds = {bound for path, node in fields(SCHEMA) for bound in bounds_of(path, node)}
    assert len(bounds) > 10
    assert {(at, text) for at, text in bounds if not any(at == a and m.endswith(text) for a, m in rows)} == set()


NAMED = [(path, node) for path, node in fields(SCHEMA) if not path.endswith(("[]", ".*"))]


@pytest.mark.parametrize(("path", "node"), [pytest.param(*row, id=row[0]) for row in NAMED])
def test_every_field_has_a_description_in_sentences(path: str, node: Mapping[str, Any]) -> None:
    text = node.get("description", "")
    assert text.endswith("."), path
    assert len(text.split()) >= 3


def test_kubectl_lists_accounts_with_what_matters(control_plane: ControlPlane, api: client.CustomObjectsApi) -> None:
    api.create_cluster_custom_object(**ACCOUNTS, body=account(name="listed"))
    try:
        shown = control_plane.run_kubectl("get", "awsaccount", "listed", "-o", "wide").stdout.splitlines()
        head = "NAME READY STATUS ACCOUNT DEFAULT PIPELINES AGE ROLE NAMESPACES MESSAGE"
        assert shown[0].split() == head.split()
        assert "arn:aws:iam::" in shown[1]
    finally:
        api.delete_cluster_custom_object(**ACCOUNTS, name="listed")
