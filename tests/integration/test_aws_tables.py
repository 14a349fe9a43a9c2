"""The AWS adapter against the emulator: tagging, counting and deleting tables, and reading their keys."""

from __future__ import annotations

import pytest

from ingestion_operator.adapters.aws import Boto3Cloud, tables
from ingestion_operator.errors import (
    TableNameTaken,
)
from integration.emulated_account import REGION, THEIRS, Account, account, cloud

__all__ = ["account", "cloud"]


def test_the_tags_of_a_table_are_read_and_replaced(cloud: Boto3Cloud, account: Account) -> None:
    absent = f"absent-{account.suffix}"
    assert cloud.table_tags(absent, REGION) is None
    cloud.tag_table(absent, REGION, {"a": "1"})
    table = account.table()
    assert cloud.table_tags(table, REGION) == {}
    for tags in ({"a": "1", "b": "2"}, {"b": "3"}, {"b": "3"}):
        cloud.tag_table(table, REGION, tags)
        assert cloud.table_tags(table, REGION) == tags


def test_the_items_of_a_table_are_counted_page_by_page_up_to_a_limit(
    cloud: Boto3Cloud, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PAGE", 3)
    assert cloud.count_items(f"absent-{account.suffix}", REGION, 10) == 0
    table = account.table("id", "part", items=8)
    assert [cloud.count_items(table, REGION, limit) for limit in (1, 5, 8, 100)] == [1, 5, 8, 8]
    assert cloud.count_items(account.table(name="empty"), REGION, 10) == 0


def test_a_table_of_the_owner_is_deleted_with_its_items_and_again_nothing_happens(
    cloud: Boto3Cloud, account: Account
) -> None:
    table = account.table(tags=account.mine, items=2)
    for _ in range(2):
        cloud.delete_table(table, REGION, account.owner)
        assert cloud.table_tags(table, REGION) is None


@pytest.mark.parametrize("tags", [None, THEIRS], ids=["no tags", "other tags"])
def test_a_table_of_others_is_not_deleted(cloud: Boto3Cloud, account: Account, tags: dict[str, str] | None) -> None:
    table = account.table(tags=tags, items=1)
    with pytest.raises(TableNameTaken, match="does not carry this pipeline's ownership tags"):
        cloud.delete_table(table, REGION, account.owner)
    assert cloud.count_items(table, REGION, 10) == 1


@pytest.mark.parametrize("keys", [("id",), ("doc", "part"), ("z", "a")], ids=" ".join)
def test_the_keys_of_a_table_are_partition_key_first(
    cloud: Boto3Cloud, account: Account, keys: tuple[str, ...]
) -> None:
    assert cloud.table_keys(f"absent-{account.suffix}", REGION) is None
    assert cloud.table_keys(account.table(*keys), REGION) == keys
