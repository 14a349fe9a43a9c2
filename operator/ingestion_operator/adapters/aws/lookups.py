"""Looks up what pipelines refer to but did not create: buckets, code, trails."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ingestion_operator.adapters.aws.calls import ABSENT, Clients, allowing, translated
from ingestion_operator.errors import SpecInvalid
from ingestion_operator.ports.cloud import PackageObject, TrailView

if TYPE_CHECKING:
    from types_boto3_cloudtrail.type_defs import TrailTypeDef
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

CHUNK_BYTES = 1 << 20
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_PACKAGE_BYTES = 250 * 1024 * 1024
REMEMBERED = 8192
"""Hashes to keep, those that were used last. The looks at all pipelines come round in the same order, and if they asked for more
objects than this, each hash would be forgotten just before its next use."""
NO_TRAIL = {"TrailNotFoundException", "InvalidTrailNameException"}


class ObjectVersion(NamedTuple):
    """One version of one object. While the ETag is the same, the hash is the same."""

    bucket: str
    key: str
    version_id: str
    etag: str


class Lookups:
    """What one access can look up."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._hash = lru_cache(REMEMBERED)(self._download)

    def bucket_region(self, bucket: str, region: str) -> str | None:
        """See `CloudReader.bucket_region`."""
        with translated(f"looking at bucket {bucket}"), allowing(ABSENT):
            return self._clients.s3(region).head_bucket(Bucket=bucket).get("BucketRegion", region)
        return None

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        """See `CloudReader.package`. Downloads an object once to hash it, unless S3 has the hash already."""
        with translated(f"looking at the code in s3://{bucket}/{key}"):
            head = self._head(bucket, key, version_id, region)
            if head is None:
                return None
            if head["ContentLength"] > LARGEST_PACKAGE_BYTES:
                raise SpecInvalid(
                    f"s3://{bucket}/{key} is larger than Lambda accepts, 250 MB: use processor.code.image"
                )
            version = ObjectVersion(bucket, key, head.get("VersionId", ""), head["ETag"])
            digest = self._digest(head, version, region)
        # "null" is the version of an object that is older than the versioning of its bucket.
        return PackageObject("" if version.version_id == "null" else version.version_id, digest)

    def _head(self, bucket: str, key: str, version_id: str, region: str) -> HeadObjectOutputTypeDef | None:
        version: Any = {"VersionId": version_id} if version_id else {}
        with allowing(ABSENT):
            return self._clients.s3(region).head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **version)
        return None

    def _digest(self, head: HeadObjectOutputTypeDef, version: ObjectVersion, region: str) -> str:
        if head.get("ChecksumSHA256") and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
            return base64.b64decode(head["ChecksumSHA256"]).hex()
        return self._hash(version, region)

    def _download(self, version: ObjectVersion, region: str) -> str:
        return hash_by_download(self._clients.s3(region), version)

    def trail(self, arn: str) -> TrailView | None:
        """See `CloudReader.trail`."""
        home = arn.split(":")[3]
        client = self._clients.cloudtrail(home)
        with translated(f"looking at trail {arn}"):
            trail: TrailTypeDef | None = None
            with allowing(NO_TRAIL):
                trail = client.get_trail(Name=arn)["Trail"]
            if trail is None:
                return None
            return TrailView(
                trail.get("HomeRegion", home),
                bool(trail.get("IsMultiRegionTrail")),
                bool(client.get_trail_status(Name=arn).get("IsLogging")),
                cast("dict[str, Any]", client.get_event_selectors(TrailName=arn)),
            )


def hash_by_download(s3: S3Client, version: ObjectVersion) -> str:
    """The SHA-256 of an object in hexadecimal, from its content. Raises ClientError if the object changed meanwhile."""
    wanted: Any = {"VersionId": version.version_id} if version.version_id else {}
    body = s3.get_object(Bucket=version.bucket, Key=version.key, IfMatch=version.etag, **wanted)["Body"]
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
