"""Small builders of values that tests of the core share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle, FunctionCode
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint, Sensitive
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.environment import SecretKey
from ingestion_operator.model.pipeline import PipelineKey, PipelineRecord, parse_spec
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import LastOperation, OperationResult, OperationType, Status, Workings
from ingestion_operator.observe.observed import Buildable, Observed, Unbuildable

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY = PipelineKey("team-a", "words")
OWNER = Owner("test", KEY, "uid-1")
PLACE = Place("123456789012", "eu-west-1")
CODE = "def handler(event, context): ..."


def make_spec(**changes: Any) -> Spec:
    return parse_spec({"spec": {"processor": {"code": {"inline": CODE}}, **changes}})


def make_blueprint(
    code: FunctionCode | str = CODE,
    *,
    secrets: Mapping[SecretKey, Sensitive] | None = None,
    place: Place = PLACE,
    **changes: Any,
) -> Blueprint:
    packed = CodeBundle.of({"index.py": code}) if isinstance(code, str) else code
    return assemble(make_spec(**changes), OWNER, place, packed, secrets)


# A spec that uses each resource type, and each input that a pipeline with code in a zip can have.
EVERYTHING: dict[str, Any] = {
    "tags": {"team": "search"},
    "source": {
        "trigger": "CloudTrail",
        "filter": {"prefixes": ["raw/"]},
        "bucket": {
            "naming": "AccountRegional",
            "encryption": {"type": "KMS", "keyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"},
        },
    },
    "processor": {
        "code": {"inline": CODE},
        "environment": [
            {"name": "MARK", "value": "1"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "api", "key": "token"}}},
        ],
        "layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:numpy:3"],
        "vpc": {"subnetIds": ["subnet-0123abcd"], "securityGroupIds": ["sg-0123abcd"]},
        "reservedConcurrency": 5,
        "permissions": [{"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:jobs"]}],
        "logFormat": "JSON",
    },
    "results": {"bucket": {}, "table": {"partitionKey": "document", "sortKey": "part"}},
}
TOKEN = SecretKey(name="api", key="token")
SECRETS = {TOKEN: Sensitive("s3cr3t-value", "api/uid/1/token")}


def make_workings(applied: Blueprint | None = None, attempted: Blueprint | None = None, handled: str = "") -> Workings:
    return Workings(
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
    record = make_record(status, annotations)
    if problem is not None:
        return Observed(record, Unbuildable(problem, make_spec(**spec)))
    return Observed(record, Buildable(make_spec(**spec), wanted or make_blueprint()))


def make_record(status: Status | None = None, annotations: dict[str, str] | None = None) -> PipelineRecord:
    return PipelineRecord(KEY, "uid-1", 2, annotations=annotations or {}, status=status or Status())
