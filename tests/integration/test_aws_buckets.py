"""The AWS adapter against the emulator: tagging, counting, emptying and deleting buckets."""

from __future__ import annotations

import pytest

from ingestion_operator.adapters.aws import Boto3Cloud, buckets
from ingestion_operator.errors import (
    BucketNameTaken,
    BucketNotEmpty,
)
from integration.emulated_account import REGION, THEIRS, Account, account, cloud

__all__ = ["account", "cloud"]


def test_the_tags_of_a_bucket_are_read_and_replaced(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.bucket_tags(f"absent-{account.suffix}", REGION) is None
    bucket = account.bucket()
    assert cloud.bucket_tags(bucket, REGION) == {}
    for tags in ({"a": "1", "b": "2"}, {"b": "3"}, {"b": "3"}):
        cloud.tag_bucket(bucket, REGION, tags)
        assert cloud.bucket_tags(bucket, REGION) == tags


def test_objects_versions_and_delete_markers_are_counted_up_to_a_limit(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.count_objects(f"absent-{account.suffix}", REGION, 10) == 0
    bucket = account.bucket(versions=True)
    assert cloud.count_objects(bucket, REGION, 10) == 0
    for key in ("a", "a", "b"):
        account.put(bucket, key)
    account.s3.delete_object(Bucket=bucket, Key="b")
    assert cloud.count_objects(bucket, REGION, 10) == 4
    assert cloud.count_objects(bucket, REGION, 3) == 3


@pytest.mark.parametrize("versions", [False, True], ids=["without versions", "with versions"])
def test_a_purge_and_a_deletion_take_everything_page_by_page_and_again_do_nothing(
    cloud: Boto3Cloud, account: Account, monkeypatch: pytest.MonkeyPatch, versions: bool
) -> None:
    monkeypatch.setattr(buckets, "PURGE_BATCH", 3)
    bucket = account.bucket(tags=account.mine, versions=versions)
    for number in range(8):
        account.put(bucket, f"raw/ü {number % 5}")
    account.s3.delete_object(Bucket=bucket, Key="raw/ü 1")
    with pytest.raises(BucketNotEmpty):
        cloud.delete_bucket(bucket, REGION, account.owner)
    for _ in range(2):
        cloud.purge_bucket(bucket, REGION, account.owner)
        assert cloud.count_objects(bucket, REGION, 10) == 0
    for _ in range(2):
        cloud.delete_bucket(bucket, REGION, account.owner)
        assert cloud.bucket_tags(bucket, REGION) is None
    cloud.purge_bucket(bucket, REGION, account.owner)


@pytest.mark.parametrize("tags", [None, THEIRS], ids=["no tags", "other tags"])
def test_a_bucket_of_others_is_neither_emptied_nor_deleted(
    cloud: Boto3Cloud, account: Account, tags: dict[str, str] | None
) -> None:
    bucket = account.bucket(tags=tags)
    account.put(bucket, "a")
    for act in (cloud.purge_bucket, cloud.delete_bucket):
        with pytest.raises(BucketNameTaken, match="does not carry this pipeline's ownership tags"):
            act(bucket, REGION, account.owner)
    assert cloud.count_objects(bucket, REGION, 10) == 1


def test_the_region_of_a_bucket_of_others_is_found(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.bucket_region(f"absent-{account.suffix}", REGION) is None
    assert cloud.bucket_region(account.bucket(), REGION) == REGION


def test_a_bucket_of_this_account_without_objects_is_told_from_others(cloud: Boto3Cloud, account: Account) -> None:
    owner = cloud.place(REGION).account_id
    account.s3.create_bucket(Bucket="blank")
    assert cloud.is_empty_bucket_of(owner, "blank", REGION)
    assert not cloud.is_empty_bucket_of(owner, "blank-and-absent", REGION)
    account.s3.put_object(Bucket="blank", Key="k", Body=b"x")
    assert not cloud.is_empty_bucket_of(owner, "blank", REGION)
