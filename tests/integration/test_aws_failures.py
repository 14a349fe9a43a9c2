"""The AWS adapter when AWS does not answer, when it has no credentials, and when it lacks a right."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from builders import CODE, make_spec
from ingestion_operator.adapters.aws import Boto3Cloud, client_config
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    CredentialsMissing,
    PipelineError,
    UpdateFailed,
)
from ingestion_operator.model.pipeline import PipelineKey
from integration.emulated_account import REGION, Account, account, cloud

__all__ = ["account", "cloud"]


TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:123456789012:trail/audit"
OWNER = Owner("it", PipelineKey("aws", "x"), "u")
CALLS: dict[str, Callable[[Boto3Cloud, Blueprint], object]] = {
    "bucket_tags": lambda cloud, _: cloud.bucket_tags("bkt", REGION),
    "tag_bucket": lambda cloud, _: cloud.tag_bucket("bkt", REGION, {}),
    "count_objects": lambda cloud, _: cloud.count_objects("bkt", REGION, 1),
    "purge_bucket": lambda cloud, _: cloud.purge_bucket("bkt", REGION, OWNER),
    "delete_bucket": lambda cloud, _: cloud.delete_bucket("bkt", REGION, OWNER),
    "bucket_region": lambda cloud, _: cloud.bucket_region("bkt", REGION),
    "switch_on_events": lambda cloud, _: cloud.switch_on_events("bkt", REGION),
    "switch_off_events": lambda cloud, _: cloud.switch_off_events("bkt", REGION),
    "table_tags": lambda cloud, _: cloud.table_tags("tbl", REGION),
    "tag_table": lambda cloud, _: cloud.tag_table("tbl", REGION, {}),
    "count_items": lambda cloud, _: cloud.count_items("tbl", REGION, 1),
    "delete_table": lambda cloud, _: cloud.delete_table("tbl", REGION, OWNER),
    "table_keys": lambda cloud, _: cloud.table_keys("tbl", REGION),
    "package": lambda cloud, _: cloud.package("bkt", "k", "", REGION),
    "trail": lambda cloud, _: cloud.trail(TRAIL_ARN),
    "claim_leftovers": lambda cloud, found: cloud.claim_leftovers(found),
    "wiring_faults": lambda cloud, found: cloud.wiring_faults(found),
    "place": lambda cloud, _: cloud.place(REGION),
}


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Boto3Cloud:
    """An account whose endpoint nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
    monkeypatch.setattr(client_config, "RETRIES", 0)
    return Boto3Cloud(path_style=True)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_endpoint_that_does_not_answer_is_tried_again_later(
    account: Account, unreachable: Boto3Cloud, call: Callable[[Boto3Cloud, Blueprint], object]
) -> None:
    found = assemble(make_spec(), OWNER, _place(account), CodeBundle.of({"index.py": CODE}))
    with pytest.raises(UpdateFailed, match="Could not connect"):
        call(unreachable, found)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_without_credentials_a_person_is_asked_for_them(
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[Boto3Cloud, Blueprint], object],
    tmp_path: Any,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = assemble(make_spec(), OWNER, _place(account), CodeBundle.of({"index.py": CODE}))
    with pytest.raises(CredentialsMissing, match="give its ServiceAccount a role"):
        call(Boto3Cloud(path_style=True), found)


def _place(account: Account) -> Place:
    return Place(account.emulator.account_id, REGION)


@pytest.fixture
def powerless(account: Account, monkeypatch: pytest.MonkeyPatch) -> Boto3Cloud:
    """An identity that may do nothing."""
    for name, value in account.emulator.restricted_env(f"nobody-{account.suffix}", []).items():
        monkeypatch.setenv(name, value)
    return Boto3Cloud(path_style=True)


@pytest.mark.parametrize("call", [name for name in CALLS if name != "place"])
def test_a_right_that_is_missing_is_named(account: Account, powerless: Boto3Cloud, call: str) -> None:
    account_bucket, account_table = account.bucket(), account.table()
    found = assemble(make_spec(), account.owner, _place(account), CodeBundle.of({"index.py": CODE}))
    account.s3.create_bucket(Bucket=found.names.source.name)
    calls: dict[str, Callable[[], object]] = {
        **{name: lambda name=name: CALLS[name](powerless, found) for name in CALLS},  # type: ignore[misc]
        "bucket_tags": lambda: powerless.bucket_tags(account_bucket, REGION),
        "tag_bucket": lambda: powerless.tag_bucket(account_bucket, REGION, {}),
        "count_objects": lambda: powerless.count_objects(account_bucket, REGION, 1),
        "purge_bucket": lambda: powerless.purge_bucket(account_bucket, REGION, OWNER),
        "delete_bucket": lambda: powerless.delete_bucket(account_bucket, REGION, OWNER),
        "bucket_region": lambda: powerless.bucket_region(account_bucket, REGION),
        "switch_on_events": lambda: powerless.switch_on_events(account_bucket, REGION),
        "switch_off_events": lambda: powerless.switch_off_events(account_bucket, REGION),
        "package": lambda: powerless.package(account_bucket, "k", "", REGION),
        "count_items": lambda: powerless.count_items(account_table, REGION, 1),
        "table_keys": lambda: powerless.table_keys(account_table, REGION),
    }
    # A bucket that may not be looked at is somebody else's, as far as the operator can tell.
    taken = {"bucket_tags", "purge_bucket", "delete_bucket"}
    expected: type[PipelineError] = BucketNameTaken if call in taken else AccessDenied
    with pytest.raises(expected):
        calls[call]()
