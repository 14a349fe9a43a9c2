"""The use case against the fakes: code in a zip in S3 or in an image."""

from __future__ import annotations

import pytest

from ingestion_operator.blueprint.function_code import ContainerImage, S3Package
from ingestion_operator.errors import UpdateFailed
from ingestion_operator.ports.cloud import PackageObject
from unit.reconcile_fixtures import HOUR, world
from unit.reconcile_world import BACKOFF, POLL, WAITING, World

__all__ = ["world"]


FROM_S3 = {"code": {"s3": {"bucket": "builds", "key": "words.zip"}}}
PINNED = {"code": {"s3": {"bucket": "builds", "key": "words.zip", "versionId": "v1"}}}


def put(world: World, version: str, sha: str) -> None:
    world.cloud.packages["builds", "words.zip"] = PackageObject(version, sha * 32)


def test_a_zip_that_is_missing_is_named_and_waited_for(world: World) -> None:
    world.create(processor=FROM_S3)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Ready"] == ("False", "DependencyNotReady")
    assert "s3://builds/words.zip" in world.message("Ready")
    put(world, "v1", "aa")
    world.tick(WAITING)
    assert world.is_ready
    assert world.last_call.update.blueprint.code == S3Package("builds", "words.zip", "v1", "aa" * 32)
    assert world.status.code is not None
    assert world.status.code.sha256 == "aa" * 32


@pytest.mark.parametrize(("version", "sha"), [("v2", "bb"), ("", "bb")], ids=["a new version", "no versions"])
def test_a_zip_that_is_replaced_is_deployed_by_the_next_poll(world: World, version: str, sha: str) -> None:
    put(world, "v1" if version else "", "aa")
    world.build(processor=FROM_S3)
    with world.no_engine_call():
        world.tick(POLL)
    put(world, version, sha)
    world.tick(POLL)
    assert world.last_call.update.blueprint.code == S3Package("builds", "words.zip", version, sha * 32)
    assert world.is_ready


def test_a_pinned_zip_is_not_polled_and_a_newer_version_is_not_deployed(world: World) -> None:
    put(world, "v1", "aa")
    world.build(processor=PINNED)
    assert world.status.next_check_time == world.now + HOUR


def test_a_pinned_version_that_is_not_there_is_named(world: World) -> None:
    put(world, "v2", "aa")
    world.create(processor=PINNED)
    with world.no_engine_call():
        world.reconcile()
    assert "s3://builds/words.zip in version v1" in world.message("Ready")


def test_a_zip_that_lambda_refused_is_tried_again_as_soon_as_it_is_replaced(world: World) -> None:
    put(world, "v1", "aa")
    world.engine.failures += [UpdateFailed("function: could not unzip uploaded file")] * BACKOFF.maximum
    world.create(processor=FROM_S3)
    world.reconcile()
    for _ in range(BACKOFF.maximum - 1):
        world.tick(HOUR)
    assert world.conditions["Stalled"] == ("True", "RetriesExhausted")
    with world.no_engine_call():
        world.tick(POLL)
    put(world, "v2", "bb")
    world.tick(POLL)
    assert world.is_ready


def test_an_image_is_deployed_by_its_digest_and_not_looked_into(world: World) -> None:
    uris = [f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/words@sha256:{digit * 64}" for digit in "12"]
    world.build(processor={"code": {"image": {"uri": uris[0]}}, "handler": "is.not_looked_at"})
    assert world.last_call.update.blueprint.code == ContainerImage(uris[0])
    assert world.status.code is not None
    assert world.status.code.sha256 == "1" * 64
    assert world.status.next_check_time == world.now + HOUR, "a digest cannot be moved: nothing to poll"
    world.change(processor={"code": {"image": {"uri": uris[1]}}})
    world.reconcile()
    assert world.status.code.sha256 == "2" * 64
