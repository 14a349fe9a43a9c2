"""Small builders of values that tests of the core share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingestion_operator.code import CodeBundle
from ingestion_operator.decide import Observed
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import Identity, PipelineKey, parse_spec
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import LastOperation, OperationResult, OperationType, StackStatus, Status
from ingestion_operator.naming import Owner
from ingestion_operator.resources import Blueprint, Place, blueprint

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = PipelineKey("team-a", "words")
OWNER = Owner("test", KEY, "uid-1")
PLACE = Place("123456789012", "eu-west-1")
CODE = "def handler(event, context): ..."


def make_spec(**changes: Any) -> Spec:
    return parse_spec({"spec": {"processor": {"code": {"inline": CODE}}, **changes}})


def make_blueprint(code: str = CODE, **changes: Any) -> Blueprint:
    return blueprint(make_spec(**changes), OWNER, PLACE, CodeBundle.of({"index.py": code}))


def make_stack(applied: Blueprint | None = None, attempted: Blueprint | None = None, handled: str = "") -> StackStatus:
    return StackStatus(
        name="team-a-words",
        region="eu-west-1",
        data_buckets=("b",),
        fingerprint=applied.fingerprint if applied else "",
        attempted=(attempted or applied).fingerprint if (attempted or applied) else "",  # type: ignore[union-attr]
        handled_request=handled,
    )


def make_operation(
    result: OperationResult = OperationResult.SUCCEEDED, failures: int = 0, retry: datetime | None = None
) -> LastOperation:
    return LastOperation(
        type=OperationType.UPDATE, result=result, start_time=NOW, end_time=NOW, failures=failures, next_retry_time=retry
    )


def make_observed(
    status: Status | None = None,
    *,
    annotations: dict[str, str] | None = None,
    wanted: Blueprint | None = None,
    problem: PipelineError | None = None,
    **spec: Any,
) -> Observed:
    identity = Identity(KEY, "uid-1", 2, annotations=annotations or {}, status=status or Status())
    return Observed(identity, make_spec(**spec), wanted if problem is None else None, problem)
