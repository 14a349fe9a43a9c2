"""With IAM enforced: the function can do its work, and nothing with anybody else's data."""

from __future__ import annotations

import json
from typing import Any

from e2e.world import World, copying

# Tries what the object asks for and writes down what came of it.
TRY = """
import json, os, boto3
from botocore.exceptions import ClientError
s3 = boto3.client("s3")
def handler(event, context):
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    wanted = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    found = {}
    for name, (call, arguments) in wanted.items():
        try:
            getattr(s3, call)(**arguments)
            found[name] = "allowed"
        except ClientError as error:
            found[name] = error.response["Error"]["Code"]
    s3.put_object(Bucket=os.environ["RESULTS_BUCKET"], Key=os.environ["RESULTS_PREFIX"] + key, Body=json.dumps(found))
"""


def spec() -> dict[str, Any]:
    return copying(processor={"code": {"inline": TRY}}, results={"bucket": {"prefix": "out/"}})


def test_a_function_reads_its_own_objects_writes_its_results_and_nothing_else(world: World) -> None:
    world.apply("mine", spec())
    world.apply("theirs", spec())
    mine, theirs = world.wait_ready("mine")["outputs"], world.wait_ready("theirs")["outputs"]
    world.put(mine["bucketName"], "raw/x.txt", b"{}")
    world.put(mine["bucketName"], "other/x.txt", b"{}")
    world.put(theirs["bucketName"], "raw/x.txt", b"{}")
    tries = {
        "read own object": ("get_object", {"Bucket": mine["bucketName"], "Key": "raw/x.txt"}),
        "write result": ("put_object", {"Bucket": mine["resultsBucket"], "Key": "out/x", "Body": "x"}),
        "read outside the prefix": ("get_object", {"Bucket": mine["bucketName"], "Key": "other/x.txt"}),
        "write outside the prefix": (
            "put_object",
            {"Bucket": mine["resultsBucket"], "Key": "x", "Body": "x"},
        ),
        "write to the source": (
            "put_object",
            {"Bucket": mine["bucketName"], "Key": "raw/y.txt", "Body": "x"},
        ),
        "delete own object": ("delete_object", {"Bucket": mine["bucketName"], "Key": "raw/x.txt"}),
        "read another's object": ("get_object", {"Bucket": theirs["bucketName"], "Key": "raw/x.txt"}),
        "write another's results": (
            "put_object",
            {"Bucket": theirs["resultsBucket"], "Key": "out/x", "Body": "x"},
        ),
        "list buckets": ("list_buckets", {}),
        "list another's bucket": ("list_objects_v2", {"Bucket": theirs["bucketName"]}),
    }

    found = json.loads(world.process("mine", "raw/try.txt", json.dumps(tries).encode()))

    allowed = {name for name, outcome in found.items() if outcome == "allowed"}
    assert allowed == {"read own object", "write result"}
    assert set(found.values()) == {"allowed", "AccessDenied"}
