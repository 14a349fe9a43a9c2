"""What the use case reports: to the observer, and in the fields of its log lines."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from builders import KEY
from ingestion_operator.errors import AccessDenied, UpdateFailed
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.model.status import OperationType
from ingestion_operator.ports.engine import EngineResult
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.run import DESTROY_TIMEOUT_SECONDS, MARGIN_SECONDS
from unit.pipeline_under_test import PipelineUnderTest

SECRET = "s3cr3t-value"


@pytest.fixture
def pipeline() -> PipelineUnderTest:
    return PipelineUnderTest()


@pytest.fixture
def built(pipeline: PipelineUnderTest) -> PipelineUnderTest:
    pipeline.build()
    pipeline.observer.told.clear()
    return pipeline


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of each line of the core that is about a pipeline."""
    names = ("namespace", "pipeline", "generation", "operation", "operationId", "reason", "durationSeconds")
    ours = [record for record in caplog.records if record.name.startswith("ingestion_operator")]
    return [{name: getattr(record, name) for name in names if hasattr(record, name)} for record in ours]


def test_an_operation_is_told_with_the_time_after_which_it_hangs(pipeline: PipelineUnderTest) -> None:
    pipeline.create(reconcile={"timeoutSeconds": 100})
    pipeline.reconcile()
    assert pipeline.observer.told == [
        ("began", KEY, OperationType.CREATE, 200 + MARGIN_SECONDS),
        ("ended", OperationType.CREATE, None),
    ]


def test_the_observer_hears_what_the_status_says(pipeline: PipelineUnderTest) -> None:
    during: list[Any] = []
    pipeline.engine.during = lambda: during.append(pipeline.observer.written[KEY])
    pipeline.build()
    assert during == [[("Ready", "False", "Progressing"), ("Reconciling", "True", "Creating")]]
    assert pipeline.observer.written[KEY][0] == ("Ready", "True", "Provisioned")


def test_nothing_is_told_of_a_look_that_does_nothing(built: PipelineUnderTest) -> None:
    built.reconcile()
    assert built.observer.told == []


@pytest.mark.parametrize("error", [AccessDenied("iam:CreateRole"), UpdateFailed("throttled")])
def test_a_failure_is_told_with_its_reason(pipeline: PipelineUnderTest, error: UpdateFailed | AccessDenied) -> None:
    pipeline.create()
    pipeline.engine.failures.append(error)
    pipeline.reconcile()
    assert pipeline.observer.told[-1] == ("ended", OperationType.CREATE, error.reason)


def test_an_error_that_nobody_thought_of_ends_the_operation_too(pipeline: PipelineUnderTest) -> None:
    pipeline.create()
    pipeline.engine.failures.append(ZeroDivisionError("a bug"))
    pipeline.reconcile()
    assert pipeline.observer.told[-1] == ("ended", OperationType.CREATE, Reason.INTERNAL_ERROR)


def test_drift_that_is_put_back_is_told(built: PipelineUnderTest) -> None:
    built.engine.drifted = {"rule", "permission"}
    built.annotate(RECONCILE_REQUESTED_AT, "now")
    built.reconcile()
    assert ("drifted", 2) in built.observer.told
    assert built.observer.told[0][2] is OperationType.REFRESH


def test_a_broken_lock_is_told(built: PipelineUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(built.engine, "update", lambda *_: EngineResult(broken_lock="root@here (pid 1)"))
    built.change(processor={"code": {"inline": "def handler(event, context): return 1"}})
    built.reconcile()
    assert ("broke a lock",) in built.observer.told


def test_a_deletion_is_told_and_so_is_what_it_fails_of(built: PipelineUnderTest) -> None:
    built.engine.failures += [AccessDenied("lambda:DeleteFunction")] * 2
    built.refused_removal()
    built.remove()
    longest = 2 * DESTROY_TIMEOUT_SECONDS + MARGIN_SECONDS
    assert built.observer.told == [
        ("began", KEY, OperationType.DESTROY, longest),
        ("ended", OperationType.DESTROY, Reason.ACCESS_DENIED),
        ("began", KEY, OperationType.DESTROY, longest),
        ("ended", OperationType.DESTROY, None),
    ]


def test_each_line_about_an_operation_has_its_fields(
    pipeline: PipelineUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pipeline.create()
    pipeline.engine.failures.append(AccessDenied("iam:CreateRole"))
    pipeline.reconcile()
    begins, fails = lines(caplog)
    about = {"namespace": KEY.namespace, "pipeline": KEY.name, "generation": 1, "operation": "Create"}
    assert begins == {**about, "operationId": begins["operationId"]}
    assert fails == {**begins, "reason": "AccessDenied", "durationSeconds": fails["durationSeconds"]}
    assert pipeline.status.last_operation is not None
    assert isinstance(fails["durationSeconds"], float)

    caplog.clear()
    pipeline.annotate(RECONCILE_REQUESTED_AT, "now")
    pipeline.reconcile()
    begins, ends = lines(caplog)
    assert ends == {**begins, "durationSeconds": ends["durationSeconds"]}


def test_no_line_has_the_value_of_a_secret(pipeline: PipelineUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pipeline.cluster.secrets[KEY.namespace, "api"] = {"token": SECRET}
    reference = {"secretKeyRef": {"name": "api", "key": "token"}}
    code = {"inline": "def handler(event, context): ..."}
    pipeline.create(processor={"code": code, "environment": [{"name": "TOKEN", "valueFrom": reference}]})
    pipeline.engine.failures.append(UpdateFailed("throttled"))
    pipeline.reconcile()
    assert caplog.records
    assert not [record for record in caplog.records if SECRET in str(vars(record))]
