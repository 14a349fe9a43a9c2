"""The API server accepts every spec that can work, and refuses the others with a message about what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ingestion_local.control_plane import ControlPlane
from ingestion_local.environment import CRDS
from integration.admission_api import RESOURCE, Document, connected, manifest, tried
from integration.admission_changes import FORBIDDEN, PERMITTED
from integration.admission_refusals import REFUSED
from integration.admission_rows import ACCEPTED, CODE, Change, Forbidden, Refusal

SCHEMA: dict[str, Any] = yaml.safe_load(next(Path(CRDS).glob("*ingestionpipelines.yaml")).read_text())["spec"][
    "versions"
][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

NOT_CHECKED = "some validation rules were not checked because the object was invalid"

Cause = tuple[str, str]


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[client.CustomObjectsApi]:
    with connected(control_plane) as connection:
        yield connection


def causes(error: ApiException) -> list[Cause]:
    """The fields that a refusal names, with the message for each, as kubectl prints them."""
    status = json.loads(error.body or "{}")
    found = (status.get("details") or {}).get("causes") or [{"message": status["message"]}]
    return [(cause.get("field", ""), cause["message"]) for cause in found if NOT_CHECKED not in cause["message"]]


def refusal(api: client.CustomObjectsApi, document: Document) -> list[Cause]:
    with pytest.raises(ApiException) as refused:
        tried(api, document)
    return causes(refused.value)


def says(found: list[Cause], field: str, message: str) -> bool:
    """Whether this is the only complaint and its whole text. Kubernetes may write the value before the text."""
    return (
        len(found) == 1
        and found[0][0] == field
        and re.search(rf"(^|[: ]){re.escape(message)}$", found[0][1]) is not None
    )


@pytest.mark.parametrize("sentence", ACCEPTED)
def test_what_can_work_is_accepted_as_written(api: client.CustomObjectsApi, sentence: str) -> None:
    changes = ACCEPTED[sentence]
    spec = tried(api, manifest(*changes))["spec"]
    for path, value in changes:
        assert contains(at(spec, path), value), path


def at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node[key]
    return node


def contains(found: Any, wanted: Any) -> bool:
    """Whether everything wanted is there. The API server may have added defaults."""
    if isinstance(wanted, dict):
        return all(key in found and contains(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(contains, found, wanted))
    return bool(found == wanted)


@pytest.mark.parametrize("row", [pytest.param(row, id=sentence) for sentence, row in REFUSED.items()])
def test_what_cannot_work_is_refused_with_what_to_write_instead(api: client.CustomObjectsApi, row: Refusal) -> None:
    found = refusal(api, manifest(*row.changes))
    assert says(found, row.field, row.message), found


def test_a_name_of_63_is_accepted_and_one_of_64_is_refused(api: client.CustomObjectsApi) -> None:
    assert tried(api, manifest(name="n" * 63))
    found = refusal(api, manifest(name="n" * 64))
    assert says(found, "<nil>", "metadata.name must not be longer than 63 characters: choose a shorter one"), found


@pytest.mark.parametrize("row", [pytest.param(row, id=sentence) for sentence, row in FORBIDDEN.items()])
def test_a_change_that_would_lose_data_is_refused(api: client.CustomObjectsApi, row: Forbidden) -> None:
    with pytest.raises(ApiException) as refused:
        replaced(api, row.before, row.after)
    assert says(causes(refused.value), row.field, row.message), causes(refused.value)


@pytest.mark.parametrize(("before", "after"), [pytest.param(*row, id=sentence) for sentence, row in PERMITTED.items()])
def test_every_other_change_is_accepted(
    api: client.CustomObjectsApi, before: list[Change], after: list[Change]
) -> None:
    assert replaced(api, before, after)


def replaced(api: client.CustomObjectsApi, before: list[Change], after: list[Change]) -> Document:
    """The answer to a change of a pipeline that really exists."""
    created = cast(Document, api.create_namespaced_custom_object(**RESOURCE, body=manifest(*before, name="changing")))
    version = created["metadata"]["resourceVersion"]
    wanted = manifest(*after, name="changing", resourceVersion=version)
    try:
        answer = api.replace_namespaced_custom_object(**RESOURCE, name="changing", body=wanted, dry_run="All")
        return cast(Document, answer)
    finally:
        api.delete_namespaced_custom_object(**RESOURCE, name="changing")


DEFAULT_BUCKET = {
    "name": "",
    "management": "Managed",
    "naming": "Global",
    "encryption": {"type": "SSES3", "keyArn": ""},
    "versioning": "Enabled",
    "noncurrentVersionDays": 90,
}
NO_FILTER = {"prefixes": [], "suffixes": [], "excludePrefixes": [], "excludeSuffixes": [], "minSizeBytes": 0}


def test_the_smallest_pipeline_comes_back_with_every_default(api: client.CustomObjectsApi) -> None:
    assert tried(api, manifest())["spec"] == {
        "tags": {},
        "source": {"trigger": "EventBridge", "bucket": DEFAULT_BUCKET, "filter": NO_FILTER},
        "processor": {
            "code": {"inline": CODE},
            "runtime": "python3.13",
            "handler": "index.handler",
            "architecture": "arm64",
            "memoryMiB": 256,
            "timeoutSeconds": 60,
            "ephemeralStorageMiB": 512,
            "environment": [],
            "layers": [],
            "permissions": [],
            "logRetentionDays": 30,
            "logFormat": "Text",
            "tracing": "Active",
        },
        "delivery": {
            "maximumAttempts": 185,
            "maximumEventAgeSeconds": 86400,
            "processingAttempts": 2,
            "processingMaximumAgeSeconds": 21600,
        },
        "deadLetter": {"retentionDays": 14},
        "reconcile": {
            "suspend": False,
            "drift": {"mode": "Correct", "intervalSeconds": 3600},
            "timeoutSeconds": 1800,
        },
        "deletion": {"policy": "RetainData"},
    }


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        (
            [("results.bucket.prefix", "chunks/")],
            "results",
            {"bucket": {"name": "", "prefix": "chunks/", "encryption": DEFAULT_BUCKET["encryption"]}},
        ),
        ([("results.table", {})], "results", {"table": {"name": "", "partitionKey": "id", "sortKey": ""}}),
        ([("reconcile.drift.mode", "Ignore")], "reconcile.drift", {"mode": "Ignore", "intervalSeconds": 3600}),
        ([("source.trigger", "CloudTrail"), ("source.cloudTrail", {})], "source.cloudTrail", {"trailArn": ""}),
        ([("source.filter.prefixes", ["a/"])], "source.filter", {**NO_FILTER, "prefixes": ["a/"]}),
        ([("source.bucket.name", "raw")], "source.bucket", {**DEFAULT_BUCKET, "name": "raw"}),
        (
            [("processor.code", {"s3": {"bucket": "acme", "key": "k"}})],
            "processor.code",
            {"s3": {"bucket": "acme", "key": "k", "versionId": ""}},
        ),
        (
            [("processor.code", {"configMapRef": {"name": "code"}})],
            "processor.code",
            {"configMapRef": {"name": "code", "key": ""}},
        ),
        ([("processor.environment", [{"name": "AB"}])], "processor.environment", [{"name": "AB", "value": ""}]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_part_that_is_given_gets_the_defaults_of_its_other_fields(
    api: client.CustomObjectsApi, changes: list[Change], path: str, expected: Any
) -> None:
    assert at(tried(api, manifest(*changes))["spec"], path) == expected


def fields(node: Mapping[str, Any], path: str = "spec") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every node of the schema with its path. `[]` stands for each item of a list, and `.*` for each value of a map."""
    yield path, node
    for name, child in (node.get("properties") or {}).items():
        yield from fields(child, f"{path}.{name}")
    if "items" in node:
        yield from fields(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), Mapping):
        yield from fields(node["additionalProperties"], f"{path}.*")


