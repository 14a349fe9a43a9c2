"""What pipelines refer to and others made: buckets, code, trails."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from ingestion_operator.adapters.aws.calls import ABSENT, Calls, error_code, translated
from ingestion_operator.errors import SpecInvalid
from ingestion_operator.ports.cloud import PackageObject, TrailView

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

CHUNK_BYTES = 1 << 20
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_PACKAGE_BYTES = 250 * 1024 * 1024
REMEMBERED = 256
NO_TRAIL = {"TrailNotFoundException", "InvalidTrailNameException"}


class Lookups(Calls):
    """The part of the `Cloud` port that is about what others made."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._hashes: dict[tuple[str, ...], str] = {}

    def bucket_region(self, bucket: str, region: str) -> str | None:
        """See the port."""
        with translated(f"looking at bucket {bucket}"):
            try:
                return self._s3(region).head_bucket(Bucket=bucket).get("BucketRegion", region)
            except ClientError as error:
                if error_code(error) in ABSENT:
                    return None
                raise

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        """See the port. Downloaded to be hashed once, unless S3 has the hash already."""
        version: Any = {"VersionId": version_id} if version_id else {}
        with translated(f"looking at the code in s3://{bucket}/{key}"):
            try:
                head = self._s3(region).head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **version)
            except ClientError as error:
                if error_code(error) in ABSENT:
                    return None
                raise
            if head["ContentLength"] > LARGEST_PACKAGE_BYTES:
                raise SpecInvalid(f"s3://{bucket}/{key} is larger than Lambda takes, 250 MB: use processor.code.image")
            found = head.get("VersionId", "")
            digest = self._digest(head, (bucket, key, found, head["ETag"]), region)
        # "null" is the version of an object that was there before the bucket had versions.
        return PackageObject("" if found == "null" else found, digest)

    def _digest(self, head: HeadObjectOutputTypeDef, name: tuple[str, str, str, str], region: str) -> str:
        if head.get("ChecksumSHA256") and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
            return base64.b64decode(head["ChecksumSHA256"]).hex()
        if name not in self._hashes:
            if len(self._hashes) >= REMEMBERED:
                self._hashes.clear()
            self._hashes[name] = self._hash(name, region)
        return self._hashes[name]

    def _hash(self, name: tuple[str, str, str, str], region: str) -> str:
        bucket, key, version_id, etag = name
        version: Any = {"VersionId": version_id} if version_id else {}
        body = self._s3(region).get_object(Bucket=bucket, Key=key, IfMatch=etag, **version)["Body"]
        digest = hashlib.sha256()
        for chunk in body.iter_chunks(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()

    def trail(self, arn: str) -> TrailView | None:
        """See the port."""
        home = arn.split(":")[3]
        client = self._cloudtrail(home)
        with translated(f"looking at trail {arn}"):
            try:
                found = client.get_trail(Name=arn)["Trail"]
            except ClientError as error:
                if error_code(error) in NO_TRAIL:
                    return None
                raise
            return TrailView(
                found.get("HomeRegion", home),
                bool(found.get("IsMultiRegionTrail")),
                bool(client.get_trail_status(Name=arn).get("IsLogging")),
                cast("dict[str, Any]", client.get_event_selectors(TrailName=arn)),
            )
