"""The operator goes on with a status that a newer version of it wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion_operator.errors import UpdateFailed
from ingestion_operator.model.pipeline import parse_record
from unit.pipeline_under_test import PipelineUnderTest
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]

NOVEL = "ReasonOfANewerVersion"


@pytest.fixture
def novel(built: PipelineUnderTest) -> PipelineUnderTest:
    """A pipeline that is ready, for a reason that this version does not know."""
    built.body["status"]["conditions"][0]["reason"] = NOVEL
    return built


def test_an_unknown_reason_stays_while_the_pipeline_is_only_compared_with_aws(novel: PipelineUnderTest) -> None:
    seen: dict[str, tuple[str, str]] = {}
    novel.engine.during = lambda: seen.update(novel.conditions)
    novel.reconcile(after=timedelta(hours=2))
    assert seen["Ready"] == ("True", NOVEL)
    assert novel.is_ready


def test_an_unknown_reason_stays_if_the_operator_cannot_look(novel: PipelineUnderTest) -> None:
    novel.cloud.failures.append(UpdateFailed("throttled"))
    novel.reconcile()
    assert novel.conditions["Ready"] == ("True", NOVEL)
    assert novel.conditions["Reconciling"] == ("True", "RetryingAfterFailure")


def test_a_failure_of_an_unknown_reason_is_tried_again_at_its_time(built: PipelineUnderTest) -> None:
    built.change(tags={"team": "search"})
    built.engine.failures.append(UpdateFailed("no"))
    built.reconcile()
    built.body["status"]["lastOperation"]["reason"] = NOVEL
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Reconciling"] == ("True", NOVEL)
    built.tick(after=timedelta(minutes=5))
    assert built.is_ready


def test_an_unknown_field_stays(built: PipelineUnderTest) -> None:
    built.body["status"]["novel"] = {"field": 1}
    built.reconcile(after=timedelta(hours=2))
    assert built.body["status"]["novel"] == {"field": 1}


def written_by_an_older_version(pipeline: PipelineUnderTest) -> None:
    """Move the workings back to where an older version kept them."""
    pipeline.body["status"]["stack"] = pipeline.body["status"].pop("workings")


def test_the_workings_of_an_older_version_count_and_move(built: PipelineUnderTest) -> None:
    expected = built.body["status"]["workings"]
    written_by_an_older_version(built)
    with built.no_engine_call():
        built.reconcile()
    assert built.body["status"]["workings"] == expected
    assert "stack" not in built.body["status"]


def test_the_workings_that_an_older_version_wrote_last_win(built: PipelineUnderTest) -> None:
    older = {**built.body["status"]["workings"], "switchedOn": "landing"}
    del older["fingerprint"]
    built.body["status"]["workings"]["warned"] = ["Reason:hash"]
    built.body["status"]["stack"] = older
    read = parse_record(built.body)
    assert read.status.begun
    assert (read.status.begun.switched_on, read.status.begun.warned) == ("landing", ("Reason:hash",))
    assert read.status.stack is None


def test_the_workings_of_an_older_version_survive_an_unreadable_rest(built: PipelineUnderTest) -> None:
    written_by_an_older_version(built)
    built.body["status"]["conditions"] = "none"
    assert parse_record(built.body).status.is_built
    built.body["status"]["stack"] = {"dataBuckets": 3}
    assert parse_record(built.body).status.begun is None


def test_a_pipeline_that_an_older_version_built_is_deleted(built: PipelineUnderTest) -> None:
    name = built.last_call.stack.name
    written_by_an_older_version(built)
    built.remove()
    assert (built.last_call.verb, built.last_call.stack.name) == ("destroy", name)
