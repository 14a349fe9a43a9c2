"""The use case against the fakes: values of Secrets are deployed and never shown."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from ingestion_operator.errors import AccessDenied, UpdateFailed
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import INLINE, POLL, WAITING, PipelineUnderTest
from unit.reconcile_fixtures import DELETE, HOUR, pipeline

__all__ = ["pipeline"]


VALUE, NEXT_VALUE = "s3cr3t-value-one", "s3cr3t-value-two!"


TOKEN = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "api", "key": "token"}}}
WITH_TOKEN = {**INLINE, "environment": [TOKEN]}


def deployed_token(pipeline: PipelineUnderTest) -> str:
    function = next(r for r in pipeline.last_call.update.blueprint.resources if r.name == "function")
    value: str = function.inputs["environment"]["variables"]["TOKEN"].value
    return value


@pytest.fixture
def with_token(pipeline: PipelineUnderTest) -> PipelineUnderTest:
    pipeline.cluster.secrets["team-a", "api"] = {"token": VALUE}
    pipeline.build(processor=WITH_TOKEN)
    return pipeline


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param(None, "Secret team-a/api, named by processor.environment, does not exist", id="no Secret"),
        pytest.param({"tokens": "x"}, "Secret team-a/api has no key 'token' that is text; it has: tokens", id="no key"),
    ],
)
def test_a_secret_that_is_missing_is_named_and_waited_for(
    pipeline: PipelineUnderTest, secret: dict[str, str] | None, said: str
) -> None:
    if secret is not None:
        pipeline.cluster.secrets["team-a", "api"] = secret
    pipeline.create(processor=WITH_TOKEN)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("False", "DependencyNotReady")
    assert pipeline.message("Ready") == said

    pipeline.cluster.secrets["team-a", "api"] = {"token": VALUE}
    pipeline.tick(WAITING)
    assert pipeline.is_ready
    assert deployed_token(pipeline) == VALUE


def test_a_changed_secret_is_deployed_by_the_next_poll(with_token: PipelineUnderTest) -> None:
    with with_token.no_engine_call():
        with_token.tick(POLL)
    with_token.cluster.secrets["team-a", "api"] = {"token": NEXT_VALUE}
    with with_token.no_engine_call():
        with_token.tick(POLL - timedelta(seconds=1))
    with_token.tick(timedelta(seconds=1))
    assert deployed_token(with_token) == NEXT_VALUE
    assert with_token.events[-1] is Reason.UPDATED


def test_a_secret_that_goes_away_is_said_and_what_is_deployed_stays(with_token: PipelineUnderTest) -> None:
    with_token.cluster.secrets.clear()
    with with_token.no_engine_call():
        with_token.tick(POLL)
    assert with_token.conditions["Ready"] == ("False", "DependencyNotReady")
    with_token.cluster.secrets["team-a", "api"] = {"token": VALUE}
    with with_token.no_engine_call():
        with_token.tick(WAITING)
    assert with_token.is_ready


def test_a_pipeline_without_anything_that_is_to_be_polled_is_looked_at_for_drift_only(
    pipeline: PipelineUnderTest,
) -> None:
    pipeline.build()
    assert pipeline.status.next_check_time == pipeline.now + HOUR


def test_a_value_too_large_for_the_environment_is_refused_and_a_smaller_one_heals_it(
    pipeline: PipelineUnderTest,
) -> None:
    pipeline.cluster.secrets["team-a", "api"] = {"token": "x" * 5000}
    pipeline.create(processor=WITH_TOKEN)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "SpecInvalid")
    pipeline.cluster.secrets["team-a", "api"] = {"token": VALUE}
    pipeline.tick(POLL)
    assert pipeline.is_ready


@pytest.mark.parametrize("failing", [False, True], ids=["it works", "it fails"])
def test_the_value_of_a_secret_is_in_no_patch_no_event_and_no_log_record(
    pipeline: PipelineUnderTest, caplog: pytest.LogCaptureFixture, failing: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    pipeline.cluster.secrets["team-a", "api"] = {"token": VALUE}
    if failing:
        pipeline.engine.failures += [UpdateFailed("no"), AccessDenied("no")]
    pipeline.create(processor=WITH_TOKEN, results={"bucket": {}, "table": {}}, deletion=DELETE)
    pipeline.reconcile()
    pipeline.tick(HOUR)
    pipeline.cluster.secrets["team-a", "api"] = {"token": NEXT_VALUE}
    for _ in range(3):
        pipeline.tick(HOUR)
    assert pipeline.is_ready
    assert deployed_token(pipeline) == NEXT_VALUE
    pipeline.remove()

    written = json.dumps([pipeline.cluster.patches, pipeline.body], default=str)
    said = repr(pipeline.cluster.events)
    logged = "\n".join(caplog.handler.format(record) + repr(record.__dict__) for record in caplog.records)
    assert logged
    for value in (VALUE, NEXT_VALUE):
        assert value not in written + said + logged
