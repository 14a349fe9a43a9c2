"""Names, policies, patterns, code and the blueprint, which are pure documents."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from builders import OWNER, PLACE, make_blueprint, make_spec
from ingestion_operator.blueprint.event_pattern import object_created
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.names import BUCKET_LIMIT, physical_name
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.resources import Ref
from ingestion_operator.errors import SpecInvalid
from ingestion_operator.model.pipeline import PipelineKey, parse_spec
from ingestion_operator.model.source import Filter
from ingestion_operator.model.spec import Drift
from ingestion_operator.observe.refusals import refuse_missing_module
from ingestion_operator.status.merge_patch import merge_patch

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(NAMES, NAMES, st.sampled_from(["data", "results", "fn"]))
def test_a_name_fits_and_is_a_bucket_name(namespace: str, name: str, role: str) -> None:
    found = physical_name(Owner("c", PipelineKey(namespace, name), "u"), role, BUCKET_LIMIT)
    assert 3 <= len(found) <= BUCKET_LIMIT
    assert found == found.lower()
    assert not found.startswith("-")


def test_names_that_read_the_same_do_not_meet() -> None:
    one = physical_name(Owner("c", PipelineKey("a-b", "c"), "u"), "fn", 64)
    other = physical_name(Owner("c", PipelineKey("a", "b-c"), "u"), "fn", 64)
    cluster = physical_name(Owner("d", PipelineKey("a", "b-c"), "u"), "fn", 64)
    assert len({one, other, cluster}) == 3


@pytest.mark.parametrize(
    ("change", "owns"),
    [
        ({}, True),
        ({"ingestion-operator.io/uid": "another life"}, True),
        ({"ingestion-operator.io/cluster": "another"}, False),
        ({"ingestion-operator.io/namespace": "another"}, False),
        ({"ingestion-operator.io/name": "another"}, False),
        ({"ingestion-operator.io/name": None}, False),
    ],
)
def test_only_the_same_pipeline_owns(change: dict[str, Any], owns: bool) -> None:
    tags = {key: value for key, value in {**OWNER.tags(), **change}.items() if value is not None}
    assert OWNER.owns(tags) is owns


@pytest.mark.parametrize(
    ("prefixes", "suffixes", "keys"),
    [
        ((), (), None),
        (("raw/",), (), [{"prefix": "raw/"}]),
        ((), (".txt", ".md"), [{"suffix": ".txt"}, {"suffix": ".md"}]),
        (("a/", "b/"), (".txt",), [{"wildcard": "a/*.txt"}, {"wildcard": "b/*.txt"}]),
    ],
    ids=["no filter", "a prefix", "suffixes", "prefixes and a suffix"],
)
def test_a_filter_becomes_a_pattern(prefixes: tuple[str, ...], suffixes: tuple[str, ...], keys: Any) -> None:
    detail = object_created("b", Filter(prefixes=prefixes, suffixes=suffixes))["detail"]
    assert detail["bucket"] == {"name": ["b"]}
    assert detail.get("object", {}).get("key") == keys


def test_the_same_code_is_the_same_zip_in_whatever_order_it_is_given() -> None:
    one = CodeBundle.of({"b.py": "2", "a.py": "1"})
    other = CodeBundle.of({"a.py": "1", "b.py": "2"})
    assert one.zip_bytes == other.zip_bytes
    assert one.sha256_base64 == base64.b64encode(hashlib.sha256(one.zip_bytes).digest()).decode()
    assert zipfile.ZipFile(io.BytesIO(one.zip_bytes)).read("b.py") == b"2"
    assert CodeBundle.of({"a.py": "1", "b.py": "3"}).sha256 != one.sha256


@pytest.mark.parametrize(
    ("files", "processor", "message"),
    [
        ({"main.py": "x = 1"}, {}, "needs a file index.py, but the code has: main.py"),
        ({"app/run.py": "x = 1"}, {"handler": "app.run.go"}, None),
        ({"index.py": "x = 1", "data.json": "{not python"}, {}, None),
        ({f"{n}.py": "" for n in range(1000)} | {"index.py": ""}, {}, "has 1,001 files, but the operator takes 1,000"),
    ],
)
def test_code_without_the_handlers_file_or_with_too_many_files_is_refused(
    files: dict[str, str], processor: dict[str, str], message: str | None
) -> None:
    spec = make_spec(processor={"code": {"inline": "x"}, **processor})
    if message is None:
        refuse_missing_module(CodeBundle.of(files), spec.processor)
    else:
        with pytest.raises(SpecInvalid) as refusal:
            refuse_missing_module(CodeBundle.of(files), spec.processor)
        assert message in str(refusal.value)


DOCUMENTS = st.recursive(
    st.none().map(lambda _: 0) | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: isinstance(value, dict))


def merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    base = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = merged(base.get(key), value)
    return base


@given(DOCUMENTS, DOCUMENTS)
def test_a_merge_patch_leads_from_one_document_to_the_other(before: Any, after: Any) -> None:
    patch = merge_patch(before, after)
    assert merged(before, patch) == after
    assert bool(patch) == (before != after)


def test_the_functions_policy_is_exactly_what_it_needs() -> None:
    found = make_blueprint(
        source={"bucket": {"name": "in-1"}, "filter": {"prefixes": ["raw/", "in/"]}},
        results={"bucket": {"name": "out-1", "prefix": "chunks/"}},
    )
    policy = json.loads(next(r for r in found.resources if r.name == "role-policy").inputs["policy"])
    allowed = [s for s in policy["Statement"] if s["Effect"] == "Allow"]
    assert {s["Sid"]: (s["Action"], s["Resource"]) for s in allowed} == {
        "ReadSource": (["s3:GetObject", "s3:GetObjectVersion"], ["arn:aws:s3:::in-1/raw/*", "arn:aws:s3:::in-1/in/*"]),
        "WriteResults": (["s3:PutObject", "s3:AbortMultipartUpload"], ["arn:aws:s3:::out-1/chunks/*"]),
        "SendFailures": (["sqs:SendMessage"], [f"arn:aws:sqs:eu-west-1:123456789012:{found.names.queue}"]),
        "WriteLog": (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/{found.names.function}:*"],
        ),
        "SendTraces": (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]),
    }


def test_an_existing_results_bucket_is_not_made() -> None:
    found = make_blueprint(results={"bucket": {"name": "theirs"}})
    assert [r.name for r in found.resources if r.name.startswith("results")] == []
    assert found.names.data_buckets == (found.names.source_bucket,)


def test_every_reference_is_to_a_resource_that_comes_before() -> None:
    seen: set[str] = set()
    for resource in make_blueprint(results={"bucket": {}}).resources:
        references = {v.resource for v in resource.inputs.values() if isinstance(v, Ref)} | set(resource.depends_on)
        assert references <= seen, resource.name
        seen.add(resource.name)


def test_every_resource_that_can_be_tagged_carries_the_owners_tags_and_the_users() -> None:
    taggable = {"Bucket", "Role", "LogGroup", "Function", "EventRule"}
    for resource in make_blueprint(tags={"team": "search"}, results={"bucket": {}}).resources:
        if resource.type.rpartition(":")[2] in taggable:
            assert resource.inputs["tags"] == {"team": "search", **OWNER.tags()}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"deletion": {"policy": "Delete"}}, True),
        ({"reconcile": {"drift": {"intervalSeconds": 60}}}, True),
        ({"tags": {"a": "b"}}, False),
        ({"source": {"filter": {"prefixes": ["x/"]}}}, False),
    ],
    ids=str,
)
def test_the_fingerprint_changes_with_what_is_in_aws_and_with_nothing_else(change: dict[str, Any], same: bool) -> None:
    assert (make_blueprint(**change).fingerprint == make_blueprint().fingerprint) is same


def test_the_fingerprint_changes_with_the_code() -> None:
    assert make_blueprint("x = 1").fingerprint != make_blueprint("x = 2").fingerprint


def test_arns_are_those_of_the_partition() -> None:
    assert PLACE.arn("lambda", "function:f") == "arn:aws:lambda:eu-west-1:123456789012:function:f"


@pytest.mark.parametrize(("written", "read"), [(10, 60), (59, 60), (60, 60), (77, 77)])
def test_a_stored_value_below_a_minimum_that_was_raised_counts_as_the_minimum(written: int, read: int) -> None:
    body = {"spec": {"processor": {"code": {"inline": "x"}}, "reconcile": {"drift": {"intervalSeconds": written}}}}
    assert parse_spec(body).reconcile.drift.interval_seconds == read


def test_a_new_value_below_a_minimum_that_was_raised_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 60"):
        Drift.model_validate({"intervalSeconds": 59})


@pytest.mark.parametrize("value", ["10", -1.5, None])
def test_only_a_whole_number_counts_as_the_minimum(value: object) -> None:
    with pytest.raises(SpecInvalid, match="intervalSeconds"):
        parse_spec(
            {"spec": {"processor": {"code": {"inline": "x"}}, "reconcile": {"drift": {"intervalSeconds": value}}}}
        )