def refused_at() -> set[Cause]:
    """Field and message of every row, without positions in lists and keys of maps."""
    return without_positions(chain(REFUSED.values(), FORBIDDEN.values()), maps=("tags",))


def without_positions(rows: Iterable[Refusal | Forbidden], maps: Sequence[str]) -> set[Cause]:
    keys = rf"^spec\.({'|'.join(maps)})\..*"
    return {(re.sub(keys, r"spec.\1.*", re.sub(r"\[\d+\]", "[]", r.field)), r.message) for r in rows}


def test_every_rule_of_the_schema_has_a_row_with_its_whole_message() -> None:
    rules = {
        (path + rule.get("fieldPath", ""), rule["message"])
        for path, node in fields(SCHEMA)
        for rule in node.get("x-kubernetes-validations") or ()
    }
    assert len(rules) > 50
    assert rules <= refused_at()


BOUNDS = {
    "minimum": "should be greater than or equal to {0}",
    "maximum": "should be less than or equal to {0}",
    "minLength": "should be at least {0} chars long",
    "maxLength": "Too long: may not be more than {0} bytes",
    "minItems": "should have at least {0} items",
    "maxItems": "must have at most {0} items",
    "maxProperties": "must have at most {0} items",
    "pattern": "should match '{0}'",
}


