"""Deletion under each policy removes what the policy names and keeps the rest. No data is deleted without confirmation."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.world import World, copying


def made(world: World, policy: str) -> dict[str, Any]:
    world.apply("copy", copying(deletion={"policy": policy}))
    found: dict[str, Any] = world.wait_ready("copy")["outputs"]
    return found


@pytest.mark.parametrize("with_objects", [False, True], ids=["empty", "with objects"])
def test_retain_data_keeps_the_buckets_and_nothing_else(world: World, *, with_objects: bool) -> None:
    outputs = made(world, "RetainData")
    if with_objects:
        world.process("copy", "raw/kept.txt", b"kept")

    world.delete("copy")
    world.wait_gone("copy")

    assert world.compute_left() == []
    assert world.bucket_exists(outputs["bucketName"])
    assert world.bucket_exists(outputs["resultsBucket"])
    assert world.s3.get_public_access_block(Bucket=outputs["bucketName"])
    if with_objects:
        assert world.read(outputs["bucketName"], "raw/kept.txt") == b"kept"
        assert world.read(outputs["resultsBucket"], "raw/kept.txt") == b"kept"


def test_a_pipeline_applied_again_takes_its_kept_buckets_over(world: World) -> None:
    outputs = made(world, "RetainData")
    world.process("copy", "raw/kept.txt", b"kept")
    world.delete("copy")
    world.wait_gone("copy")

    assert made(world, "RetainData") == outputs
    assert world.read(outputs["bucketName"], "raw/kept.txt") == b"kept"
    assert world.process("copy", "raw/new.txt", b"new") == b"new"


def test_delete_removes_empty_buckets_too(world: World) -> None:
    outputs = made(world, "Delete")

    world.delete("copy")
    world.wait_gone("copy")

    assert world.compute_left() == []
    assert not world.bucket_exists(outputs["bucketName"])
    assert not world.bucket_exists(outputs["resultsBucket"])


def test_delete_waits_for_the_confirmation_while_a_bucket_holds_objects(world: World) -> None:
    outputs = made(world, "Delete")
    world.process("copy", "raw/precious.txt", b"precious")

    world.delete("copy")
    stalled = world.wait_condition("copy", "Stalled", "BucketNotEmpty")
    assert f"{outputs['bucketName']} holds 1 object" in stalled["message"]
    assert "ingestion-operator.io/confirm-purge=" in stalled["message"]
    assert world.read(outputs["bucketName"], "raw/precious.txt") == b"precious"

    world.annotate("copy", "confirm-purge", outputs["bucketName"])
    world.wait(
        "the other bucket named",
        lambda: outputs["bucketName"] + " holds" not in world.condition("copy", "Stalled").get("message", ""),
    )
    assert world.read(outputs["bucketName"], "raw/precious.txt") == b"precious", "nothing goes before all is confirmed"

    world.annotate("copy", "confirm-purge", f"{outputs['bucketName']},{outputs['resultsBucket']}")
    world.wait_gone("copy")
    assert world.compute_left() == []
    assert not world.bucket_exists(outputs["bucketName"])
    assert not world.bucket_exists(outputs["resultsBucket"])


def test_retain_keeps_everything(world: World) -> None:
    outputs = made(world, "Retain")

    world.delete("copy")
    world.wait_gone("copy")

    assert len(world.compute_left()) == 5
    world.put(outputs["bucketName"], "raw/after.txt", b"works on")
    assert world.wait_result(outputs["resultsBucket"], "raw/after.txt") == b"works on"


def test_a_pipeline_that_was_never_made_is_deleted_at_once(world: World) -> None:
    world.apply("copy", copying(reconcile={"suspend": True}))
    world.wait_condition("copy", "Ready", "Suspended")

    world.delete("copy")
    world.wait_gone("copy")

    assert world.compute_left() == []


def test_a_suspended_pipeline_can_be_deleted(world: World) -> None:
    made(world, "Delete")
    world.patch("copy", {"spec": {"reconcile": {"suspend": True}}})

    world.delete("copy")
    world.wait_gone("copy")

    assert world.compute_left() == []


def test_a_bucket_of_somebody_else_is_never_touched(world: World) -> None:
    taken = f"taken-{world.namespace}"[:63].rstrip("-")
    world.s3.create_bucket(Bucket=taken)
    world.put(taken, "theirs.txt", b"theirs")

    world.apply("copy", copying(source={"bucket": {"name": taken}}))
    stalled = world.wait_condition("copy", "Stalled", "BucketNameTaken")

    assert "choose another source.bucket.name" in stalled["message"]
    assert world.compute_left() == []
    world.delete("copy")
    world.wait_gone("copy")
    assert world.read(taken, "theirs.txt") == b"theirs"
