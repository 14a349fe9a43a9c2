"""The operator's clock was wrong, and then it is right: what an operator with a wrong clock wrote holds nobody up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingestion_operator.errors import UpdateFailed
from unit.pipeline_under_test import BACKOFF, PipelineUnderTest

SKEWS = [pytest.param(timedelta(days=days), id=f"{days} days") for days in (-400, -1, 1, 400)]
# The longest time between two attempts, with its jitter.
SOON = timedelta(seconds=2 * BACKOFF.cap_seconds)
DRIFT = timedelta(hours=1)


@pytest.mark.parametrize("skew", SKEWS)
def test_a_failed_update_is_tried_again_soon_by_the_right_clock(skew: timedelta) -> None:
    pipeline = PipelineUnderTest()
    right = pipeline.now
    pipeline.create()
    pipeline.now = right + skew
    pipeline.engine.failures.append(UpdateFailed("throttled"))
    pipeline.reconcile()
    assert not pipeline.is_ready

    pipeline.now = right + SOON
    pipeline.reconcile()

    assert pipeline.is_ready, "the time of the next attempt is that of the wrong clock"


@pytest.mark.parametrize("skew", SKEWS)
def test_drift_is_looked_for_within_the_interval_of_the_right_clock(skew: timedelta) -> None:
    pipeline = PipelineUnderTest()
    right = pipeline.now
    pipeline.now = right + skew
    pipeline.build()
    calls = len(pipeline.engine.calls)

    pipeline.now = right + 2 * DRIFT
    pipeline.reconcile()

    assert len(pipeline.engine.calls) == calls + 1, "the next look is that of the wrong clock"


@pytest.mark.parametrize("skew", SKEWS)
def test_a_change_is_applied_whatever_the_clock_was(skew: timedelta) -> None:
    pipeline = PipelineUnderTest()
    right = pipeline.now
    pipeline.now = right + skew
    pipeline.build()

    pipeline.now = right
    pipeline.change(processor={**pipeline.body["spec"]["processor"], "memoryMiB": 1024})
    pipeline.reconcile()

    assert pipeline.is_ready
    assert pipeline.verbs == ["update", "update"]


@pytest.mark.parametrize("skew", SKEWS)
def test_a_pipeline_is_deleted_whatever_the_clock_was(skew: timedelta) -> None:
    pipeline = PipelineUnderTest()
    right = pipeline.now
    pipeline.now = right + skew
    pipeline.build()

    pipeline.now = right
    pipeline.remove()

    assert pipeline.verbs == ["update", "destroy"]
