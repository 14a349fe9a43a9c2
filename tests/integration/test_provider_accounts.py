"""The stand-in assumes a role: it works in the role's account, renews sessions, and refuses what the real provider refuses."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from pulumi.runtime.proto import provider_pb2

from aws_accounts import OtherAccount
from ingestion_local.emulator import Emulator
from ingestion_local.processes import wait_until
from ingestion_local.provider.properties import to_struct
from ingestion_local.provider.server import StandIn
from integration.provider_engine import Aborted, Engine, new_call
from integration.provider_types import BUCKET

LIFETIME_SECONDS = 2


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> OtherAccount:
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    return OtherAccount(emulator, f"{uuid4().int % 10**12:012d}")


def configured(said: dict[str, Any]) -> Engine:
    provider = StandIn("1.2.3")
    args = to_struct({name: json.dumps(value) for name, value in said.items()})
    provider.Configure(provider_pb2.ConfigureRequest(args=args), new_call())
    return Engine(provider)


def operator(emulator: Emulator) -> str:
    return f"arn:aws:iam::{emulator.account_id}:root"


def test_a_bucket_is_made_in_the_account_of_the_role_also_when_the_first_session_is_over(
    emulator: Emulator, account: OtherAccount
) -> None:
    role = account.role("op", operator(emulator), session_seconds=LIFETIME_SECONDS)
    begun = time.monotonic()
    engine = configured({"assumeRoles": [{"roleArn": role}], "allowedAccountIds": [account.number]})
    first, second = f"first-{account.number}", f"second-{account.number}"
    engine.create(BUCKET, {"bucket": first})
    wait_until("the end of the session", lambda: time.monotonic() > begun + LIFETIME_SECONDS + 1, timeout_seconds=30)
    engine.create(BUCKET, {"bucket": second})
    buckets = [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]]
    assert buckets == [first, second]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "Cannot assume IAM Role"),
        ({"externalId": "wrong-1"}, "not authorized to perform: sts:AssumeRole"),
        ({"externalId": "right-1", "tags": {"a": "b"}}, "not authorized to perform: sts:TagSession"),
    ],
)
def test_a_role_that_does_not_trust_this_is_an_error_when_it_is_configured(
    emulator: Emulator, account: OtherAccount, said: dict[str, Any], message: str
) -> None:
    role = account.role("op", operator(emulator), external_id="right-1")
    with pytest.raises(Aborted, match=message):
        configured({"assumeRoles": [{"roleArn": role, **said}]})


def test_a_session_cannot_be_longer_than_the_role_lets_it(emulator: Emulator, account: OtherAccount) -> None:
    role = account.role("op", operator(emulator))
    with pytest.raises(Aborted, match="MaxSessionDuration"):
        configured({"assumeRoles": [{"roleArn": role, "duration": "2h"}]})


def test_an_account_that_is_not_allowed_is_an_error(emulator: Emulator, account: OtherAccount) -> None:
    role = account.role("op", operator(emulator))
    with pytest.raises(Aborted, match=f"AWS account ID not allowed: {account.number}"):
        configured({"assumeRoles": [{"roleArn": role}], "allowedAccountIds": [emulator.account_id]})
    with pytest.raises(Aborted, match=f"AWS account ID not allowed: {emulator.account_id}"):
        configured({"allowedAccountIds": [account.number]})


def test_another_role_changes_the_provider_and_another_region_replaces_it() -> None:
    def diff(before: dict[str, Any], after: dict[str, Any]) -> Any:
        request = provider_pb2.DiffRequest(old_inputs=to_struct(before), news=to_struct(after))
        return StandIn("1.2.3").DiffConfig(request, new_call())

    one, two = ({"assumeRoles": json.dumps([{"roleArn": arn}])} for arn in ("a", "b"))
    same, other, moved = diff(one, one), diff(one, two), diff(one, {**one, "region": "eu-west-1"})
    response = provider_pb2.DiffResponse
    assert (same.changes, list(same.diffs)) == (response.DIFF_NONE, [])
    assert (other.changes, list(other.diffs), list(other.replaces)) == (response.DIFF_SOME, ["assumeRoles"], [])
    assert list(moved.replaces) == ["region"]
