"""The AWS adapter against the emulator: code in S3, known by its version and the hash of its content."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest

from ingestion_operator.adapters.aws import Boto3Cloud, lookups
from ingestion_operator.errors import SpecInvalid
from ingestion_operator.ports.cloud import PackageObject
from integration.emulated_account import REGION, Account, account, cloud, recorder
from integration.http_server import Recorder

__all__ = ["account", "cloud", "recorder"]

ZIP, NEXT_ZIP = b"PK one", b"PK the next one"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("checksum", [{}, {"ChecksumAlgorithm": "SHA256"}, {"ChecksumAlgorithm": "CRC32"}], ids=str)
@pytest.mark.parametrize("versions", [False, True], ids=["without versions", "with versions"])
def test_a_package_is_known_by_its_version_and_the_hash_of_its_content(
    cloud: Boto3Cloud, account: Account, versions: bool, checksum: dict[str, str]
) -> None:
    bucket = account.bucket(versions=versions)
    first = account.put(bucket, "a b/ü.zip", ZIP, **checksum)
    assert cloud.package(bucket, "a b/ü.zip", "", REGION) == PackageObject(first, sha(ZIP))
    second = account.put(bucket, "a b/ü.zip", NEXT_ZIP, **checksum)
    assert cloud.package(bucket, "a b/ü.zip", "", REGION) == PackageObject(second, sha(NEXT_ZIP))
    assert (first != second) is versions
    if versions:
        assert cloud.package(bucket, "a b/ü.zip", first, REGION) == PackageObject(first, sha(ZIP))


def test_a_package_that_is_not_there_is_none(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket(versions=True)
    assert cloud.package(f"absent-{account.suffix}", "a.zip", "", REGION) is None
    assert cloud.package(bucket, "a.zip", "", REGION) is None
    account.put(bucket, "a.zip", ZIP)
    assert cloud.package(bucket, "a.zip", uuid4().hex, REGION) is None
    account.s3.delete_object(Bucket=bucket, Key="a.zip")
    assert cloud.package(bucket, "a.zip", "", REGION) is None, "it is deleted, whatever versions there are"


def test_a_package_is_downloaded_once_and_not_at_all_if_s3_knows_its_hash(account: Account, recorder: Recorder) -> None:
    cloud = Boto3Cloud(path_style=True)
    bucket = account.bucket()
    account.put(bucket, "plain.zip", ZIP)
    account.put(bucket, "hashed.zip", NEXT_ZIP, ChecksumAlgorithm="SHA256")
    for _ in range(3):
        assert cloud.package(bucket, "plain.zip", "", REGION) == PackageObject("", sha(ZIP))
        assert cloud.package(bucket, "hashed.zip", "", REGION) == PackageObject("", sha(NEXT_ZIP))
    assert recorder.paths("GET") == [f"/{bucket}/plain.zip"]
    account.put(bucket, "plain.zip", NEXT_ZIP)
    assert cloud.package(bucket, "plain.zip", "", REGION) == PackageObject("", sha(NEXT_ZIP))
    assert recorder.paths("GET") == [f"/{bucket}/plain.zip"] * 2


def test_the_hash_of_a_package_uploaded_in_parts_is_that_of_the_whole(cloud: Boto3Cloud, account: Account) -> None:
    bucket, parts = account.bucket(), (b"a" * (5 << 20), b"end")
    upload = account.s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    done = []
    for number, part in enumerate(parts, 1):
        answer = account.s3.upload_part(**where, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256")
        sums = {"ChecksumSHA256": answer["ChecksumSHA256"]} if "ChecksumSHA256" in answer else {}
        done.append({"PartNumber": number, "ETag": answer["ETag"], **sums})
    account.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
    assert cloud.package(bucket, "k", "", REGION) == PackageObject("", sha(b"".join(parts)))


def test_the_object_from_before_a_bucket_had_versions_has_none(cloud: Boto3Cloud, account: Account) -> None:
    bucket = account.bucket()
    account.put(bucket, "k", ZIP)
    account.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert cloud.package(bucket, "k", "", REGION) == PackageObject("", sha(ZIP))


def test_a_package_that_lambda_would_not_take_is_refused_without_a_download(
    account: Account, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "LARGEST_PACKAGE_BYTES", len(ZIP) - 1)
    bucket = account.bucket()
    account.put(bucket, "k", ZIP)
    with pytest.raises(SpecInvalid, match="larger than Lambda accepts"):
        Boto3Cloud(path_style=True).package(bucket, "k", "", REGION)
    assert recorder.paths("HEAD") == [f"/{bucket}/k"]
    assert recorder.paths("GET") == []
