"""Results in a DynamoDB table: the sample `catalogue` with real documents, and what deletion does to a table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.world import World

SAMPLES = Path(__file__).parents[2] / "samples"
RECORD = """
import os, boto3
table = boto3.resource("dynamodb").Table(os.environ["RESULTS_TABLE"])
def handler(event, context):
    item = event["detail"]["object"]
    table.put_item(Item={"id": item["key"], "size": item["size"]})
"""


def recording(**changes: Any) -> dict[str, Any]:
    return {"processor": {"code": {"inline": RECORD}}, "results": {"table": {}}, **changes}


def item(world: World, table: str, **key: str) -> dict[str, Any] | None:
    typed = {name: {"S": value} for name, value in key.items()}
    found: dict[str, Any] | None = world.emulator.client("dynamodb").get_item(TableName=table, Key=typed).get("Item")
    return found


def tables(world: World) -> list[str]:
    found: list[str] = world.emulator.client("dynamodb").list_tables()["TableNames"]
    return found


def test_the_catalogue_sample_makes_real_documents_searchable(world: World, tmp_path: Path) -> None:
    subprocess.run([sys.executable, SAMPLES / "chunker" / "documents.py", tmp_path], check=True, timeout=120)
    world.control_plane.run_kubectl("apply", "-n", world.namespace, "-f", str(SAMPLES / "catalogue" / "pipeline.yaml"))
    outputs = world.wait_ready("catalogue")["outputs"]
    bucket, table = outputs["bucketName"], outputs["resultsTable"]

    documents = sorted((tmp_path / "raw").glob("*.txt"))
    for document in documents:
        world.put(bucket, f"documents/{document.name}", document.read_bytes())
    names = [f"s3://{bucket}/documents/{document.name}" for document in documents]

    def states() -> set[str]:
        found = (item(world, table, document=name, part="document") or {} for name in names)
        return {one.get("state", {"S": "absent"})["S"] for one in found}

    world.wait("every document", lambda: states() == {"complete"}, timeout_seconds=120)
    assert len(documents) >= 10
    description = world.emulator.client("dynamodb").describe_table(TableName=table)["Table"]
    assert [key["AttributeName"] for key in description["KeySchema"]] == ["document", "part"]
    assert description["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"

    found = subprocess.run(
        [sys.executable, "search.py", table, "context manager with statement", "--count", "3"],
        cwd=SAMPLES / "catalogue",
        env=world.user_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "With Statement Context Managers" in found.splitlines()[1]


def test_a_table_is_made_recoverable_and_kept_with_its_items(world: World) -> None:
    world.apply("record", recording())
    outputs = world.wait_ready("record")["outputs"]
    table = outputs["resultsTable"]
    world.put(outputs["bucketName"], "a.txt", b"four")
    world.wait("the item", lambda: item(world, table, id="a.txt"))
    backups = world.emulator.client("dynamodb").describe_continuous_backups(TableName=table)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"

    world.delete("record")
    world.wait_gone("record")
    assert world.compute_left() == []
    assert item(world, table, id="a.txt")

    world.apply("record", recording())
    assert world.wait_ready("record")["outputs"]["resultsTable"] == table
    assert item(world, table, id="a.txt"), "taken over with what is in it"


def test_a_table_with_items_is_deleted_only_when_that_is_confirmed(world: World) -> None:
    world.apply("record", recording(deletion={"policy": "Delete"}))
    outputs = world.wait_ready("record")["outputs"]
    bucket, table = outputs["bucketName"], outputs["resultsTable"]
    world.put(bucket, "a.txt", b"four")
    world.wait("the item", lambda: item(world, table, id="a.txt"))

    world.delete("record")
    stalled = world.wait_condition("record", "Stalled", "BucketNotEmpty")
    assert f"{table} holds 1 item" in stalled["message"]
    assert f"confirm-purge={bucket},{table}" in stalled["message"]
    world.annotate("record", "confirm-purge", bucket)
    world.wait_condition("record", "Stalled", "TableNotEmpty")
    assert item(world, table, id="a.txt")

    world.annotate("record", "confirm-purge", f"{bucket},{table}")
    world.wait_gone("record")
    assert table not in tables(world)
    assert not world.bucket_exists(bucket)


@pytest.fixture
def theirs(world: World) -> str:
    """A table of somebody else's."""
    name = f"theirs-{world.namespace}"
    world.emulator.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def test_an_existing_table_is_used_and_left(world: World, theirs: str) -> None:
    wrong = {"table": {"name": theirs, "partitionKey": "key"}}
    world.apply("wrong", recording(results=wrong))
    assert f"table {theirs} has the keys id" in world.wait_condition("wrong", "Stalled", "SpecInvalid")["message"]

    world.apply("record", recording(results={"table": {"name": theirs}}, deletion={"policy": "Delete"}))
    outputs = world.wait_ready("record")["outputs"]
    world.put(outputs["bucketName"], "a.txt", b"four")
    world.wait("the item", lambda: item(world, theirs, id="a.txt"))

    world.annotate("record", "confirm-purge", outputs["bucketName"])
    world.delete("record")
    world.wait_gone("record")
    assert item(world, theirs, id="a.txt")


def test_bucket_and_table_together(world: World) -> None:
    both = (
        RECORD + '    boto3.client("s3").put_object(Bucket=os.environ["RESULTS_BUCKET"], Key=item["key"], Body=b"x")\n'
    )
    world.apply("record", recording(processor={"code": {"inline": both}}, results={"table": {}, "bucket": {}}))
    outputs = world.wait_ready("record")["outputs"]

    world.put(outputs["bucketName"], "a.txt", b"four")

    assert world.wait_result(outputs["resultsBucket"], "a.txt") == b"x"
    assert item(world, outputs["resultsTable"], id="a.txt")
