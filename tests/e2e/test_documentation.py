"""What the documentation shows works as shown: the demo, the README's pipeline, the smallest sample."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.world import World

ROOT = Path(__file__).parents[2]


@pytest.mark.operator_process
@pytest.mark.usefixtures("tools")
def test_the_demo_tells_its_whole_story_and_ends_well(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ingestion_local.demo", "--directory", tmp_path / "demo"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "2 Pulumi processes created 23 AWS resources",
        "15 of 15 processed",
        "1 Pulumi process made these changes: {'same': 22, 'update': 1}",
        "put back: permission",
        "the queue keeps the event with the error and the number of runs",
        "AWS has no bucket, function, rule, role, queue or log group of the pipeline",
        "everything is stopped",
    ):
        assert line in done.stdout
    assert "\x1b[" not in done.stdout, "plain in a pipe"


def readme_pipeline() -> dict[str, Any]:
    block = re.search(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert block
    found: dict[str, Any] = yaml.safe_load(block.group(1))
    return found


def sample_pipeline() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "samples" / "chunker" / "inline.yaml").read_text())
    return found


@pytest.mark.parametrize(
    "manifest", [readme_pipeline(), sample_pipeline()], ids=["README", "samples/chunker/inline.yaml"]
)
def test_a_pipeline_of_the_documentation_counts_words(world: World, manifest: dict[str, Any]) -> None:
    name = manifest["metadata"]["name"]
    world.apply(name, manifest["spec"])
    outputs = world.wait_ready(name)["outputs"]

    world.put(outputs["bucketName"], "raw/some.txt", b"one two three")

    def result() -> dict[str, Any] | None:
        listed = world.s3.list_objects_v2(Bucket=outputs["resultsBucket"]).get("Contents", [])
        return json.loads(world.read(outputs["resultsBucket"], listed[0]["Key"]) or b"null") if listed else None

    assert 3 in world.wait("the result", result).values()
