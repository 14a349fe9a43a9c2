"""The use case against the fakes: a suspended pipeline is left alone until it is resumed."""

from __future__ import annotations

from datetime import timedelta

from ingestion_operator.errors import (
    UpdateFailed,
)
from unit.pipeline_under_test import PipelineUnderTest
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]


def test_a_suspended_pipeline_is_left_alone_until_it_is_resumed(pipeline: PipelineUnderTest) -> None:
    pipeline.create(reconcile={"suspend": True})
    with pipeline.no_engine_call():
        pipeline.reconcile()
        pipeline.tick(timedelta(days=1))
    assert pipeline.conditions == {"Ready": ("False", "Suspended")}
    pipeline.change(reconcile={"suspend": False})
    pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_made_while_suspended_is_applied_when_resumed(built: PipelineUnderTest) -> None:
    built.change(reconcile={"suspend": True})
    built.reconcile()
    built.change(tags={"team": "search"})
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Ready"] == ("False", "Suspended")
    built.change(reconcile={})
    built.reconcile()
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.verbs == ["update", "update"]


def test_an_unchanged_pipeline_that_is_resumed_is_ready_without_an_engine_call(built: PipelineUnderTest) -> None:
    built.change(reconcile={"suspend": True})
    built.reconcile()
    built.change(reconcile={})
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.status.next_check_time is not None


def test_a_pipeline_suspended_while_it_backs_off_goes_on_when_it_is_resumed(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.engine.failures.append(UpdateFailed("no"))
    pipeline.reconcile()
    pipeline.change(reconcile={"suspend": True})
    pipeline.reconcile()
    pipeline.change(reconcile={})
    pipeline.reconcile(timedelta(seconds=1))
    assert pipeline.conditions["Ready"] == ("False", "Failed")
    pipeline.tick(timedelta(hours=2))
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
