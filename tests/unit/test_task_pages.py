"""The pages for users are true: the fields, conditions, messages, settings and commands that they name exist."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import xform_name
from botocore.session import Session

from ingestion_operator.generate.crd import COLUMNS, definition, schema_of
from ingestion_operator.model import pipeline
from ingestion_operator.model.spec import Spec
from ingestion_operator.model.status import Outputs, Status
from ingestion_operator.reasons import ConditionType, Reason
from ingestion_operator.settings import Settings

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "operator" / "ingestion_operator"
TASKS = sorted((ROOT / "docs" / "tasks").glob("*.md"))
OPERATIONS = ROOT / "docs" / "operations.md"
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
BACKUP = ROOT / "docs" / "backup.md"
README = ROOT / "README.md"

CONDITION = re.compile(r"(Ready|Reconciling|Stalled|Synced)/([A-Z][A-Za-z]+)")
QUOTED_CONDITION = re.compile(rf"^{CONDITION.pattern}: (?P<message>.+)$")
REFUSAL = re.compile(r"^spec\.(?P<path>[\w.\[\]]+): Invalid value: (?P<message>.+)$")
PLACES = "source|processor|results|delivery|deadLetter|reconcile|deletion"
FIELD = re.compile(rf"`((?:spec|status|{PLACES})\.[\w.\[\]]*\w)(?:: (\w+))?`")
# CPython's words for code that does not compile.
FOREIGN = ("was never closed",)
# What the AWS CLI adds to the operations of a service, its name of one, and commands of its own.
GLOBAL_OPTIONS = {"query", "output", "region", "endpoint-url"}
SERVICES = {"s3api": "s3"}
OWN_COMMANDS = {("s3", "cp"), ("s3", "ls"), ("logs", "tail")}
SHORTEST_FRAGMENT = 4

each_page = pytest.mark.parametrize("page", [*TASKS, OPERATIONS, TROUBLESHOOTING, BACKUP], ids=lambda p: p.stem)
each_task = pytest.mark.parametrize("page", TASKS, ids=lambda p: p.stem)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def quoted(page: Path) -> Iterator[str]:
    """The lines of the blocks that quote conditions and refusals."""
    for block in blocks(page, "text"):
        yield from block.splitlines()


# --- fields


def field(path: str) -> Mapping[str, Any] | None:
    """The schema of a field; paths within the spec may be written without `spec.`."""
    root, _, rest = path.partition(".")
    if root not in ("spec", "status"):
        root, rest = "spec", path
    node: Mapping[str, Any] = schema_of(Spec if root == "spec" else Status)
    for name in re.sub(r"\[\d*\]", "", rest).split("."):
        node = node.get("items", node)
        if name not in node.get("properties", {}):
            return None
        node = node["properties"][name]
    return node


def all_fields(node: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in node.get("properties", {}).items():
        yield name
        yield from all_fields(inner)
    if "items" in node:
        yield from all_fields(node["items"])


@each_page
def test_every_field_that_a_page_names_exists(page: Path) -> None:
    for path, value in FIELD.findall(prose(page)):
        found = field(path)
        assert found is not None, path
        assert not value or "enum" not in found or value in found["enum"], f"{path}: {value}"


@each_page
def test_every_output_that_a_page_asks_for_exists(page: Path) -> None:
    outputs = set(all_fields(schema_of(Outputs)))
    text = page.read_text()
    named = [*re.findall(r"\$\(output (\w+)\)", text), *re.findall(r"status\.outputs\.(\w+)", text)]
    assert set(named) <= outputs


@each_task
def test_every_part_of_a_spec_fits_into_one(page: Path) -> None:
    for block in blocks(page, "yml"):
        part = yaml.safe_load(block)
        processor = {"code": {"inline": "def handler(event, context): ..."}} | part.get("processor", {})
        Spec.model_validate({**part, "processor": processor})
        texts = re.findall(r"uri: \"(.+?)\"", block)
        assert all(re.search("@sha256:[0-9a-f]{64}$", uri) for uri in texts), texts


@each_task
def test_every_json_block_is_json(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block)


# --- conditions and refusals


@each_page
def test_every_condition_that_a_page_names_exists(page: Path) -> None:
    for kind, reason in CONDITION.findall(page.read_text()):
        assert kind in [c.value for c in ConditionType]
        assert reason in [r.value for r in Reason], f"{kind}/{reason}"


@cache
def fragments() -> tuple[str, ...]:
    """The texts that the operator's sources contain for messages. The longest is first."""
    texts = {
        node.value
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return tuple(sorted(texts, key=len, reverse=True))


def not_the_operators(message: str) -> list[str]:
    """The words of a message that are neither in the operator's sources nor names."""
    words = {*all_fields(schema_of(Spec)), *(text for text in fragments() if text.isalpha())}
    for text in (*FOREIGN, *(t for t in fragments() if " " in t and len(t) >= SHORTEST_FRAGMENT)):
        message = message.replace(text, " | ")
    rest = [word.strip(",;:()") for word in re.sub("'[^']*'", "", message).split()]
    return [word for word in rest if re.fullmatch("[a-z]{3,}", word) and word not in words]


def test_words_that_the_operator_does_not_say_are_noticed() -> None:
    said = "bucket acme-missing, named by source.bucket.name, does not exist"
    assert not_the_operators(said) == []
    assert not_the_operators(said.replace("does not exist", "cannot be found anywhere")) != []


@each_task
def test_every_message_that_a_page_quotes_is_one_that_the_operator_says(page: Path) -> None:
    refusals = json.dumps(definition(), ensure_ascii=False)
    for line in quoted(page):
        if condition := QUOTED_CONDITION.match(line):
            assert not_the_operators(condition["message"]) == [], line
        else:
            refusal = REFUSAL.match(line)
            assert refusal, f"neither a condition nor a refusal: {line}"
            assert field(refusal["path"]) is not None, line
            assert f'"message": {json.dumps(refusal["message"], ensure_ascii=False)}' in refusals, line


# --- settings and commands


@pytest.mark.parametrize("page", [*TASKS, OPERATIONS, TROUBLESHOOTING, BACKUP, README], ids=lambda p: p.stem)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    for name in re.findall(r"INGESTION_([A-Z_]+)", page.read_text()):
        assert name.lower() in Settings.model_fields, name


def commands(page: Path) -> Iterator[str]:
    """What a reader would type: what follows a prompt, up to where the shell has all of it."""
    for block in blocks(page, "console"):
        typed = ""
        for line in block.splitlines():
            if line.lstrip().startswith("$ ") or typed:
                typed = f"{typed}\n{line}" if typed else line.lstrip()[2:]
                if not typed.endswith("\\") and is_closed(typed):
                    yield typed
                    typed = ""
    yield from re.findall(r"`((?:aws|kubectl) [^`]+)`", prose(page))


def is_closed(typed: str) -> bool:
    try:
        shlex.split(typed, comments=True)
    except ValueError:
        return False
    return True


@each_page
def test_every_command_is_one_that_a_shell_understands(page: Path) -> None:
    for command in commands(page):
        done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def aws_calls(command: str) -> Iterator[tuple[str, str, set[str]]]:
    """Service, operation and options of each call of `aws` in a command."""
    plain = re.sub(r"\(@[^()]*\)", "", command)
    while (shorter := re.sub(r"\$\([^()]*\)", "X", plain)) != plain:
        plain = shorter
    for service, operation, rest in re.findall(r"\baws ([a-z0-9]+) ([a-z0-9-]+)([^|;&]*)", plain):
        yield service, operation, set(re.findall(r"(?<!\S)--([a-z-]+)", rest))


@cache
def aws_operations(service: str) -> Mapping[str, set[str]]:
    """The options of each operation of a service, as the AWS CLI names them."""
    model = Session().get_service_model(SERVICES.get(service, service))
    inputs = {name: model.operation_model(name).input_shape for name in model.operation_names}
    return {
        xform_name(name, "-"): {xform_name(member, "-") for member in (shape.members if shape else ())}
        for name, shape in inputs.items()
    }


@each_page
def test_every_call_of_aws_is_one_that_aws_has(page: Path) -> None:
    for command in commands(page):
        for service, operation, options in aws_calls(command):
            if (service, operation) in OWN_COMMANDS:
                continue
            known = aws_operations(service)
            assert operation in known, command
            assert options <= known[operation] | GLOBAL_OPTIONS, command


@each_page
def test_every_annotation_that_a_page_sets_is_one_that_is_heard(page: Path) -> None:
    heard = {pipeline.CONFIRM_PURGE, pipeline.RECONCILE_REQUESTED_AT}
    for command in commands(page):
        if " annotate " in command:
            assert set(re.findall(r"(ingestion-operator\.io/[a-z-]+)=", command)) - heard == set(), command


@each_task
def test_what_kubectl_shows_has_the_columns_that_there_are(page: Path) -> None:
    columns = ["NAME", *(name.upper() for name, _, _, priority in COLUMNS if priority == 0)]
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("NAME "):
                assert line.split() == columns


def test_every_task_has_its_link_in_the_readme() -> None:
    text = README.read_text()
    assert TASKS
    assert [page.name for page in TASKS if f"(docs/tasks/{page.name})" not in text] == []
