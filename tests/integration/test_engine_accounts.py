"""The engine adapter with the role of an AWSAccount, on the real CLI: in the account, with sessions that end, and after a change."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest

from aws_accounts import OtherAccount
from builders import make_spec
from ingestion_local.emulator import Emulator
from ingestion_local.provider.install import install
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import AccessDenied, UpdateFailed
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.ports.engine import DestroyRequest, Scope, StackRef, UpdateRequest

REGION = "us-east-1"
# They end on a full second: one of one second can be over when it is used.
LIFETIME_SECONDS = 2
CODE = "def handler(event, context): ..."


@pytest.fixture
def settings(
    tmp_path: Path, tools: Mapping[str, Path], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> EngineSettings:
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "state").mkdir()
    (tmp_path / "passphrase").write_text("correct horse")
    install(tmp_path / "home")
    return EngineSettings(tools["pulumi"], f"file://{tmp_path / 'state'}", tmp_path / "home", tmp_path / "passphrase")


@pytest.fixture
def engine(settings: EngineSettings) -> PulumiEngine:
    return PulumiEngine(settings, FileState(settings.backend_url.removeprefix("file://")))


@pytest.fixture
def account(emulator: Emulator) -> OtherAccount:
    """An account that no other test has."""
    return OtherAccount(emulator, f"{uuid4().int % 10**12:012d}")


@pytest.fixture
def operator(emulator: Emulator) -> str:
    found: str = emulator.client("sts").get_caller_identity()["Arn"]
    return found


def access_to(role: str, external_id: str = "", **more: Any) -> Access:
    return Access("search", role, external_id, **more)


def made(access: Access, name: str = "there", **spec: Any) -> Blueprint:
    # Buckets stay, and their names are everybody's.
    owner = Owner("it", PipelineKey(f"accounts-{access.account_id}", name), "uid")
    place = Place(access.account_id, REGION)
    code = CodeBundle.of({"index.py": CODE})
    return assemble(make_spec(results={"bucket": {}}, **spec), owner, place, code, access=access)


def request(wanted: Blueprint, *, create: bool = False, refresh: bool = False) -> UpdateRequest:
    stack = StackRef(wanted.owner.key.name, REGION, access=wanted.access)
    scope = Scope.LEFTOVERS if create else Scope.DRIFT if refresh else Scope.CHANGES
    return UpdateRequest(stack, wanted, 240, create=create, scope=scope)


def providers(engine: PulumiEngine, name: str = "there") -> list[dict[str, Any]]:
    path = Path(engine.backend_url.removeprefix("file://")) / f".pulumi/stacks/ingestion/{name}.json"
    resources = json.loads(path.read_text())["checkpoint"]["latest"]["resources"]
    return [r for r in resources if r["type"] == "pulumi:providers:aws"]


def test_everything_is_made_in_the_account_of_the_role_and_taken_down_there(
    engine: PulumiEngine, account: OtherAccount, emulator: Emulator, operator: str
) -> None:
    tags = {"team": "search"}
    role = account.role("op", operator, external_id="id-1", tags=tags)
    access = access_to(role, "id-1", session_tags=MappingProxyType(tags))
    wanted = made(access)
    result = engine.update(request(wanted, create=True), lambda _: None)

    assert result.changes.create == len(wanted.resources)
    assert result.cli_processes == 2
    assert account.functions() == [wanted.names.function]
    assert wanted.names.function not in [
        f["FunctionName"] for f in emulator.client("lambda").list_functions()["Functions"]
    ]
    (provider,) = providers(engine)
    assert provider["urn"].endswith("::account")
    assert "test" not in json.dumps(provider["inputs"]), "the operator's own keys are not in the state"

    again = engine.update(request(wanted, refresh=True), lambda _: None)
    assert again.changed == ()
    engine.destroy(DestroyRequest(StackRef("there", REGION, access=access), 240), lambda _: None)
    assert account.functions() == []


def test_another_external_id_or_role_replaces_nothing_and_a_destroy_needs_no_update_before(
    engine: PulumiEngine, account: OtherAccount, operator: str
) -> None:
    access = access_to(account.role("op", operator, external_id="id-1"), "id-1")
    engine.update(request(made(access), create=True), lambda _: None)

    account.trust("op", operator, "id-2")
    with pytest.raises(AccessDenied, match="AssumeRole"):
        engine.update(request(made(access)), lambda _: None)
    moved = replace(access, external_id="id-2")
    assert engine.update(request(made(moved)), lambda _: None).changed == ()

    account.client("iam").delete_role_policy(RoleName="op", PolicyName="operator-0")
    account.client("iam").delete_role(RoleName="op")
    another = access_to(account.role("op-2", operator))
    looked = engine.update(request(made(another), refresh=True), lambda _: None)
    assert looked.changed == (), "AWS is read with the new role, although the state has the old one"

    account.client("iam").delete_role_policy(RoleName="op-2", PolicyName="operator-0")
    account.client("iam").delete_role(RoleName="op-2")
    last = access_to(account.role("op-3", operator))
    # The function's role is gone too, of which IAM speaks only to a destroy that reads AWS first.
    iam, gone = account.client("iam"), made(last).names.role
    for policy in iam.list_role_policies(RoleName=gone)["PolicyNames"]:
        iam.delete_role_policy(RoleName=gone, PolicyName=policy)
    iam.delete_role(RoleName=gone)
    with pytest.raises(AccessDenied, match="iam:DeleteRole"):
        engine.destroy(DestroyRequest(StackRef("there", REGION, access=last), 240), lambda _: None)
    engine.destroy(DestroyRequest(StackRef("there", REGION, access=last), 240, refresh=True), lambda _: None)
    assert account.functions() == []


def test_what_was_changed_there_is_put_back_and_what_stayed_is_taken_over(
    engine: PulumiEngine, account: OtherAccount, operator: str
) -> None:
    access = access_to(account.role("op", operator))
    wanted = made(access)
    engine.update(request(wanted, create=True), lambda _: None)
    account.client("lambda").update_function_configuration(FunctionName=wanted.names.function, Timeout=3)
    account.client("sqs").delete_queue(
        QueueUrl=account.client("sqs").get_queue_url(QueueName=wanted.names.queue)["QueueUrl"]
    )
    looked = engine.update(request(wanted, refresh=True), lambda _: None)
    assert {"function", "dead-letter-queue"} <= set(looked.changed)
    found = account.client("lambda").get_function_configuration(FunctionName=wanted.names.function)
    assert found["Timeout"] == 60

    engine.destroy(DestroyRequest(StackRef("there", REGION, access=access), 240), lambda _: None)
    adopt = {"source-bucket": wanted.names.source.name, "results-bucket": wanted.names.results.name}
    again = replace(request(wanted, create=True, refresh=True), adopt=lambda _scope, _known: adopt)
    assert engine.update(again, lambda _: None).changes.create == len(wanted.resources)
    assert engine.update(request(wanted, refresh=True), lambda _: None).changed == ()


def test_an_update_works_with_sessions_of_two_seconds_each(
    engine: PulumiEngine, account: OtherAccount, operator: str
) -> None:
    access = access_to(account.role("op", operator, session_seconds=LIFETIME_SECONDS))
    wanted = made(access, source={"trigger": "CloudTrail"})
    first: list[float] = []
    result = engine.update(request(wanted, create=True), lambda _: first.append(time.monotonic()))
    assert result.changes.create == len(wanted.resources)
    engine.update(request(wanted, refresh=True), lambda _: None)
    assert time.monotonic() - first[0] > LIFETIME_SECONDS
    engine.destroy(DestroyRequest(StackRef("there", REGION, access=access), 240), lambda _: None)
    assert account.functions() == []


def test_the_endpoint_of_an_account_is_where_the_provider_calls(
    engine: PulumiEngine, account: OtherAccount, operator: str, emulator: Emulator
) -> None:
    elsewhere = Access("search", account.role("op", operator), endpoint_url="https://127.0.0.1:1")
    with pytest.raises(UpdateFailed, match=r"127\.0\.0\.1:1"):
        engine.update(request(made(elsewhere), create=True), lambda _: None)
    there = replace(elsewhere, endpoint_url=emulator.endpoint)
    wanted = made(there)
    assert engine.update(request(wanted), lambda _: None).changes.create == len(wanted.resources)
    engine.destroy(DestroyRequest(StackRef("there", REGION, access=there), 240), lambda _: None)
