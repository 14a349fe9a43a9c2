"""Buckets that the pipeline makes: encryption, versions, names."""

from __future__ import annotations

from typing import Any

from e2e.world import World, copying


def key(world: World) -> str:
    arn: str = world.emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def encryption(world: World, bucket: str) -> dict[str, Any]:
    (rule,) = world.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    found: dict[str, Any] = rule["ApplyServerSideEncryptionByDefault"]
    return found


def test_buckets_are_encrypted_with_keys_of_the_users(world: World) -> None:
    source, results = key(world), key(world)
    world.apply(
        "copy",
        copying(
            source={"bucket": {"encryption": {"type": "KMS", "keyArn": source}}, "filter": {"prefixes": ["raw/"]}},
            results={"bucket": {"encryption": {"type": "KMS", "keyArn": results}}},
        ),
    )
    outputs = world.wait_ready("copy")["outputs"]

    assert encryption(world, outputs["bucketName"]) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": source}
    assert encryption(world, outputs["resultsBucket"]) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": results}
    assert world.process("copy", "raw/secret.txt", b"secret") == b"secret"
    head = world.s3.head_object(Bucket=outputs["resultsBucket"], Key="raw/secret.txt")
    assert head["ServerSideEncryption"] == "aws:kms"


def test_versions_and_clean_up_are_as_the_pipeline_says(world: World) -> None:
    bucket = {"versioning": "Suspended", "noncurrentVersionDays": 5}
    world.apply("copy", copying(source={"bucket": bucket, "filter": {"prefixes": ["raw/"]}}))
    name = world.wait_ready("copy")["outputs"]["bucketName"]

    assert world.s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    (rule,) = world.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 5

    world.patch("copy", {"spec": {"source": {"bucket": {"versioning": "Enabled"}}}})
    world.wait_ready("copy")
    assert world.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_a_bucket_can_have_a_name_that_nobody_else_can_take(world: World) -> None:
    bucket = {"name": "landing", "naming": "AccountRegional"}
    world.apply(
        "copy", copying(source={"bucket": bucket, "filter": {"prefixes": ["raw/"]}}, deletion={"policy": "Delete"})
    )
    name = world.wait_ready("copy")["outputs"]["bucketName"]

    assert name == f"landing-{world.emulator.account_id}-{world.emulator.region}-an"
    world.put(name, "raw/a.txt", b"x")
    results = world.status("copy")["outputs"]["resultsBucket"]
    assert world.wait_result(results, "raw/a.txt") == b"x"

    world.annotate("copy", "confirm-purge", f"{name},{results}")
    world.delete("copy")
    world.wait_gone("copy")
    assert not world.bucket_exists(name)