def bounds_of(path: str, node: Mapping[str, Any]) -> Iterator[Cause]:
    yield from ((path, text.format(node[bound])) for bound, text in BOUNDS.items() if bound in node)
    yield from ((f"{path}.{name}", "Required value") for name in node.get("required") or ())
    if "enum" in node:
        yield path, "supported values: " + ", ".join(f'"{value}"' for value in node["enum"])


def test_every_bound_of_the_schema_has_a_row() -> None:
    bounds = {bound for path, node in fields(SCHEMA) for bound in bounds_of(path, node)}
    rows = refused_at()
    missing = {(at, text) for at, text in bounds if not any(at == a and m.endswith(text) for a, m in rows)}
    assert len(bounds) > 100
    assert missing == set()


def test_kubectl_lists_pipelines_by_short_name_and_by_category(
    control_plane: ControlPlane, api: client.CustomObjectsApi
) -> None:
    api.create_namespaced_custom_object(**RESOURCE, body=manifest(name="listed"))
    try:
        for word in ("ipl", "ingestion", "ingestionpipelines", "ingestionpipeline"):
            shown = control_plane.run_kubectl("get", word, "--namespace", "default").stdout.splitlines()
            assert shown[0].split() == ["NAME", "READY", "STATUS", "PROGRESS", "BUCKET", "AGE"]
            assert any(line.startswith("listed ") for line in shown[1:])
        wide = control_plane.run_kubectl("get", "ipl", "--namespace", "default", "-o", "wide").stdout
        assert wide.splitlines()[0].split()[6:] == ["FUNCTION", "SYNCED", "CODE", "ACCOUNT", "MESSAGE"]
    finally:
        api.delete_namespaced_custom_object(**RESOURCE, name="listed")


def test_kubectl_prints_the_field_and_the_message(control_plane: ControlPlane) -> None:
    text = json.dumps(manifest(("source.bucket.name", "Raw")))
    answer = control_plane.run_kubectl("create", "-f", "-", "--dry-run=server", input=text, check=False)
    row = REFUSED["a bucket name with capitals"]
    assert answer.stderr.strip() == (
        f'The IngestionPipeline "pipe" is invalid: {row.field}: Invalid value: {row.message}'
    )


NAMED = [(path, node) for path, node in fields(SCHEMA) if not path.endswith(("[]", ".*"))]


@pytest.mark.parametrize(("path", "node"), [pytest.param(*row, id=row[0]) for row in NAMED])
def test_every_field_has_a_description_in_sentences(path: str, node: Mapping[str, Any]) -> None:
    text, name = node.get("description", ""), path.rpartition(".")[2]
    assert re.match(r"[A-Z`0-9]", text), text
    assert text.endswith("."), text
    assert len(text.split()) >= 3
    assert text.casefold().rstrip(".") != name.casefold()


def test_kubectl_explains_every_field(control_plane: ControlPlane) -> None:
    shown = control_plane.run_kubectl("explain", "ipl.spec", "--recursive").stdout
    listed = [(len(found[1]), found[2]) for found in re.finditer(r"^( +)(\w+)\t+<", shown, re.MULTILINE)]
    assert len(listed) > 80
    assert {"spec", *nested(listed)} == {path.replace("[]", "") for path, _ in NAMED}


def nested(lines: list[tuple[int, str]]) -> Iterator[str]:
    """The dotted paths of an indented list."""
    above: list[tuple[int, str]] = []
    for indent, name in lines:
        above = [entry for entry in above if entry[0] < indent] + [(indent, name)]
        yield ".".join(["spec", *(entry[1] for entry in above)])


def test_kubectl_explains_a_field_with_its_type_and_description(control_plane: ControlPlane) -> None:
    shown = control_plane.run_kubectl("explain", "ipl.spec.processor.memoryMiB").stdout
    assert "FIELD: memoryMiB <integer>" in shown
    assert "The memory of the function, in MiB." in shown
