"""Which account a pipeline uses, and whether it may use it: tables of values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import KEY, make_blueprint
from fakes import FakeCluster
from ingestion_operator.blueprint.access import OWN, Access, access_of
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.place import Place
from ingestion_operator.errors import (
    AccessDenied,
    AccountChanged,
    DependencyNotReady,
    PipelineError,
    SeveralDefaults,
    SpecInvalid,
)
from ingestion_operator.model.account import parse_account
from ingestion_operator.model.pipeline import PipelineRecord
from ingestion_operator.model.status import Status, Workings
from ingestion_operator.observe.account_choice import (
    access_as_built,
    access_for,
    account_of,
    check_default,
    matches,
    permit,
    pipelines_built_with,
    refuse_another_account,
)

ROLE = "arn:aws:iam::210987654321:role/ingestion"
BOUNDS = "arn:aws:iam::123456789012:policy/team/bounds"


def body(name: str = "search", *, deleting: bool = False, **spec: Any) -> dict[str, Any]:
    end = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {}
    metadata = {"name": name, "uid": f"uid-of-{name}", "generation": 1, **end}
    return {"metadata": metadata, "spec": {"roleArn": ROLE, "allowedNamespaces": ["*"], **spec}}


def cluster(*bodies: dict[str, Any]) -> FakeCluster:
    return FakeCluster(accounts_by_name={found["metadata"]["name"]: found for found in bodies})


def identity(named: str = "", recorded: str | None = None, account_id: str = "210987654321") -> PipelineRecord:
    stack = None if recorded is None else Workings(name="s", region="r", account=recorded, account_id=account_id)
    return PipelineRecord(KEY, "uid-1", 1, account=named, status=Status(workings=stack))


@pytest.mark.parametrize(
    ("pattern", "namespace", "expected"),
    [
        ("team-a", "team-a", True),
        ("team-a", "team-ab", False),
        ("team-a", "team", False),
        ("team-*", "team-a", True),
        ("team-*", "team-", True),
        ("team-*", "team", False),
        ("team-*", "a-team-a", False),
        ("*", "anything", True),
    ],
)
def test_a_namespace_is_named_or_begins_as_the_pattern_does(pattern: str, namespace: str, expected: bool) -> None:
    assert matches(pattern, namespace) is expected


@pytest.mark.parametrize(
    ("spec", "namespace", "region", "message"),
    [
        ({"allowedNamespaces": []}, "team-a", "eu-west-1", "add it to allowedNamespaces"),
        (
            {"allowedNamespaces": ["team-b", "b-*"]},
            "team-a",
            "eu-west-1",
            "namespace team-a may not use AWSAccount search",
        ),
        ({"allowedNamespaces": ["team-b", "team-*"]}, "team-a", "eu-west-1", ""),
        ({"allowedRegions": ["eu-west-1"]}, "team-a", "eu-west-1", ""),
        ({"allowedRegions": ["eu-west-1", "eu-west-2"]}, "team-a", "us-east-1", "only in eu-west-1, eu-west-2"),
    ],
)
def test_who_may_be_built_where(spec: dict[str, Any], namespace: str, region: str, message: str) -> None:
    account = parse_account(body(**spec))
    if not message:
        permit(account, namespace, region)
        return
    with pytest.raises(AccessDenied, match=message):
        permit(account, namespace, region)


DEFAULT = body("blue", default=True)
SECOND = body("green", default=True)
GOING = body("red", deleting=True, default=True)


@pytest.mark.parametrize(
    ("accounts", "pipeline", "expected"),
    [
        pytest.param([], identity(), None, id="none at all"),
        pytest.param([body()], identity(), None, id="none is the default"),
        pytest.param([body(), DEFAULT], identity(), "blue", id="the default"),
        pytest.param([GOING, DEFAULT], identity(), "blue", id="one that goes is no default any more"),
        pytest.param([GOING], identity(), None, id="the only default goes"),
        pytest.param([body(), DEFAULT], identity("search"), "search", id="the one that is named"),
        pytest.param([body(), DEFAULT], identity(recorded=""), None, id="the operator's own, as recorded"),
        pytest.param([body(), DEFAULT], identity(recorded="search"), "search", id="a former default, as recorded"),
        pytest.param(
            [DEFAULT, SECOND], identity(recorded="blue"), "blue", id="as recorded, whatever is the default now"
        ),
    ],
)
def test_the_account_is_as_recorded_else_as_named_else_the_default(
    accounts: list[dict[str, Any]], pipeline: PipelineRecord, expected: str | None
) -> None:
    found = account_of(cluster(*accounts), pipeline)
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("accounts", "pipeline", "error", "message"),
    [
        ([], identity("search"), DependencyNotReady, "AWSAccount search, named by spec.accountRef, does not exist"),
        ([], identity(recorded="search"), DependencyNotReady, "with a role of account 210987654321"),
        ([DEFAULT, SECOND], identity(), DependencyNotReady, "AWSAccounts blue, green are all marked default"),
        ([body(deleting=True)], identity("search"), DependencyNotReady, "is being deleted"),
        ([body(allowedNamespaces=[])], identity("search"), AccessDenied, "namespace team-a"),
        ([body(roleArn=7)], identity("search"), SpecInvalid, "AWSAccount search: spec.roleArn"),
    ],
)
def test_what_keeps_a_pipeline_from_its_account(
    accounts: list[dict[str, Any]], pipeline: PipelineRecord, error: type[PipelineError], message: str
) -> None:
    with pytest.raises(error, match=message):
        access_for(cluster(*accounts), pipeline, "eu-west-1")


def test_what_was_built_can_be_taken_down_without_leave_and_while_the_account_goes() -> None:
    found = access_as_built(cluster(body(deleting=True, allowedNamespaces=[])), identity(recorded="search"))
    assert found.account == "search"
    assert access_as_built(cluster(DEFAULT), identity(recorded="")) == OWN


def test_an_access_has_everything_that_the_account_says_and_tells_the_operator_by_its_cluster() -> None:
    spec: dict[str, Any] = {
        "externalId": "id-1",
        "sessionTags": {"team": "search"},
        "sessionDurationSeconds": 900,
        "endpointUrl": "https://there/",
        "permissionsBoundary": BOUNDS,
    }
    found = access_of(parse_account(body(**spec)), "0b5e6c9a")
    assert found == Access(
        "search", ROLE, "id-1", {"team": "search"}, 900, "ingestion-operator-0b5e6c9a", "https://there", BOUNDS
    )
    assert (found.account_id, bool(found), bool(OWN), OWN.account_id) == ("210987654321", True, False, "")
    assert len(access_of(parse_account(body()), "c" * 99).session_name) == 64


@pytest.mark.parametrize(
    ("own", "operators", "expected"),
    [
        ("arn:aws:iam::210987654321:policy/mine", BOUNDS, "arn:aws:iam::210987654321:policy/mine"),
        ("", BOUNDS, "arn:aws:iam::210987654321:policy/team/bounds"),
        ("", "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/PowerUserAccess"),
        ("", "", ""),
    ],
)
def test_a_boundary_is_of_the_account_that_the_role_is_in(own: str, operators: str, expected: str) -> None:
    assert Access("search", ROLE, permissions_boundary=own).boundary(operators) == expected


def test_the_operators_own_boundary_is_as_it_is_set() -> None:
    assert OWN.boundary(BOUNDS) == BOUNDS


@pytest.mark.parametrize(
    "changed",
    [
        {"role_arn": f"{ROLE}-2"},
        {"external_id": "x2"},
        {"session_tags": {"a": "b"}},
        {"session_seconds": 900},
        {"endpoint_url": "https://there"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_access_is_another_fingerprint(changed: dict[str, Any]) -> None:
    def fingerprint(access: Access) -> str:
        plain = make_blueprint()
        return replace(plain, access=access).fingerprint

    access = Access("search", ROLE)
    assert fingerprint(access) == fingerprint(Access("search", ROLE))
    assert fingerprint(replace(access, **changed)) != fingerprint(access)
    assert fingerprint(OWN) == make_blueprint().fingerprint
    assert assemble.__defaults__ == (None, OWN, "")


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (identity(recorded="search"), "AWSAccount search belongs to AWS account 999999999999"),
        (identity(recorded=""), "the operator's own identity belongs to AWS account 999999999999"),
        (identity(recorded="search", account_id="999999999999"), ""),
        (identity(recorded="search", account_id=""), ""),
        (identity("search"), ""),
    ],
)
def test_what_was_built_elsewhere_is_not_worked_on(pipeline: PipelineRecord, message: str) -> None:
    place = Place("999999999999", "eu-west-1")
    if not message:
        refuse_another_account(pipeline, place)
        return
    with pytest.raises(AccountChanged, match=message):
        refuse_another_account(pipeline, place)


def test_of_several_defaults_each_is_told_and_no_other() -> None:
    accounts = [parse_account(found) for found in (body(), DEFAULT, SECOND, GOING)]
    for account in accounts[1:3]:
        with pytest.raises(SeveralDefaults, match="blue, green are all marked default: set default to false"):
            check_default(account, accounts)
    check_default(accounts[0], accounts)
    check_default(accounts[1], accounts[:2])


def test_the_users_of_an_account_are_those_that_were_begun_with_it() -> None:
    def pipeline(name: str, **more: Any) -> dict[str, Any]:
        return {"metadata": {"namespace": "team-a", "name": name, "uid": "u"}, **more}

    stack = {"name": "s", "region": "r", "account": "search"}
    bodies = [
        pipeline("b", status={"workings": stack}),
        pipeline("a", status={"workings": stack}),
        pipeline("named", spec={"accountRef": {"name": "search"}}),
        pipeline("other", status={"workings": {**stack, "account": "other"}}),
    ]
    assert [str(key) for key in pipelines_built_with("search", bodies)] == ["team-a/a", "team-a/b"]


def test_an_account_with_a_status_of_another_version_is_read() -> None:
    assert parse_account({**body(), "status": {"conditions": 7}}).status.conditions == ()
