"""Buckets: whose they are, the data in them, and the switch that has them send events."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from ingestion_operator.adapters.aws.calls import ABSENT, DENIED, Calls, error_code, translated
from ingestion_operator.blueprint.event_pattern import may_listen
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.errors import BucketNameTaken, BucketNotEmpty, UpdateFailed

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

PURGE_BATCH = 1000
SWITCH = "EventBridgeConfiguration"


class Buckets(Calls):
    """The part of the `Cloud` port that is about buckets."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The notification document is read, changed and written back: one of ours at a time.
        self._switches: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard_of_switches = threading.Lock()

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        """See the port."""
        with translated(f"looking at bucket {bucket}"):
            try:
                tags = self._s3(region).get_bucket_tagging(Bucket=bucket)["TagSet"]
            except ClientError as error:
                code = error_code(error)
                if code == "NoSuchTagSet":
                    return {}
                if code in ABSENT:
                    return None
                if code in DENIED:
                    raise BucketNameTaken(
                        f"bucket {bucket} exists and this account may not look at it: choose another source.bucket.name"
                    ) from error
                raise
        return {tag["Key"]: tag["Value"] for tag in tags}

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        """See the port."""
        with translated(f"tagging bucket {bucket}"):
            tag_set = [{"Key": k, "Value": v} for k, v in tags.items()]
            self._s3(region).put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": cast(Any, tag_set)})

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        """See the port."""
        found = 0
        with translated(f"counting the objects of bucket {bucket}"):
            for batch in self._versions(bucket, region):
                found += len(batch)
                if found >= limit:
                    return limit
        return found

    def purge_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """See the port."""
        if not self._is_owned(bucket, region, owner):
            return
        with translated(f"emptying bucket {bucket}"):
            # From the beginning each time: a page that goes on after a version that is gone may leave some out.
            while batch := next(self._versions(bucket, region), None):
                answer = self._s3(region).delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
                if errors := answer.get("Errors"):
                    raise UpdateFailed(f"emptying bucket {bucket}: {errors[0].get('Key')}: {errors[0].get('Message')}")

    def delete_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        """See the port."""
        if not self._is_owned(bucket, region, owner):
            return
        with translated(f"deleting bucket {bucket}"):
            try:
                self._s3(region).delete_bucket(Bucket=bucket)
            except ClientError as error:
                if error_code(error) == "BucketNotEmpty":
                    raise BucketNotEmpty(f"objects arrived in bucket {bucket} while it was being deleted") from error
                if error_code(error) not in ABSENT:
                    raise

    def switch_on_events(self, bucket: str, region: str) -> bool:
        """See the port.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
        """
        with self._guard_of_switches:
            switch = self._switches[bucket]
        with switch, translated(f"switching on the events of bucket {bucket}"):
            document = self._notifications(bucket, region)
            if SWITCH in document:
                return False
            self._put_notifications(bucket, region, {**document, SWITCH: {}})
        return True

    def switch_off_events(self, bucket: str, region: str) -> bool:
        """See the port."""
        with self._guard_of_switches:
            switch = self._switches[bucket]
        with switch, translated(f"switching off the events of bucket {bucket}"):
            try:
                document = self._notifications(bucket, region)
            except ClientError as error:
                if error_code(error) in ABSENT:
                    return False
                raise
            if SWITCH not in document or self._somebody_listens(bucket, region):
                return False
            del document[SWITCH]
            self._put_notifications(bucket, region, document)
        return True

    def _notifications(self, bucket: str, region: str) -> dict[str, Any]:
        answer = cast("dict[str, Any]", self._s3(region).get_bucket_notification_configuration(Bucket=bucket))
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def _put_notifications(self, bucket: str, region: str, document: dict[str, Any]) -> None:
        # The destinations are others'; whether S3 may reach them is not for us to test.
        self._s3(region).put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=cast(Any, document), SkipDestinationValidation=True
        )

    def _somebody_listens(self, bucket: str, region: str) -> bool:
        pages = self._events(region).get_paginator("list_rules").paginate()
        patterns = (rule.get("EventPattern") for page in pages for rule in page["Rules"])
        return any(may_listen(json.loads(pattern), bucket) for pattern in patterns if pattern)

    def _is_owned(self, bucket: str, region: str, owner: Owner) -> bool:
        """Whether the bucket is there and the owner's. Raises BucketNameTaken if it is there and somebody else's."""
        tags = self.bucket_tags(bucket, region)
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
            self._s3(region)
            .get_paginator("list_object_versions")
            .paginate(Bucket=bucket, PaginationConfig={"PageSize": PURGE_BATCH})
        )
        try:
            for page in pages:
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if found:
                    yield [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        except ClientError as error:
            if error_code(error) not in ABSENT:
                raise
