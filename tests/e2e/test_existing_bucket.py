"""A bucket that existed before the pipeline is used, shared, and left as it was."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.world import World, copying


@pytest.fixture
def landing(world: World) -> str:
    """A bucket of somebody else's, with a notification of its own."""
    bucket = world.bucket("landing")
    queue = world.emulator.client("sqs").create_queue(QueueName=f"theirs-{world.namespace}")["QueueUrl"]
    arn = f"arn:aws:sqs:{world.emulator.region}:{world.emulator.account_id}:{queue.rpartition('/')[2]}"
    world.s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}]
        },
        SkipDestinationValidation=True,
    )
    world.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "owner", "Value": "somebody"}]})
    world.put(bucket, "raw/before.txt", b"before")
    return bucket


def spec(bucket: str, prefix: str = "raw/", **changes: Any) -> dict[str, Any]:
    source = {"bucket": {"name": bucket, "management": "Existing"}, "filter": {"prefixes": [prefix]}}
    return copying(source=source, **changes)


def notifications(world: World, bucket: str) -> dict[str, Any]:
    found = world.s3.get_bucket_notification_configuration(Bucket=bucket)
    return {name: value for name, value in found.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("policy", ["RetainData", "Delete"])
def test_it_is_used_and_left_as_it_was(world: World, landing: str, policy: str) -> None:
    before = notifications(world, landing)
    world.apply("copy", spec(landing, deletion={"policy": policy}))
    status = world.wait_ready("copy")

    assert notifications(world, landing) == {**before, "EventBridgeConfiguration": {}}
    assert world.process("copy", "raw/new.txt", b"new") == b"new"
    assert not [r for r in status["resources"] if r["name"].startswith("source-")]
    assert landing not in status["workings"]["dataBuckets"]

    results = status["outputs"]["resultsBucket"]
    world.annotate("copy", "confirm-purge", f"{results},{landing}")
    world.delete("copy")
    world.wait_gone("copy")

    assert world.compute_left() == []
    assert notifications(world, landing) == before
    assert world.read(landing, "raw/before.txt") == b"before"
    assert world.s3.get_bucket_tagging(Bucket=landing)["TagSet"] == [{"Key": "owner", "Value": "somebody"}]


def test_pipelines_share_it_and_the_last_one_switches_off(world: World, landing: str) -> None:
    before = notifications(world, landing)
    world.apply("one", spec(landing, "one/"))
    world.apply("two", spec(landing, "two/"))
    outputs = {name: world.wait_ready(name)["outputs"] for name in ("one", "two")}

    world.put(landing, "one/x.txt", b"1")
    world.put(landing, "two/x.txt", b"2")
    assert world.wait_result(outputs["one"]["resultsBucket"], "one/x.txt") == b"1"
    assert world.wait_result(outputs["two"]["resultsBucket"], "two/x.txt") == b"2"
    assert world.read(outputs["one"]["resultsBucket"], "two/x.txt") is None

    world.delete("one")
    world.wait_gone("one")
    assert world.process("two", "two/y.txt", b"still") == b"still"

    world.delete("two")
    world.wait_gone("two")
    assert notifications(world, landing) == before


def test_the_same_objects_in_two_pipelines_are_flagged(world: World, landing: str) -> None:
    world.apply("one", spec(landing, "raw/"))
    world.wait_ready("one")
    world.apply("two", spec(landing, "raw/sub/"))
    world.wait_ready("two")

    assert f"are also processed by {world.namespace}/one: narrow" in world.condition("two", "Ready")["message"]
    world.wait("an Event", lambda: "FilterOverlaps" in world.event_reasons())

    world.patch("two", {"spec": {"source": {"filter": {"prefixes": ["other/"]}}}})
    world.wait(
        "the note gone", lambda: world.wait_ready("two") and "note" not in world.condition("two", "Ready")["message"]
    )


def test_it_is_waited_for(world: World) -> None:
    world.apply("copy", spec(f"later-{world.namespace}"[:63].rstrip("-")))
    waiting = world.wait_condition("copy", "Ready", "DependencyNotReady")
    assert "named by source.bucket.name, does not exist" in waiting["message"]

    world.bucket("later")

    world.wait_ready("copy")
    assert world.process("copy", "raw/a.txt", b"x") == b"x"


def test_events_that_somebody_switches_off_are_switched_on_again(world: World, landing: str) -> None:
    world.apply("copy", spec(landing))
    world.wait_ready("copy")
    world.s3.put_bucket_notification_configuration(Bucket=landing, NotificationConfiguration={})

    world.annotate("copy", "reconcile-requested-at", "now")

    world.wait("the switch", lambda: "EventBridgeConfiguration" in notifications(world, landing))
    assert world.process("copy", "raw/a.txt", b"x") == b"x"
