"""The trigger CloudTrail, with writes that a trail records and leads to the event bus."""

from __future__ import annotations

from typing import Any

from e2e.world import World, copying

# Copies what CloudTrail's event names.
BY_CALL = """
import os, boto3
s3 = boto3.client("s3")
def handler(event, context):
    parameters = event["detail"]["requestParameters"]
    body = s3.get_object(Bucket=parameters["bucketName"], Key=parameters["key"])["Body"].read()
    s3.put_object(Bucket=os.environ["RESULTS_BUCKET"], Key=parameters["key"], Body=body)
"""


def spec(**changes: Any) -> dict[str, Any]:
    source = {"trigger": "CloudTrail", "filter": {"prefixes": ["raw/"]}, **changes.pop("source", {})}
    return copying(source=source, processor={"code": {"inline": BY_CALL}}, **changes)


def test_a_trail_of_its_own_and_each_kind_of_write(world: World) -> None:
    world.apply("copy", spec())
    outputs = world.wait_ready("copy")["outputs"]
    bucket = outputs["bucketName"]
    assert "EventBridgeConfiguration" not in world.s3.get_bucket_notification_configuration(Bucket=bucket)

    world.put(bucket, "other/x.txt", b"outside the filter")
    world.put(bucket, "raw/put.txt", b"put")
    world.s3.copy_object(Bucket=bucket, Key="raw/copy.txt", CopySource=f"{bucket}/raw/put.txt")
    upload(world, bucket, "raw/parts.txt", b"parts")

    for name, body in {"put": b"put", "copy": b"put", "parts": b"parts"}.items():
        assert world.wait_result(outputs["resultsBucket"], f"raw/{name}.txt") == body
    assert world.read(outputs["resultsBucket"], "other/x.txt") is None
    client = world.emulator.client("cloudtrail")
    trail = client.get_trail(Name=outputs["trailArn"])["Trail"]
    assert trail["S3BucketName"] not in (bucket, outputs["resultsBucket"])
    assert client.get_trail_status(Name=outputs["trailArn"])["IsLogging"]
    (selector,) = client.get_event_selectors(TrailName=outputs["trailArn"])["AdvancedEventSelectors"]
    assert {"Field": "resources.ARN", "StartsWith": [f"arn:aws:s3:::{bucket}/"]} in selector["FieldSelectors"]


def upload(world: World, bucket: str, key: str, body: bytes) -> None:
    """A multipart upload."""
    begun = world.s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = world.s3.upload_part(Bucket=bucket, Key=key, UploadId=begun, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    world.s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=begun, MultipartUpload=parts)


def test_the_trigger_is_switched_without_losing_a_bucket_or_an_object(world: World) -> None:
    world.apply("copy", copying())
    before = world.wait_ready("copy")["outputs"]
    assert world.process("copy", "raw/native.txt", b"native") == b"native"

    inline = {"code": {"inline": BY_CALL}}
    world.patch("copy", {"spec": {"source": {"trigger": "CloudTrail"}, "processor": inline}})
    status = world.wait_ready("copy")
    log = next(bucket for bucket in status["workings"]["dataBuckets"] if "-trail-" in bucket)
    assert world.process("copy", "raw/trail.txt", b"trail") == b"trail"

    world.patch("copy", {"spec": {"source": {"trigger": "EventBridge"}, "processor": copying()["processor"]}})
    assert world.wait_ready("copy")["outputs"] == before
    assert world.process("copy", "raw/again.txt", b"again") == b"again"
    assert world.read(before["bucketName"], "raw/native.txt") == b"native"
    assert world.bucket_exists(log), "the log that was written stays"

    world.patch("copy", {"spec": {"source": {"trigger": "CloudTrail"}, "processor": inline}})
    assert log in world.wait_ready("copy")["workings"]["dataBuckets"]
    assert world.process("copy", "raw/once-more.txt", b"trail") == b"trail"


def test_a_named_trail_must_record_the_bucket(world: World) -> None:
    trail = world.trail(f"theirs-{world.namespace}")
    world.apply("copy", spec(source={"cloudTrail": {"trailArn": trail}}))
    stalled = world.wait_condition("copy", "Stalled", "TrailMissing")
    assert "does not record the writes to bucket" in stalled["message"]
    assert "aws cloudtrail put-event-selectors" in stalled["message"]

    world.record_every_write(trail)
    status = world.wait_ready("copy")

    assert status["outputs"]["trailArn"] == trail
    assert not [r for r in status["resources"] if r["name"].startswith("trail")]
    world.delete("copy")
    world.wait_gone("copy")
    assert world.emulator.client("cloudtrail").get_trail(Name=trail)["Trail"]["TrailARN"] == trail


def test_a_trail_that_does_not_exist_is_said(world: World) -> None:
    arn = f"arn:aws:cloudtrail:{world.emulator.region}:{world.emulator.account_id}:trail/nowhere"
    world.apply("copy", spec(source={"cloudTrail": {"trailArn": arn}}))
    assert (
        f"trail {arn} does not exist: create it, or leave"
        in world.wait_condition("copy", "Stalled", "TrailMissing")["message"]
    )
