"""The use case against the fakes: after an error that nobody thought of, the status names it and the operator tries again."""

from __future__ import annotations

import errno
import re
from datetime import timedelta

import pytest

from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import BACKOFF, WAITING, PipelineUnderTest
from unit.reconcile_fixtures import built, pipeline

__all__ = ["built", "pipeline"]

UNFORESEEN = [
    OSError(errno.ENOSPC, "No space left on device", "/var/lib/s3cret"),
    RuntimeError("s3cret"),
    ZeroDivisionError("s3cret"),
    KeyError("s3cret"),
]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda e: type(e).__name__)
def test_in_an_operation_it_is_a_failure_like_any_other(
    pipeline: PipelineUnderTest, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.create()
    pipeline.engine.failures.append(error)
    pipeline.reconcile()
    assert pipeline.conditions == {"Ready": ("False", "Failed"), "Reconciling": ("True", "InternalError")}
    said = rf"unexpected {type(error).__name__}.* in engine\.py, line \d+; the operator's log has the traceback"
    assert re.fullmatch(said, pipeline.message("Reconciling"))
    assert "s3cret" not in pipeline.message("Reconciling"), "the text of an error may hold anything"
    assert pipeline.events == [Reason.INTERNAL_ERROR]
    assert next(r for r in caplog.records if r.exc_info).__dict__["reason"] == "InternalError"
    assert pipeline.status.last_operation is not None
    assert pipeline.status.last_operation.failures == 1
    pipeline.tick(timedelta(seconds=BACKOFF.base_seconds))
    assert pipeline.is_ready


def test_what_the_operating_system_says_is_repeated(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.engine.failures.append(UNFORESEEN[0])
    pipeline.reconcile()
    assert "unexpected OSError: No space left on device in " in pipeline.message("Reconciling")


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda e: type(e).__name__)
def test_before_an_operation_it_leaves_what_works_ready(built: PipelineUnderTest, error: Exception) -> None:
    built.change(tags={"team": "search"})
    built.cloud.failures.append(error)
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.conditions["Reconciling"] == ("True", "InternalError")
    assert built.events[-1] is Reason.INTERNAL_ERROR
    built.tick(WAITING)
    assert built.is_ready
    assert "Reconciling" not in built.conditions


def test_in_a_deletion_it_keeps_the_object_until_everything_is_gone(built: PipelineUnderTest) -> None:
    built.engine.failures.append(ZeroDivisionError("a bug"))
    refusal = built.refused_removal()
    assert "unexpected ZeroDivisionError" in str(refusal)
    assert refusal.delay_seconds > 0
    assert built.conditions["Reconciling"] == ("True", "InternalError")
    built.remove()
    assert built.engine.stacks == {}
