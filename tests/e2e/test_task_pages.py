"""Every pipeline that a task page shows is created unchanged, in a world that has what the page requires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from e2e.world import World

PAGES = Path(__file__).parents[2] / "docs" / "tasks"


def shown() -> Iterator[Any]:
    """Each block of whole manifests, named by its page and its pipeline."""
    for page in sorted(PAGES.glob("*.md")):
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            manifests = [m for m in yaml.safe_load_all(block) if m]
            pipeline = next(m for m in manifests if m["kind"] == "IngestionPipeline")
            yield pytest.param(block, id=f"{page.stem}: {pipeline['metadata']['name']}")


@pytest.mark.parametrize("block", list(shown()))
def test_a_pipeline_of_a_page_becomes_ready(world: World, block: str) -> None:
    # Names of buckets are the whole world's, and the pages' region is not the emulator's.
    text = block.replace("acme-", f"acme-{uuid4().hex[:6]}-").replace("eu-west-1", world.emulator.region)
    manifests = [m for m in yaml.safe_load_all(text) if m]
    pipeline = next(m for m in manifests if m["kind"] == "IngestionPipeline")
    provide(world, pipeline["spec"])

    world.control_plane.run_kubectl("apply", "-n", world.namespace, "-f", "-", input=yaml.safe_dump_all(manifests))

    world.wait_ready(pipeline["metadata"]["name"])


def provide(world: World, spec: dict[str, Any]) -> None:
    """What the page's reader has already: buckets, tables, trails and Secrets."""
    source, results = spec.get("source") or {}, spec.get("results") or {}
    bucket, table = source.get("bucket") or {}, results.get("table") or {}
    for one in (bucket if bucket.get("management") == "Existing" else {}, results.get("bucket") or {}):
        if one.get("name"):
            world.s3.create_bucket(Bucket=one["name"])
    if table.get("name"):
        make_table(world, table)
    if trail := (source.get("cloudTrail") or {}).get("trailArn"):
        world.trail(trail.rpartition("/")[2])
        world.record_every_write(trail)
    for variable in spec["processor"].get("environment") or []:
        if reference := (variable.get("valueFrom") or {}).get("secretKeyRef"):
            world.apply_secret(reference["name"], {reference["key"]: "value"})


def make_table(world: World, table: dict[str, str]) -> None:
    keys = [key for key in (table.get("partitionKey", "id"), table.get("sortKey")) if key]
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    world.emulator.client("dynamodb").create_table(
        TableName=table["name"],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )
