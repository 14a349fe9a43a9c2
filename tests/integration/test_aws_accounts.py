"""The AWS adapter with the role of an AWSAccount: whose account it is, sessions that end, and the message when there is none."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from aws_accounts import OtherAccount
from ingestion_local.emulator import Emulator
from ingestion_local.processes import wait_until
from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.adapters.aws.assumed import request
from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.errors import AccessDenied, CredentialsMissing, PipelineError, UpdateFailed

REGION = "us-east-1"
LIFETIME_SECONDS = 2
TAGS = {"team": "search"}


@pytest.fixture
def cloud(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Boto3Cloud:
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    return Boto3Cloud(path_style=True, permissions_boundary="arn:aws:iam::123456789012:policy/bounds")


@pytest.fixture
def account(emulator: Emulator) -> OtherAccount:
    return OtherAccount(emulator, f"{uuid4().int % 10**12:012d}")


@pytest.fixture
def operator(emulator: Emulator) -> str:
    return f"arn:aws:iam::{emulator.account_id}:root"


def test_calls_end_in_the_account_of_the_role_and_the_operators_own_stay_where_they_were(
    cloud: Boto3Cloud, account: OtherAccount, operator: str
) -> None:
    role = account.role("op", operator, external_id="id-1", tags=TAGS)
    access = Access("search", role, "id-1", TAGS, session_name="ingestion-operator-it")
    there = cloud.using(access)
    place = there.place(REGION)
    assert place.account_id == account.number
    assert place.permissions_boundary == f"arn:aws:iam::{account.number}:policy/bounds"
    assert cloud.place(REGION).account_id == "123456789012"
    assert cloud.using(OWN) is cloud
    assert cloud.using(access) is there
    bucket = f"theirs-{account.number}"
    account.client("s3").create_bucket(Bucket=bucket)
    there.tag_bucket(bucket, REGION, {"a": "b"})
    assert there.bucket_tags(bucket, REGION) == {"a": "b"}
    assumed = cloud.assume(access)
    assert assumed.account_id == account.number
    assert assumed.arn == f"arn:aws:sts::{account.number}:assumed-role/op/ingestion-operator-it"


def test_an_account_that_says_something_else_is_reached_so(
    cloud: Boto3Cloud, account: OtherAccount, operator: str
) -> None:
    role = account.role("op", operator, external_id="id-2")
    with pytest.raises(AccessDenied):
        cloud.using(Access("search", role, "id-1")).place(REGION)
    assert cloud.using(Access("search", role, "id-2")).place(REGION).account_id == account.number


def test_a_session_is_renewed_when_it_ends(cloud: Boto3Cloud, account: OtherAccount, operator: str) -> None:
    there = cloud.using(Access("search", account.role("op", operator, session_seconds=LIFETIME_SECONDS)))
    begun = time.monotonic()
    assert there.bucket_tags("no-such-bucket", REGION) is None
    wait_until("the end of the session", lambda: time.monotonic() > begun + LIFETIME_SECONDS + 1, timeout_seconds=30)
    assert there.bucket_tags("no-such-bucket", REGION) is None


def test_a_session_of_an_hour_is_begun_once(
    cloud: Boto3Cloud, account: OtherAccount, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Access] = []

    def counted(access: Access) -> dict[str, Any]:
        begun.append(access)
        return request(access)

    monkeypatch.setattr("ingestion_operator.adapters.aws.assumed.request", counted)
    for seconds in (900, 3600):
        there = cloud.using(Access("search", account.role(f"op-{seconds}", operator), session_seconds=seconds))
        for _ in range(3):
            there.bucket_tags("no-such-bucket", REGION)
    assert len(begun) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "sts:AssumeRole"),
        ({"external_id": "wrong-1"}, "ingestion-operator trust-policy"),
        ({"external_id": "right-1", "session_tags": TAGS}, "sts:TagSession"),
        ({"external_id": "right-1", "session_seconds": 7200}, "MaxSessionDuration"),
    ],
)
def test_what_is_to_be_allowed_is_said(
    cloud: Boto3Cloud, account: OtherAccount, operator: str, given: dict[str, Any], said: str
) -> None:
    access = Access("search", account.role("op", operator, external_id="right-1"), **given)
    for ask in (lambda: cloud.using(access).place(REGION), lambda: cloud.assume(access)):
        with pytest.raises(AccessDenied, match=said) as refused:
            ask()
        assert str(refused.value).startswith("AWSAccount search: ")


def test_the_check_of_a_role_does_not_trust_a_session_that_still_lasts(
    cloud: Boto3Cloud, account: OtherAccount, operator: str
) -> None:
    access = Access("search", account.role("op", operator))
    assert cloud.using(access).place(REGION).account_id == account.number
    account.trust("op", operator, "from-now-on")
    with pytest.raises(AccessDenied):
        cloud.assume(access)


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wrong"}, CredentialsMissing),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:1"}, UpdateFailed),
    ],
)
def test_what_is_wrong_with_the_operator_itself_is_not_the_accounts(
    emulator: Emulator,
    account: OtherAccount,
    operator: str,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    error: type[PipelineError],
) -> None:
    role = account.role("op", operator)
    for name, value in (emulator.env() | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error):
        Boto3Cloud().using(Access("search", role)).place(REGION)


def test_the_endpoint_of_an_account_is_where_every_service_is_reached(
    emulator: Emulator, account: OtherAccount, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (emulator.env() | {"AWS_ENDPOINT_URL": "https://127.0.0.1:1"}).items():
        monkeypatch.setenv(name, value)
    there = Boto3Cloud().using(Access("search", account.role("op", operator), endpoint_url=emulator.endpoint))
    assert there.place(REGION).account_id == account.number
    assert there.bucket_tags("no-such-bucket", REGION) is None
