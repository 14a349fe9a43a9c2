"""The use case against the fakes: the trigger is switched, and trails of others are looked at."""

from __future__ import annotations

from dataclasses import replace

from fakes import FakeBucket
from ingestion_operator.model.pipeline import CONFIRM_PURGE
from ingestion_operator.ports.cloud import TrailView
from unit.pipeline_under_test import DATA_BUCKET, WAITING, PipelineUnderTest
from unit.reconcile_fixtures import CLOUD_TRAIL, DELETE, OTHERS, SHARED, TRAIL_BUCKET, pipeline, shared, workings_of

__all__ = ["pipeline", "shared"]


TRAIL_ARN = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
ALL_BUCKETS = {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}


def built(pipeline: PipelineUnderTest) -> set[str]:
    (state,) = pipeline.engine.stacks.values()
    return set(state)


def test_switching_the_trigger_to_and_fro_loses_no_bucket_and_takes_the_log_of_the_trail_back(
    pipeline: PipelineUnderTest,
) -> None:
    pipeline.build(source={"trigger": "EventBridge"})
    pipeline.cloud.buckets[DATA_BUCKET].objects = 3
    pipeline.change(source=CLOUD_TRAIL)
    pipeline.reconcile()
    assert pipeline.is_ready
    assert {"trail", "trail-bucket"} <= built(pipeline)
    assert "source-notification" not in built(pipeline)
    pipeline.cloud.buckets[TRAIL_BUCKET].objects = 9

    pipeline.change(source={"trigger": "EventBridge"})
    pipeline.reconcile()
    assert pipeline.is_ready
    assert "trail" not in built(pipeline)
    assert pipeline.cloud.buckets.keys() == {DATA_BUCKET, TRAIL_BUCKET}
    assert workings_of(pipeline).data_buckets == (DATA_BUCKET, TRAIL_BUCKET)

    pipeline.change(source=CLOUD_TRAIL)
    pipeline.reconcile()
    assert pipeline.is_ready
    assert pipeline.last_call.adopted == {"trail-bucket": TRAIL_BUCKET}
    assert {name: bucket.objects for name, bucket in pipeline.cloud.buckets.items()} == {
        DATA_BUCKET: 3,
        TRAIL_BUCKET: 9,
    }


def test_the_log_of_a_trail_is_part_of_a_deletion_even_when_the_trail_went_before(pipeline: PipelineUnderTest) -> None:
    pipeline.build(source=CLOUD_TRAIL, deletion=DELETE)
    pipeline.cloud.buckets[TRAIL_BUCKET].objects = 9
    pipeline.change(source={})
    pipeline.reconcile()
    assert f"{TRAIL_BUCKET} holds 9 objects" in str(pipeline.refused_removal())
    pipeline.annotate(CONFIRM_PURGE, TRAIL_BUCKET)
    pipeline.remove()
    assert pipeline.cloud.buckets == {}


def test_switching_the_trigger_on_an_existing_bucket_switches_its_events_off_and_on(shared: PipelineUnderTest) -> None:
    shared.build(source=SHARED)
    shared.change(source={**SHARED, **CLOUD_TRAIL})
    shared.reconcile()
    assert shared.is_ready
    assert (shared.cloud.sending, workings_of(shared).switched_on) == (set(), "")
    shared.change(source=SHARED)
    shared.reconcile()
    assert (shared.cloud.sending, workings_of(shared).switched_on) == ({"shared"}, "shared")
    assert shared.cloud.buckets["shared"] == FakeBucket(OTHERS, objects=7)


def test_naming_another_trail_is_a_change(pipeline: PipelineUnderTest) -> None:
    recording = TrailView("eu-west-1", multi_region=False, logging=True, selectors=ALL_BUCKETS)
    pipeline.cloud.trails |= {TRAIL_ARN: recording, f"{TRAIL_ARN}-2": recording}
    pipeline.build(source={**CLOUD_TRAIL, "cloudTrail": {"trailArn": TRAIL_ARN}})
    pipeline.change(source={**CLOUD_TRAIL, "cloudTrail": {"trailArn": f"{TRAIL_ARN}-2"}})
    pipeline.reconcile()
    assert pipeline.is_ready
    assert pipeline.status.outputs is not None
    assert pipeline.status.outputs.trail_arn == f"{TRAIL_ARN}-2"


def test_a_trail_of_others_that_does_not_record_is_said_and_looked_at_again(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.trails[TRAIL_ARN] = TrailView("eu-west-1", multi_region=False, logging=False, selectors=ALL_BUCKETS)
    pipeline.create(source={**CLOUD_TRAIL, "cloudTrail": {"trailArn": TRAIL_ARN}})
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "TrailMissing")
    assert "start-logging" in pipeline.message("Stalled")
    pipeline.cloud.trails[TRAIL_ARN] = replace(pipeline.cloud.trails[TRAIL_ARN], logging=True)
    pipeline.tick(WAITING)
    assert pipeline.is_ready
    assert "trail-bucket" not in built(pipeline)
