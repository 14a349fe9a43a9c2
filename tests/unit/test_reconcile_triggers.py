"""The use case against the fakes: the trigger is switched, and trails of others are looked at."""

from __future__ import annotations

from dataclasses import replace

from fakes import FakeBucket
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.ports.cloud import TrailView
from unit.reconcile_fixtures import CLOUD_TRAIL, DELETE, OTHERS, SHARED, TRAIL_BUCKET, shared, stack_of, world
from unit.reconcile_world import DATA_BUCKET, WAITING, World

__all__ = ["shared", "world"]


TRAIL_ARN = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
ALL_BUCKETS = {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}


def built(world: World) -> set[str]:
    (state,) = world.engine.stacks.values()
    return set(state)


def test_switching_the_trigger_to_and_fro_loses_no_bucket_and_takes_the_log_of_the_trail_back(world: World) -> None:
    world.build(source={"trigger": "EventBridge"})
    world.cloud.buckets[DATA_BUCKET].objects = 3
    world.change(source=CLOUD_TRAIL)
    world.reconcile()
    assert world.is_ready
    assert {"trail", "trail-bucket"} <= built(world)
    assert "source-notification" not in built(world)
    world.cloud.buckets[TRAIL_BUCKET].objects = 9

    world.change(source={"trigger": "EventBridge"})
    world.reconcile()
    assert world.is_ready
    assert "trail" not in built(world)
    assert world.cloud.buckets.keys() == {DATA_BUCKET, TRAIL_BUCKET}
    assert stack_of(world).data_buckets == (DATA_BUCKET, TRAIL_BUCKET)

    world.change(source=CLOUD_TRAIL)
    world.reconcile()
    assert world.is_ready
    assert world.last_call.update.adopt == {"trail-bucket": TRAIL_BUCKET}
    assert world.last_call.update.refresh
    assert {name: bucket.objects for name, bucket in world.cloud.buckets.items()} == {DATA_BUCKET: 3, TRAIL_BUCKET: 9}


def test_the_log_of_a_trail_is_part_of_a_deletion_even_when_the_trail_went_before(world: World) -> None:
    world.build(source=CLOUD_TRAIL, deletion=DELETE)
    world.cloud.buckets[TRAIL_BUCKET].objects = 9
    world.change(source={})
    world.reconcile()
    assert f"{TRAIL_BUCKET} holds 9 objects" in str(world.refused_removal())
    world.annotate(CONFIRM_PURGE, TRAIL_BUCKET)
    world.remove()
    assert world.cloud.buckets == {}


def test_switching_the_trigger_on_an_existing_bucket_switches_its_events_off_and_on(shared: World) -> None:
    shared.build(source=SHARED)
    shared.change(source={**SHARED, **CLOUD_TRAIL})
    shared.reconcile()
    assert shared.is_ready
    assert (shared.cloud.sending, stack_of(shared).switched_on) == (set(), "")
    shared.change(source=SHARED)
    shared.reconcile()
    assert (shared.cloud.sending, stack_of(shared).switched_on) == ({"shared"}, "shared")
    assert shared.cloud.buckets["shared"] == FakeBucket(OTHERS, objects=7)


def test_a_trail_of_others_that_does_not_record_is_said_and_looked_at_again(world: World) -> None:
    world.cloud.trails[TRAIL_ARN] = TrailView("eu-west-1", multi_region=False, logging=False, selectors=ALL_BUCKETS)
    world.create(source={**CLOUD_TRAIL, "cloudTrail": {"trailArn": TRAIL_ARN}})
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "TrailMissing")
    assert "start-logging" in world.message("Stalled")
    world.cloud.trails[TRAIL_ARN] = replace(world.cloud.trails[TRAIL_ARN], logging=True)
    world.tick(WAITING)
    assert world.is_ready
    assert "trail-bucket" not in built(world)
