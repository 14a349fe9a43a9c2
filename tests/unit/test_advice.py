"""The advice that a user gets about a pipeline that works."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from builders import CODE, KEY, make_spec
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.observe.advice import Advice, advice_on, sharing, sources_on
from ingestion_operator.reasons import Reason
from ingestion_operator.wording import LISTED, MESSAGE_LIMIT

TODAY = date(2026, 11, 24)
JOBS = "arn:aws:sqs:eu-west-1:123456789012:jobs"
EXISTING = {"name": "docs", "management": "Existing"}


def processor(**options: Any) -> dict[str, Any]:
    return {"code": {"inline": CODE}, **options}


def permission(*actions: str, on: str = "*") -> dict[str, Any]:
    return {"actions": list(actions), "resources": [on]}


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        pytest.param({}, [], id="nothing to say"),
        pytest.param({"runtime": "python3.10"}, [Reason.RUNTIME_DEPRECATED], id="an old runtime"),
        pytest.param({"permissions": [permission("sqs:SendMessage", on=JOBS)]}, [], id="a right on one queue"),
        pytest.param({"permissions": [permission("sqs:SendMessage", on=f"{JOBS}*")]}, [], id="a right on some queues"),
        pytest.param({"permissions": [permission("a:B")]}, [Reason.WILDCARD_PERMISSION], id="a right on everything"),
        pytest.param(
            {"runtime": "python3.10", "permissions": [permission("a:B")]},
            [Reason.RUNTIME_DEPRECATED, Reason.WILDCARD_PERMISSION],
            id="both",
        ),
    ],
)
def test_the_spec_alone_gives_reason_to_say(options: dict[str, Any], reasons: list[Reason]) -> None:
    assert [a.reason for a in advice_on(make_spec(processor=processor(**options)), TODAY)] == reasons


def test_the_runtime_of_an_image_is_its_own_business() -> None:
    uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/words@sha256:" + "0" * 64
    spec = make_spec(processor={"code": {"image": {"uri": uri}}, "runtime": "python3.10"})
    assert list(advice_on(spec, TODAY)) == []


def test_a_right_on_everything_is_named_among_others() -> None:
    permissions = [permission("sqs:SendMessage", on=JOBS), permission("textract:DetectDocumentText", "kms:Decrypt")]
    assert list(advice_on(make_spec(processor=processor(permissions=permissions)), TODAY)) == [
        Advice(
            Reason.WILDCARD_PERMISSION,
            "processor.permissions allows textract:DetectDocumentText, kms:Decrypt on every resource: name the ARNs",
        )
    ]


def body(
    name: str = "other",
    *,
    bucket: dict[str, Any] | None = None,
    deleting: bool = False,
    built: bool = True,
    made: str = "",
    **source: Any,
) -> dict[str, Any]:
    metadata = {"namespace": "team-b", "name": name, "uid": "u", **({"deletionTimestamp": "x"} if deleting else {})}
    spec = {"processor": processor(), "source": {"bucket": EXISTING if bucket is None else bucket, **source}}
    outputs = {"outputs": {"bucketName": made}} if made else {}
    stack = {"name": "s", "region": "eu-west-1", "fingerprint": "f" if built else ""}
    return {"metadata": metadata, "spec": spec, "status": {**outputs, "workings": stack}}


RAW: dict[str, Any] = {"filter": {"prefixes": ["raw/"]}}
IN: dict[str, Any] = {"filter": {"prefixes": ["in/"]}}


@pytest.mark.parametrize(
    ("others", "shared"),
    [
        pytest.param([], "", id="nobody else"),
        pytest.param([body()], "team-b/other", id="all objects"),
        pytest.param([body(**RAW)], "team-b/other", id="the same objects"),
        pytest.param([body(**IN)], "", id="other objects"),
        pytest.param([body(bucket={**EXISTING, "name": "docs-old"})], "", id="another bucket"),
        pytest.param([body(built=False)], "", id="one that is not built"),
        pytest.param([body(deleting=True)], "", id="one that is going"),
        pytest.param([body(filter={"prefixes": 3})], "", id="one that cannot be read"),
        pytest.param([{"metadata": {"namespace": "n", "name": "x", "uid": "u"}}], "", id="one without anything"),
        pytest.param([body(trigger="CloudTrail", **RAW)], "team-b/other", id="however it is triggered"),
        pytest.param([body(bucket={"name": "docs"})], "team-b/other", id="the one that made the bucket"),
        pytest.param([body(bucket={}, made="docs")], "team-b/other", id="the one that generated its name"),
        pytest.param(
            [body(bucket={"name": "docs", "naming": "AccountRegional"}, made="docs-1-eu-an")],
            "",
            id="one whose bucket only begins like it",
        ),
        pytest.param([body("b"), body("a"), body("c", **IN)], "team-b/a, team-b/b", id="two, in order"),
    ],
)
def test_who_else_processes_the_same_objects_of_a_shared_bucket_is_named(
    others: list[dict[str, Any]], shared: str
) -> None:
    spec = make_spec(source={"bucket": EXISTING, **RAW})
    expected = (
        f"some objects of bucket docs are also processed by {shared}: narrow source.filter if this is not intended"
    )
    assert list(sharing(KEY, spec, others)) == ([Advice(Reason.FILTER_OVERLAPS, expected)] if shared else [])


def test_a_pipeline_does_not_share_with_itself() -> None:
    mine = body()
    mine["metadata"] |= {"namespace": KEY.namespace, "name": KEY.name}
    assert list(sharing(KEY, make_spec(source={"bucket": EXISTING}), [mine])) == []


def test_advice_stays_short_enough_not_to_be_cut_off() -> None:
    longest = "n" * 253
    others = [body(f"{longest[:-2]}{number:02}") for number in range(40)]
    (said,) = sharing(KEY, make_spec(source={"bucket": EXISTING}), others)
    assert f" and {40 - LISTED} more: narrow source.filter" in said.message
    many = [permission(*(f"service:{'A' * 110}{n}" for n in range(30)))] * 20
    (wild,) = advice_on(make_spec(processor=processor(permissions=many)), TODAY)
    assert len(said.message) + len(wild.message) < MESSAGE_LIMIT


def test_the_sources_on_a_bucket_are_given_with_their_pipelines() -> None:
    found = list(sources_on("docs", [body(**RAW), body("x", bucket={**EXISTING, "name": "y-z"})]))
    assert [(key, source.filter.prefixes) for key, source in found] == [(PipelineKey("team-b", "other"), ("raw/",))]
