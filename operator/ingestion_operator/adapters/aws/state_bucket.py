"""The files of a backend in S3, or in a store that is compatible with S3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import ClientError

from ingestion_operator.adapters.aws.calls import ABSENT, allowing, error_code, translated
from ingestion_operator.adapters.aws.client_config import STATE_RETRIES, client_config
from ingestion_operator.errors import PipelineError, StateUnreadable
from ingestion_operator.ports.state_store import Space
from ingestion_operator.state.backend import META, Backend

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

DELETE_BATCH = 1000


class BucketState:
    """The `StateStore` port on a bucket, with the credentials of the environment."""

    def __init__(self, backend: Backend) -> None:
        self._bucket, self._prefix = backend.bucket, backend.prefix
        config = client_config(path_style=backend.path_style, retries=STATE_RETRIES)
        make: Any = boto3.Session(profile_name=backend.profile or None).client
        self._s3 = cast(
            "S3Client",
            make("s3", region_name=backend.region, endpoint_url=backend.endpoint or None, config=config),
        )

    def keys(self, prefix: str) -> Sequence[str]:
        """See the port."""
        with translated(f"listing the state in bucket {self._bucket}"), self._requiring_the_bucket():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            return [entry["Key"].removeprefix(self._prefix) for page in pages for entry in page.get("Contents", [])]

    def remnants(self, prefix: str) -> Sequence[str]:  # noqa: ARG002 - the port's signature
        """See the port. S3 has no half-written object."""
        return ()

    def space(self) -> Space | None:
        """See the port."""
        return None

    def read(self, key: str) -> bytes | None:
        """See the port."""
        name = self._prefix + key
        with translated(f"reading s3://{self._bucket}/{name}"), allowing(ABSENT), self._requiring_the_bucket():
            return self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        return None

    def write(self, key: str, content: bytes) -> None:
        """See the port."""
        with translated(f"writing s3://{self._bucket}/{self._prefix}{key}"):
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=content)

    def delete(self, keys: Sequence[str]) -> None:
        """See the port."""
        for start in range(0, len(keys), DELETE_BATCH):
            batch = keys[start : start + DELETE_BATCH]
            with translated(f"deleting from the state in bucket {self._bucket}"):
                answer = self._s3.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": self._prefix + key} for key in batch], "Quiet": True},
                )
            if failed := answer.get("Errors"):
                raise StateUnreadable(
                    f"deleting from the state in bucket {self._bucket}: {failed[0].get('Code')} for {failed[0].get('Key')}"
                )

    def notes(self) -> Sequence[str]:
        """See the port."""
        try:
            self.read(META)
            with translated(f"looking at bucket {self._bucket}, which holds the state"):
                versioning = self._s3.get_bucket_versioning(Bucket=self._bucket)
        except PipelineError as error:
            return (str(error),)
        if versioning.get("Status") != "Enabled":
            return (
                f"versioning of bucket {self._bucket}, which holds the state, is off: switch it on, or an object that is deleted "
                "or overwritten by mistake cannot be restored",
            )
        return ()

    @contextmanager
    def _requiring_the_bucket(self) -> Iterator[None]:
        """Raise StateUnreadable if the bucket does not exist. Otherwise it would look like an empty bucket."""
        try:
            yield
        except ClientError as error:
            if error_code(error) == "NoSuchBucket":
                raise StateUnreadable(f"the bucket for the state, {self._bucket}, does not exist: create it") from error
            raise
