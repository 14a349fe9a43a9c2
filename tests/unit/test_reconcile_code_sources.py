"""The use case against the fakes: code in a zip in S3 or in an image."""

from __future__ import annotations

import pytest

from ingestion_operator.blueprint.function_code import ContainerImage, S3Package
from ingestion_operator.errors import UpdateFailed
from ingestion_operator.ports.cloud import PackageObject
from unit.pipeline_under_test import BACKOFF, POLL, WAITING, PipelineUnderTest
from unit.reconcile_fixtures import HOUR, pipeline

__all__ = ["pipeline"]


FROM_S3 = {"code": {"s3": {"bucket": "builds", "key": "words.zip"}}}
PINNED = {"code": {"s3": {"bucket": "builds", "key": "words.zip", "versionId": "v1"}}}


def put(pipeline: PipelineUnderTest, version: str, sha: str) -> None:
    pipeline.cloud.packages["builds", "words.zip"] = PackageObject(version, sha * 32)


def test_a_zip_that_is_missing_is_named_and_waited_for(pipeline: PipelineUnderTest) -> None:
    pipeline.create(processor=FROM_S3)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("False", "DependencyNotReady")
    assert "s3://builds/words.zip" in pipeline.message("Ready")
    put(pipeline, "v1", "aa")
    pipeline.tick(WAITING)
    assert pipeline.is_ready
    assert pipeline.last_call.update.blueprint.code == S3Package("builds", "words.zip", "v1", "aa" * 32)
    assert pipeline.status.code is not None
    assert pipeline.status.code.sha256 == "aa" * 32


@pytest.mark.parametrize(("version", "sha"), [("v2", "bb"), ("", "bb")], ids=["a new version", "no versions"])
def test_a_zip_that_is_replaced_is_deployed_by_the_next_poll(
    pipeline: PipelineUnderTest, version: str, sha: str
) -> None:
    put(pipeline, "v1" if version else "", "aa")
    pipeline.build(processor=FROM_S3)
    with pipeline.no_engine_call():
        pipeline.tick(POLL)
    put(pipeline, version, sha)
    pipeline.tick(POLL)
    assert pipeline.last_call.update.blueprint.code == S3Package("builds", "words.zip", version, sha * 32)
    assert pipeline.is_ready


def test_a_pinned_zip_is_not_polled_and_a_newer_version_is_not_deployed(pipeline: PipelineUnderTest) -> None:
    put(pipeline, "v1", "aa")
    pipeline.build(processor=PINNED)
    assert pipeline.status.next_check_time == pipeline.now + HOUR


def test_a_pinned_version_that_is_not_there_is_named(pipeline: PipelineUnderTest) -> None:
    put(pipeline, "v2", "aa")
    pipeline.create(processor=PINNED)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert "s3://builds/words.zip in version v1" in pipeline.message("Ready")


def test_a_zip_that_lambda_refused_is_tried_again_as_soon_as_it_is_replaced(pipeline: PipelineUnderTest) -> None:
    put(pipeline, "v1", "aa")
    pipeline.engine.failures += [UpdateFailed("function: could not unzip uploaded file")] * BACKOFF.maximum
    pipeline.create(processor=FROM_S3)
    pipeline.reconcile()
    for _ in range(BACKOFF.maximum - 1):
        pipeline.tick(HOUR)
    assert pipeline.conditions["Stalled"] == ("True", "RetriesExhausted")
    with pipeline.no_engine_call():
        pipeline.tick(POLL)
    put(pipeline, "v2", "bb")
    pipeline.tick(POLL)
    assert pipeline.is_ready


def test_an_image_is_deployed_by_its_digest_and_not_looked_into(pipeline: PipelineUnderTest) -> None:
    uris = [f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/words@sha256:{digit * 64}" for digit in "12"]
    pipeline.build(processor={"code": {"image": {"uri": uris[0]}}, "handler": "is.not_looked_at"})
    assert pipeline.last_call.update.blueprint.code == ContainerImage(uris[0])
    assert pipeline.status.code is not None
    assert pipeline.status.code.sha256 == "1" * 64
    assert pipeline.status.next_check_time == pipeline.now + HOUR, "a digest cannot be moved: nothing to poll"
    pipeline.change(processor={"code": {"image": {"uri": uris[1]}}})
    pipeline.reconcile()
    assert pipeline.status.code.sha256 == "2" * 64
