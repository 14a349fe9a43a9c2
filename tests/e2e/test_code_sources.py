"""The function's code from a zip in S3 and from a container image; the other sources are in the main job."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from e2e.world import COPY, World, copying

DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


def package(mark: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app/index.py", COPY.replace('os.environ.get("MARK", "").encode()', f"b{mark!r}"))
    return archive.getvalue()


def from_s3(bucket: str, **more: str) -> dict[str, Any]:
    return copying(
        processor={"code": {"s3": {"bucket": bucket, "key": "fn.zip", **more}}, "handler": "app/index.handler"}
    )


def test_a_zip_in_s3_is_waited_for_and_a_new_one_is_deployed(world: World) -> None:
    builds = world.bucket("builds")
    world.apply("copy", from_s3(builds))
    waiting = world.wait_condition("copy", "Ready", "DependencyNotReady")
    assert f"s3://{builds}/fn.zip, named by processor.code.s3, does not exist" in waiting["message"]

    world.put(builds, "fn.zip", package("one: "))
    first = world.wait_ready("copy")["code"]
    assert world.process("copy", "raw/a.txt", b"x") == b"one: x"

    world.put(builds, "fn.zip", package("two: "))
    world.wait("the new code", lambda: world.wait_ready("copy")["code"] != first)
    assert world.process("copy", "raw/b.txt", b"x") == b"two: x"


def test_a_pinned_version_stays_whatever_comes_after_it(world: World) -> None:
    builds = world.bucket("builds")
    world.s3.put_bucket_versioning(Bucket=builds, VersioningConfiguration={"Status": "Enabled"})
    pinned = world.s3.put_object(Bucket=builds, Key="fn.zip", Body=package("one: "))["VersionId"]
    newer = world.s3.put_object(Bucket=builds, Key="fn.zip", Body=package("two: "))["VersionId"]

    world.apply("copy", from_s3(builds, versionId=pinned))
    world.wait_ready("copy")
    assert world.process("copy", "raw/a.txt", b"x") == b"one: x"

    world.patch("copy", {"spec": {"processor": {"code": {"s3": {"versionId": newer}}}}})
    status = world.wait_ready("copy")
    assert status["lastOperation"]["changes"]["update"] == 1
    assert world.process("copy", "raw/b.txt", b"x") == b"two: x"


def test_the_code_can_move_from_the_pipeline_to_s3(world: World) -> None:
    builds = world.bucket("builds")
    world.put(builds, "fn.zip", package("s3: "))
    world.apply("copy", copying(processor={"code": {"inline": COPY}}))
    world.wait_ready("copy")

    code = {"inline": None, "s3": {"bucket": builds, "key": "fn.zip"}}
    world.patch("copy", {"spec": {"processor": {"code": code, "handler": "app/index.handler"}}})
    world.wait_ready("copy")

    assert world.process("copy", "raw/a.txt", b"x") == b"s3: x"


def test_an_image_is_deployed_by_its_digest(world: World) -> None:
    """The emulator keeps such a function, but has no container engine to run it."""
    uri = f"{world.emulator.account_id}.dkr.ecr.{world.emulator.region}.amazonaws.com/words@sha256:{DIGEST}"
    world.apply("copy", copying(processor={"code": {"image": {"uri": uri}}}))

    status = world.wait_ready("copy")

    assert status["code"]["sha256"] == DIGEST
    found = world.emulator.client("lambda").get_function(FunctionName=status["outputs"]["functionName"])
    assert found["Configuration"]["PackageType"] == "Image"
    assert found["Code"]["ImageUri"] == uri
