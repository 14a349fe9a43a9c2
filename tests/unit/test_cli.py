"""The console script: its offline commands, and how the operator logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ingestion_handlers.cli import configure_logging, main
from ingestion_operator.settings import LogFormat, Settings

SAMPLES = Path(__file__).parents[2] / "samples" / "chunker"


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = kept
    root.setLevel(level)


def test_render_prints_the_resources_and_the_policy_of_a_manifest() -> None:
    done = CliRunner().invoke(main, ["render", "-f", str(SAMPLES / "pipeline.yaml"), "--region", "eu-west-1"])
    assert done.exit_code == 0, done.output
    policy = next(r for r in yaml.safe_load(done.output)["resources"] if r["name"] == "role-policy")
    assert policy["inputs"]["policy"]["Statement"][0]["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("kind: ConfigMap", "there is no IngestionPipeline in the file"),
        ("kind: IngestionPipeline\nspec: {processor: {runtime: cobol}}", "spec.processor.code"),
        (
            "kind: IngestionPipeline\nspec: {processor: {code: {configMapRef: {name: gone}}}}",
            "ConfigMap default/gone",
        ),
    ],
    ids=["none in the file", "an invalid one", "one without its code"],
)
def test_render_says_what_is_wrong_with_a_manifest(manifest: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(manifest)
    done = CliRunner().invoke(main, ["render", "-f", str(path)])
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output


def test_logs_are_text_or_json_as_set(root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format=LogFormat.JSON))
    logging.getLogger("ingestion_operator").info("said %s", "this")
    line = json.loads(capsys.readouterr().err)
    assert (line["message"], line["level"], line["logger"]) == ("said this", "INFO", "ingestion_operator")
    assert "name" not in line
    fields = {"namespace": "team-a", "pipeline": "words", "reason": "LockHeld"}
    logging.getLogger("ingestion_operator").info("about a pipeline", extra=fields)
    line = json.loads(capsys.readouterr().err)
    assert (line["namespace"], line["name"], line["reason"]) == ("team-a", "words", "LockHeld")

    configure_logging(Settings(log_format=LogFormat.TEXT, log_level="WARNING"))
    logging.getLogger("ingestion_operator").info("not this")
    logging.getLogger("ingestion_operator").warning("but this")
    assert capsys.readouterr().err.endswith("WARNING ingestion_operator: but this\n")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gs://bucket", "gs://bucket is not a state backend"),
        ("file:///nowhere", "the pulumi CLI /no/pulumi cannot be run"),
    ],
)
def test_copying_the_state_says_what_is_wrong(source: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGESTION_PULUMI", "/no/pulumi")
    done = CliRunner().invoke(main, ["state", "copy", "--from", source, "--to", "file:///elsewhere"])
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output
