"""Buckets: their ownership tags, and the data in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from ingestion_operator.adapters.aws.calls import ABSENT, DENIED, Clients, allowing, error_code, translated
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.errors import BucketNameTaken, BucketNotEmpty, UpdateFailed

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

PURGE_BATCH = 1000


class Buckets:
    """The buckets of one access."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        """See `OwnershipTags.bucket_tags`."""
        with translated(f"looking at bucket {bucket}"):
            try:
                tag_set = self._clients.s3(region).get_bucket_tagging(Bucket=bucket)["TagSet"]
            except ClientError as error:
                code = error_code(error)
                if code == "NoSuchTagSet":
                    return {}
                if code in ABSENT:
                    return None
                if code in DENIED:
                    raise BucketNameTaken(
                        f"bucket {bucket} exists, and this account is not allowed to read it: choose another source.bucket.name"
                    ) from error
                raise
        return {tag["Key"]: tag["Value"] for tag in tag_set}

    def tag(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        """See `OwnershipTags.tag_bucket`."""
        with translated(f"tagging bucket {bucket}"):
            tag_set = [{"Key": k, "Value": v} for k, v in tags.items()]
            self._clients.s3(region).put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": cast(Any, tag_set)})

    def is_empty_of(self, account_id: str, bucket: str, region: str) -> bool:
        """See `Leftovers.is_empty_bucket_of`.

        S3 answers AccessDenied if the bucket belongs to another account:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
        """
        with translated(f"looking into bucket {bucket}"), allowing(ABSENT | DENIED):
            listed = self._clients.s3(region).list_objects_v2(Bucket=bucket, MaxKeys=1, ExpectedBucketOwner=account_id)
            return listed["KeyCount"] == 0
        return False

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        """See `DataStores.count_objects`."""
        counted = 0
        with translated(f"counting the objects of bucket {bucket}"):
            for batch in self._versions(bucket, region):
                counted += len(batch)
                if counted >= limit:
                    return limit
        return counted

    def purge(self, bucket: str, region: str, owner: Owner) -> None:
        """See `DataStores.purge_bucket`."""
        if not self._is_owned(bucket, region, owner):
            return
        with translated(f"emptying bucket {bucket}"):
            # List from the beginning each time: a listing that continues after a deleted version may omit others.
            while batch := next(self._versions(bucket, region), None):
                answer = self._clients.s3(region).delete_objects(
                    Bucket=bucket, Delete={"Objects": batch, "Quiet": True}
                )
                if errors := answer.get("Errors"):
                    raise UpdateFailed(f"emptying bucket {bucket}: {errors[0].get('Key')}: {errors[0].get('Message')}")

    def delete(self, bucket: str, region: str, owner: Owner) -> None:
        """See `DataStores.delete_bucket`."""
        if not self._is_owned(bucket, region, owner):
            return
        with translated(f"deleting bucket {bucket}"), allowing(ABSENT):
            try:
                self._clients.s3(region).delete_bucket(Bucket=bucket)
            except ClientError as error:
                if error_code(error) == "BucketNotEmpty":
                    raise BucketNotEmpty(f"objects arrived in bucket {bucket} while it was being deleted") from error
                raise

    def _is_owned(self, bucket: str, region: str, owner: Owner) -> bool:
        """Whether the bucket exists and the owner owns it. Raises BucketNameTaken if it belongs to another owner."""
        tags = self.tags(bucket, region)
        if tags is None:
            return False
        if not owner.owns(tags):
            raise BucketNameTaken(
                f"bucket {bucket} does not carry this pipeline's ownership tags any more and is not deleted: delete it "
                "yourself, or set spec.deletion.policy to RetainData"
            )
        return True

    def _versions(self, bucket: str, region: str) -> Iterator[list[ObjectIdentifierTypeDef]]:
        """Every version and delete marker, in batches that one call can delete."""
        pages = (
            self._clients.s3(region)
            .get_paginator("list_object_versions")
            .paginate(Bucket=bucket, PaginationConfig={"PageSize": PURGE_BATCH})
        )
        with allowing(ABSENT):
            for page in pages:
                versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if versions:
                    yield [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
