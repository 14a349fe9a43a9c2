"""The API server itself accepts what can work and refuses the rest with a message that says what to write instead."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ingestion_local.control_plane import ControlPlane

CODE = "def handler(event, context):\n    return 1\n"
UNSET = object()
LONGEST_BUCKET = "b" * 63

Change = tuple[str, Any]


def manifest(*changes: Change, name: str = "pipe", **metadata: Any) -> dict[str, Any]:
    """The smallest good pipeline with values set, or (UNSET) taken away, by their dotted path in the spec."""
    spec: dict[str, Any] = {"processor": {"code": {"inline": CODE}}}
    for path, value in changes:
        *parents, last = path.split(".")
        node = spec
        for key in parents:
            node = node.setdefault(key, {})
        if value is UNSET:
            node.pop(last, None)
        else:
            node[last] = copy.deepcopy(value)
    return {
        "apiVersion": "ingestion-operator.io/v1alpha1",
        "kind": "IngestionPipeline",
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": spec,
    }


def variables(*names: str, value: str = "x") -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name in names]


def results(name: str, prefix: str, *prefixes: str) -> list[Change]:
    return [
        ("source.bucket.name", "shared"),
        ("source.filter.prefixes", list(prefixes)),
        ("results.bucket", {"name": name, "prefix": prefix}),
    ]


def create(plane: ControlPlane, document: Mapping[str, Any], *options: str) -> Any:
    text = json.dumps(document)
    return plane.run_kubectl("create", "-f", "-", "-o", "json", *options, input=text, check=False)


EVERY_FIELD: list[Change] = [
    ("region", "us-gov-west-1"),
    ("tags", {"team": "data", "empty": ""}),
    ("source.trigger", "EventBridge"),
    ("source.bucket.name", "acme-raw"),
    ("source.filter.prefixes", ["raw/", "in/"]),
    ("source.filter.suffixes", [".txt", ".md"]),
    ("processor.runtime", "python3.12"),
    ("processor.handler", "package/module.run"),
    ("processor.architecture", "x86_64"),
    ("processor.memoryMiB", 512),
    ("processor.timeoutSeconds", 30),
    ("processor.environment", variables("MODE", "LEVEL")),
    ("processor.logRetentionDays", 7),
    ("processor.tracing", "PassThrough"),
    ("results.bucket.name", "acme-chunks"),
    ("results.bucket.prefix", "chunks/"),
    ("reconcile.suspend", True),
    ("reconcile.drift.mode", "Ignore"),
    ("reconcile.drift.intervalSeconds", 60),
    ("reconcile.timeoutSeconds", 600),
    ("deletion.policy", "Retain"),
]
FROM_CONFIG_MAP = [("processor.code", {"configMapRef": {"name": "code.v1", "key": "index.py"}})]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([], id="only the code"),
        pytest.param(EVERY_FIELD, id="every field"),
        pytest.param(FROM_CONFIG_MAP, id="code from a key of a ConfigMap"),
        pytest.param([("processor.code", {"configMapRef": {"name": "code"}})], id="code from a whole ConfigMap"),
        pytest.param([("processor.code.inline", "#" * 32768)], id="inline code of 32 KiB"),
        pytest.param([("processor.memoryMiB", 128)], id="the least memory"),
        pytest.param([("processor.memoryMiB", 10240)], id="the most memory"),
        pytest.param([("processor.timeoutSeconds", 1)], id="the shortest timeout"),
        pytest.param([("processor.timeoutSeconds", 900)], id="the longest timeout"),
        pytest.param([("processor.runtime", "python3.10")], id="the oldest runtime"),
        pytest.param([("processor.runtime", "python3.14")], id="the newest runtime"),
        pytest.param([("processor.handler", "app.index.run")], id="a handler in a package"),
        pytest.param([("processor.logRetentionDays", 1)], id="a log for a day"),
        pytest.param([("processor.logRetentionDays", 3653)], id="a log for ten years"),
        pytest.param([("processor.environment", [{"name": "EMPTY"}])], id="a variable without a value"),
        pytest.param([("processor.environment", variables("AB", value="v" * 4094))], id="4096 of environment"),
        pytest.param(
            [("processor.environment", variables("AWSOME", "RESULTS", "path"))],
            id="variables that only look like reserved ones",
        ),
        pytest.param([("source.bucket.name", "abc")], id="a bucket name of 3"),
        pytest.param([("source.bucket.name", LONGEST_BUCKET)], id="a bucket name of 63"),
        pytest.param([("source.bucket.name", "my-xn--bucket")], id="a reserved beginning in the middle"),
        pytest.param([("source.filter.prefixes", [f"{n}/" for n in range(20)])], id="20 prefixes"),
        pytest.param([("source.filter.prefixes", ["p" * 256])], id="a prefix of 256"),
        pytest.param([("source.filter.prefixes", ["a b/(1)[2]{3}+é/"])], id="a prefix with other special characters"),
        pytest.param([("region", "ap-southeast-2")], id="a region of three words"),
        pytest.param([("tags", {f"k{n}": "v" for n in range(40)})], id="40 tags"),
        pytest.param([("tags", {"awsome": "v", "k": "v" * 256})], id="a tag value of 256"),
        pytest.param([("results", {})], id="results without a bucket"),
        pytest.param([("results.bucket", {})], id="a bucket made for results"),
        pytest.param([("results.bucket.prefix", "p" * 256)], id="a results prefix of 256"),
        pytest.param(results("shared", "out/", "raw/", "in/"), id="results in the source bucket outside the filter"),
        pytest.param(results("other", ""), id="results in another bucket without a filter"),
        pytest.param([("reconcile.drift.intervalSeconds", 10)], id="a look for drift each 10 s"),
        pytest.param([("reconcile.drift.intervalSeconds", 604800)], id="a look for drift each week"),
        pytest.param([("reconcile.timeoutSeconds", 60)], id="the shortest update"),
        pytest.param([("reconcile.timeoutSeconds", 7200)], id="the longest update"),
        pytest.param([("deletion.policy", "Delete")], id="deletion of the buckets too"),
    ],
)
def test_what_can_work_is_accepted_as_written(control_plane: ControlPlane, changes: list[Change]) -> None:
    answer = create(control_plane, manifest(*changes), "--dry-run=server")
    assert answer.returncode == 0, answer.stderr
    spec = json.loads(answer.stdout)["spec"]
    for path, value in changes:
        assert contains(at(spec, path), value), path


def at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node[key]
    return node


def contains(found: Any, wanted: Any) -> bool:
    """Whether everything wanted is there; defaults may have been added."""
    if isinstance(wanted, dict):
        return all(key in found and contains(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(contains, found, wanted))
    return bool(found == wanted)


BUCKET_RULE = "3 to 63 lower-case letters, digits and hyphens"
RESERVED_BUCKET = "what AWS reserves (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3): choose another"
ONE_SOURCE = "write processor.code.inline or processor.code.configMapRef, not both and not neither"
VARIABLE_RULE = "a letter followed by at least one letter, digit or underscore"
RESERVED_VARIABLE = "reserved by Lambda or by the operator"
LITERAL = "is taken literally: write 'raw/' rather than 'raw/*'"
HANDLER_RULE = "handler is <module>.<function>, for example index.handler"
TAG_RULE = "must not begin with aws: or ingestion-operator.io/"
LOOP = "write results under a prefix outside source.filter.prefixes, or leave results.bucket.name out"
SUPPORTED_RUNTIMES = '"python3.10", "python3.11", "python3.12", "python3.13", "python3.14"'

REFUSED = {
    "a bucket name with capitals": ([("source.bucket.name", "Raw")], BUCKET_RULE),
    "a bucket name with an underscore": ([("source.bucket.name", "my_raw")], BUCKET_RULE),
    "a bucket name with a dot": ([("source.bucket.name", "my.raw")], BUCKET_RULE),
    "a bucket name that begins with a hyphen": ([("source.bucket.name", "-raw")], BUCKET_RULE),
    "a bucket name that ends with a hyphen": ([("source.bucket.name", "raw-")], BUCKET_RULE),
    "a bucket name of 2": ([("source.bucket.name", "ab")], BUCKET_RULE),
    "a bucket name of 64": ([("source.bucket.name", "b" * 64)], "may not be more than 63"),
    "a bucket name that begins with xn--": ([("source.bucket.name", "xn--raw")], RESERVED_BUCKET),
    "a bucket name that begins with sthree-": ([("source.bucket.name", "sthree-raw")], RESERVED_BUCKET),
    "a bucket name that begins with amzn-s3-demo-": (
        [("source.bucket.name", "amzn-s3-demo-raw")],
        RESERVED_BUCKET,
    ),
    "a bucket name that ends with -s3alias": ([("source.bucket.name", "raw-s3alias")], RESERVED_BUCKET),
    "a bucket name that ends with --ol-s3": ([("source.bucket.name", "raw--ol-s3")], RESERVED_BUCKET),
    "a results bucket name with capitals": ([("results.bucket.name", "Raw")], BUCKET_RULE),
    "a results bucket name that AWS reserves": ([("results.bucket.name", "xn--raw")], RESERVED_BUCKET),
    "a results prefix with a wildcard": ([("results.bucket.prefix", "out/*")], LITERAL),
    "a results prefix of 257": ([("results.bucket.prefix", "p" * 257)], "may not be more than 256"),
    "a region that is a zone": ([("region", "eu-west-1a")], "^[a-z]{2}(-[a-z]+)+-[0-9]$"),
    "a region in capitals": ([("region", "EU-WEST-1")], "spec.region"),
    "an empty region": ([("region", "")], "spec.region"),
    "no processor": ([("processor", UNSET)], "spec.processor: Required value"),
    "no code": ([("processor.code", UNSET)], "spec.processor.code: Required value"),
    "code without a source": ([("processor.code", {})], ONE_SOURCE),
    "code with two sources": (
        [("processor.code", {"inline": CODE, "configMapRef": {"name": "code"}})],
        ONE_SOURCE,
    ),
    "inline code of more than 32 KiB": (
        [("processor.code.inline", "#" * 32769)],
        "may not be more than 32768",
    ),
    "empty inline code": ([("processor.code.inline", "")], "spec.processor.code.inline"),
    "a ConfigMap without a name": (
        [("processor.code", {"configMapRef": {}})],
        "spec.processor.code.configMapRef.name: Required value",
    ),
    "a ConfigMap's name with capitals": (
        [("processor.code", {"configMapRef": {"name": "Code"}})],
        "spec.processor.code.configMapRef.name",
    ),
    "a runtime that AWS has retired": ([("processor.runtime", "python3.8")], SUPPORTED_RUNTIMES),
    "a runtime of another language": ([("processor.runtime", "nodejs22.x")], SUPPORTED_RUNTIMES),
    "a handler without a function": ([("processor.handler", "handler")], HANDLER_RULE),
    "a handler that is a file": ([("processor.handler", "/index.handler")], HANDLER_RULE),
    "an unknown architecture": ([("processor.architecture", "amd64")], '"arm64", "x86_64"'),
    "too little memory": ([("processor.memoryMiB", 127)], "should be greater than or equal to 128"),
    "too much memory": ([("processor.memoryMiB", 10241)], "should be less than or equal to 10240"),
    "memory with a unit": ([("processor.memoryMiB", "256Mi")], 'must be of type integer: "string"'),
    "a timeout of nothing": ([("processor.timeoutSeconds", 0)], "should be greater than or equal to 1"),
    "a timeout above Lambda's": ([("processor.timeoutSeconds", 901)], "should be less than or equal to 900"),
    "a variable that begins with AWS_": (
        [("processor.environment", variables("AWS_REGION"))],
        RESERVED_VARIABLE,
    ),
    "a variable that begins with LAMBDA_": (
        [("processor.environment", variables("LAMBDA_TASK_ROOT"))],
        RESERVED_VARIABLE,
    ),
    "the operator's own variable": (
        [("processor.environment", variables("RESULTS_BUCKET"))],
        RESERVED_VARIABLE,
    ),
    "the variable PATH": ([("processor.environment", variables("PATH"))], RESERVED_VARIABLE),
    "a variable with a hyphen": ([("processor.environment", variables("LOG-LEVEL"))], VARIABLE_RULE),
    "a variable that begins with a digit": ([("processor.environment", variables("1A"))], VARIABLE_RULE),
    "a variable of one letter": ([("processor.environment", variables("A"))], VARIABLE_RULE),
    "a variable without a name": (
        [("processor.environment", [{"value": "x"}])],
        "spec.processor.environment[0].name: Required value",
    ),
    "one variable twice": (
        [("processor.environment", variables("MODE", "MODE"))],
        'spec.processor.environment[1]: Duplicate value: {"name":"MODE"}',
    ),
    "more environment than Lambda takes": (
        [("processor.environment", variables("AB", "CD", value="v" * 2047))],
        "must not be longer than 4096 characters, Lambda's limit: put larger settings into a file of the code",
    ),
    "more than 100 variables": (
        [("processor.environment", variables(*(f"V{n}" for n in range(101))))],
        "must have at most 100 items",
    ),
    "a log for 31 days": (
        [("processor.logRetentionDays", 31)],
        'supported values: "1", "3", "5", "7", "14", "30", "60"',
    ),
    "unknown tracing": ([("processor.tracing", "Off")], 'supported values: "Active", "PassThrough"'),
    "an unknown trigger": ([("source.trigger", "SQS")], 'supported values: "EventBridge"'),
    "a prefix with a wildcard": ([("source.filter.prefixes", ["raw/*"])], LITERAL),
    "a prefix with a question mark": ([("source.filter.prefixes", ["ok/", "raw?"])], LITERAL),
    "a prefix with a variable": ([("source.filter.prefixes", ["${aws:username}/"])], LITERAL),
    "a prefix with a backslash": ([("source.filter.prefixes", ["raw\\"])], LITERAL),
    "a suffix with a wildcard": ([("source.filter.suffixes", ["*.txt"])], LITERAL),
    "an empty prefix": ([("source.filter.prefixes", [""])], "spec.source.filter.prefixes[0]"),
    "a prefix of 257": ([("source.filter.prefixes", ["p" * 257])], "may not be more than 256"),
    "21 prefixes": (
        [("source.filter.prefixes", [f"{n}/" for n in range(21)])],
        "spec.source.filter.prefixes: Too many: 21: must have at most 20 items",
    ),
    "21 suffixes": (
        [("source.filter.suffixes", [f".{n}" for n in range(21)])],
        "spec.source.filter.suffixes: Too many: 21: must have at most 20 items",
    ),
    "one prefix twice": ([("source.filter.prefixes", ["a/", "a/"])], 'Duplicate value: "a/"'),
    "a tag that begins with aws:": ([("tags", {"aws:team": "x"})], TAG_RULE),
    "a tag that is the operator's": ([("tags", {"ingestion-operator.io/uid": "x"})], TAG_RULE),
    "a tag that begins with AWS:": ([("tags", {"AWS:team": "x"})], TAG_RULE),
    "a tag key of 129": ([("tags", {"k" * 129: "v"})], "tag keys are 1 to 128 letters"),
    "an empty tag key": ([("tags", {"": "v"})], "tag keys are 1 to 128 letters"),
    "a tag key of two lines": ([("tags", {"a\nb": "v"})], "tag keys are 1 to 128 letters"),
    "41 tags": ([("tags", {f"k{n}": "v" for n in range(41)})], "must have at most 40 items"),
    "a tag value of 257": ([("tags", {"k": "v" * 257})], "may not be more than 256"),
    "a tag that is a number": ([("tags", {"k": 1})], 'must be of type string: "integer"'),
    "results in the source bucket without a filter": (results("shared", "out/"), LOOP),
    "results in the source bucket without a prefix": (results("shared", "", "raw/"), LOOP),
    "results inside the filter": (results("shared", "raw/out/", "in/", "raw/"), LOOP),
    "results around the filter": (results("shared", "ra", "in/", "raw/"), LOOP),
    "drift each 9 s": ([("reconcile.drift.intervalSeconds", 9)], "should be greater than or equal to 10"),
    "drift less than weekly": (
        [("reconcile.drift.intervalSeconds", 604801)],
        "should be less than or equal to 604800",
    ),
    "unknown handling of drift": (
        [("reconcile.drift.mode", "Warn")],
        'supported values: "Correct", "Ignore"',
    ),
    "an update shorter than a minute": (
        [("reconcile.timeoutSeconds", 59)],
        "should be greater than or equal to 60",
    ),
    "an update longer than two hours": (
        [("reconcile.timeoutSeconds", 7201)],
        "should be less than or equal to 7200",
    ),
    "an unknown deletion policy": (
        [("deletion.policy", "Keep")],
        'supported values: "RetainData", "Delete", "Retain"',
    ),
    "a misspelt field": ([("processor.memory", 256)], 'unknown field "spec.processor.memory"'),
    "a misspelt section": ([("processer", {})], 'unknown field "spec.processer"'),
}


@pytest.mark.parametrize(("changes", "message"), [pytest.param(*row, id=sentence) for sentence, row in REFUSED.items()])
def test_what_cannot_work_is_refused_with_what_to_write_instead(
    control_plane: ControlPlane, changes: list[Change], message: str
) -> None:
    answer = create(control_plane, manifest(*changes), "--dry-run=server")
    assert answer.returncode != 0
    assert message in answer.stderr


def test_a_name_of_63_is_accepted_and_one_of_64_is_refused(control_plane: ControlPlane) -> None:
    assert create(control_plane, manifest(name="n" * 63), "--dry-run=server").returncode == 0
    answer = create(control_plane, manifest(name="n" * 64), "--dry-run=server")
    assert "metadata.name must not be longer than 63 characters: choose a shorter one" in answer.stderr


CHANGED = {
    "the name of the source bucket": (
        [("source.bucket.name", "first")],
        [("source.bucket.name", "second")],
        "source.bucket.name cannot be changed: the bucket holds data. Create a second pipeline",
    ),
    "a generated source bucket that gets a name": (
        [],
        [("source.bucket.name", "second")],
        "source.bucket.name cannot be changed",
    ),
    "a named source bucket that loses its name": (
        [("source.bucket.name", "first")],
        [],
        "source.bucket.name cannot be changed",
    ),
    "the region": (
        [("region", "eu-west-1")],
        [("region", "eu-west-2")],
        "region cannot be changed: create a second pipeline in the other region",
    ),
    "the operator's region that becomes another": ([], [("region", "eu-west-2")], "region cannot be changed"),
    "a region that is taken away": ([("region", "eu-west-1")], [], "region cannot be changed"),
    "the name of the results bucket": (
        [("results.bucket.name", "first")],
        [("results.bucket.name", "second")],
        "results.bucket.name cannot be changed: results are there already. Create a second pipeline",
    ),
    "a generated results bucket that gets a name": (
        [("results.bucket", {})],
        [("results.bucket.name", "second")],
        "results.bucket.name cannot be changed",
    ),
    "a results bucket that is taken away": (
        [("results.bucket", {})],
        [("results", {})],
        "results.bucket cannot be taken away: it holds results",
    ),
    "results that are taken away": (
        [("results.bucket", {})],
        [],
        "results cannot be taken away: its bucket holds results",
    ),
}


@pytest.mark.parametrize(
    ("before", "after", "message"), [pytest.param(*row, id=sentence) for sentence, row in CHANGED.items()]
)
def test_a_change_that_would_lose_data_is_refused(
    control_plane: ControlPlane, before: list[Change], after: list[Change], message: str
) -> None:
    answer = replaced(control_plane, before, after)
    assert answer.returncode != 0
    assert message in answer.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([], EVERY_FIELD[5:14], id="filter and processor"),
        pytest.param([], [("results.bucket", {})], id="results that are added"),
        pytest.param([("results", {})], [], id="results without a bucket that are taken away"),
        pytest.param([("results.bucket.prefix", "a/")], [("results.bucket.prefix", "b/")], id="the results' prefix"),
        pytest.param(FROM_CONFIG_MAP, [], id="code from a ConfigMap that becomes inline"),
        pytest.param([("region", "eu-west-1")], [("region", "eu-west-1"), ("tags", {"a": "b"})], id="tags"),
        pytest.param([("deletion.policy", "Retain")], [("deletion.policy", "Delete")], id="the deletion policy"),
    ],
)
def test_every_other_change_is_accepted(control_plane: ControlPlane, before: list[Change], after: list[Change]) -> None:
    answer = replaced(control_plane, before, after)
    assert answer.returncode == 0, answer.stderr


def replaced(plane: ControlPlane, before: list[Change], after: list[Change]) -> Any:
    """The answer to a change of a pipeline that is really there."""
    created = create(plane, manifest(*before, name="changing"))
    assert created.returncode == 0, created.stderr
    try:
        text = json.dumps(manifest(*after, name="changing"))
        return plane.run_kubectl("replace", "-f", "-", "--dry-run=server", input=text, check=False)
    finally:
        plane.run_kubectl("delete", "ipl", "changing", "--namespace", "default")


def test_the_smallest_pipeline_comes_back_with_every_default(control_plane: ControlPlane) -> None:
    answer = create(control_plane, manifest(), "--dry-run=server")
    assert json.loads(answer.stdout)["spec"] == {
        "tags": {},
        "source": {
            "trigger": "EventBridge",
            "bucket": {"name": ""},
            "filter": {"prefixes": [], "suffixes": []},
        },
        "processor": {
            "code": {"inline": CODE},
            "runtime": "python3.13",
            "handler": "index.handler",
            "architecture": "arm64",
            "memoryMiB": 256,
            "timeoutSeconds": 60,
            "environment": [],
            "logRetentionDays": 30,
            "tracing": "Active",
        },
        "reconcile": {
            "suspend": False,
            "drift": {"mode": "Correct", "intervalSeconds": 3600},
            "timeoutSeconds": 1800,
        },
        "deletion": {"policy": "RetainData"},
    }


def test_a_part_that_is_given_gets_the_defaults_of_its_other_fields(control_plane: ControlPlane) -> None:
    changes = [("results.bucket.prefix", "chunks/"), ("reconcile.drift.mode", "Ignore")]
    spec = json.loads(create(control_plane, manifest(*changes), "--dry-run=server").stdout)["spec"]
    assert spec["results"] == {"bucket": {"name": "", "prefix": "chunks/"}}
    assert spec["reconcile"]["drift"] == {"mode": "Ignore", "intervalSeconds": 3600}


def test_kubectl_lists_pipelines_by_short_name_and_by_category(control_plane: ControlPlane) -> None:
    assert create(control_plane, manifest(name="listed")).returncode == 0
    try:
        for word in ("ipl", "ingestion", "ingestionpipelines", "ingestionpipeline"):
            shown = control_plane.run_kubectl("get", word, "--namespace", "default").stdout.splitlines()
            assert shown[0].split() == ["NAME", "READY", "STATUS", "PROGRESS", "BUCKET", "AGE"]
            assert any(line.startswith("listed ") for line in shown[1:])
        wide = control_plane.run_kubectl("get", "ipl", "--namespace", "default", "-o", "wide").stdout
        assert wide.splitlines()[0].split()[6:] == ["FUNCTION", "SYNCED", "CODE", "MESSAGE"]
    finally:
        control_plane.run_kubectl("delete", "ipl", "listed", "--namespace", "default")


def test_kubectl_explains_a_field_with_its_type_and_description(control_plane: ControlPlane) -> None:
    shown = control_plane.run_kubectl("explain", "ipl.spec.processor.memoryMiB").stdout
    assert "FIELD: memoryMiB <integer>" in shown
    assert "Memory of the function in MiB" in shown
