"""The use case against the fakes: drift is corrected, requests are followed once, and the timer knows when."""

from __future__ import annotations

from datetime import timedelta

from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.ports.engine import Scope
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import INLINE, LONGEST_BACKOFF, PipelineUnderTest
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]


def test_drift_is_looked_for_when_it_is_time_and_put_back(built: PipelineUnderTest) -> None:
    built.engine.drifted = {"rule"}
    with built.no_engine_call():
        built.tick(timedelta(seconds=3599))
    built.tick(timedelta(seconds=1))
    assert built.last_call.refreshed
    assert built.events[-1] is Reason.DRIFT_CORRECTED
    assert built.status.drift is not None
    assert built.status.drift.resources == ("rule",)
    assert built.message("Synced") == "drift was corrected"


def test_a_look_that_finds_nothing_is_not_announced_and_does_not_make_a_pipeline_unready(
    built: PipelineUnderTest,
) -> None:
    seen: list[dict[str, tuple[str, str]]] = []
    built.engine.during = lambda: seen.append(built.conditions)
    built.tick(timedelta(hours=1))
    assert seen[0]["Ready"] == ("True", "Provisioned")
    assert seen[0]["Reconciling"] == ("True", "Refreshing")
    assert built.events == [Reason.CREATED]


def test_drift_that_is_to_be_ignored_is_not_looked_for(pipeline: PipelineUnderTest) -> None:
    pipeline.create(reconcile={"drift": {"mode": "Ignore"}})
    pipeline.reconcile()
    with pipeline.no_engine_call():
        pipeline.tick(timedelta(days=30))


def test_a_request_is_followed_once(built: PipelineUnderTest) -> None:
    built.annotate(RECONCILE_REQUESTED_AT, "now")
    built.reconcile()
    assert built.last_call.refreshed
    with built.no_engine_call():
        built.reconcile()


def test_drift_beside_a_change_is_put_back_although_the_change_alone_would_not_notice_it(
    built: PipelineUnderTest,
) -> None:
    """Somebody disabled the rule. The update changes the function only, and the wiring then lacks the rule."""
    built.engine.drifted = {"rule"}

    def faults(blueprint: Blueprint) -> tuple[str, ...]:
        return ("rule r is not enabled",) if built.engine.drifted else ()

    built.cloud.wiring_faults = faults  # type: ignore[method-assign]
    built.change(processor={**INLINE, "memoryMiB": 1024})
    built.reconcile()
    assert built.conditions["Reconciling"] == ("True", "Propagating")
    built.tick(timedelta(seconds=15))
    assert built.last_call.update.scope is Scope.DRIFT
    assert built.is_ready


def test_a_request_beside_a_change_looks_at_aws(built: PipelineUnderTest) -> None:
    built.engine.drifted = {"rule"}
    built.change(tags={"team": "search"})
    built.annotate(RECONCILE_REQUESTED_AT, "now")
    built.reconcile()
    assert built.last_call.update.scope is Scope.DRIFT
    assert built.engine.drifted == set()


def test_what_was_deleted_by_hand_is_made_again_when_a_change_has_met_it(built: PipelineUnderTest) -> None:
    (live,) = built.cloud.live.values()
    del live["function"]
    built.change(processor={**INLINE, "memoryMiB": 1024})
    built.reconcile()
    assert "404" in built.message("Reconciling")
    built.tick(LONGEST_BACKOFF)
    assert built.is_ready
    assert "function" in live
