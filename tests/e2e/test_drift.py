"""Somebody changes AWS by hand; the operator puts it back."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from e2e.world import World, copying


def delete_rule(world: World, outputs: dict[str, str]) -> None:
    events = world.emulator.client("events")
    rule = outputs["ruleArn"].rpartition("/")[2]
    events.remove_targets(Rule=rule, Ids=["function"])
    events.delete_rule(Name=rule)


def remove_permission(world: World, outputs: dict[str, str]) -> None:
    world.emulator.client("lambda").remove_permission(FunctionName=outputs["functionName"], StatementId="AllowRule")


def switch_events_off(world: World, outputs: dict[str, str]) -> None:
    world.s3.put_bucket_notification_configuration(Bucket=outputs["bucketName"], NotificationConfiguration={})


def open_the_bucket(world: World, outputs: dict[str, str]) -> None:
    world.s3.delete_public_access_block(Bucket=outputs["bucketName"])


def upload_other_code(world: World, outputs: dict[str, str]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def handler(event, context): ...")
    client = world.emulator.client("lambda")
    client.update_function_code(FunctionName=outputs["functionName"], ZipFile=archive.getvalue())


def widen_the_policy(world: World, outputs: dict[str, str]) -> None:
    role = outputs["functionName"].replace("-fn-", "-role-")
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    world.emulator.client("iam").put_role_policy(RoleName=role, PolicyName="pipeline", PolicyDocument=json.dumps(wide))


@pytest.mark.parametrize(
    ("change", "resource"),
    [
        pytest.param(delete_rule, "rule", id="the rule deleted"),
        pytest.param(remove_permission, "permission", id="the permission removed"),
        pytest.param(switch_events_off, "source-notification", id="events of the bucket switched off"),
        pytest.param(upload_other_code, "function", id="other code uploaded"),
        pytest.param(widen_the_policy, "role-policy", id="the function's policy widened"),
        pytest.param(open_the_bucket, "source-public-access-block", id="the public access block removed"),
    ],
)
def test_drift_is_corrected_when_asked_for(world: World, change: Any, resource: str) -> None:
    world.apply("copy", copying())
    outputs = world.wait_ready("copy")["outputs"]

    change(world, outputs)
    world.annotate("copy", "reconcile-requested-at", "now")

    world.wait("the correction", lambda: resource in (world.status("copy").get("drift") or {}).get("resources", []))
    world.wait("an Event", lambda: "DriftCorrected" in world.event_reasons())
    assert world.process("copy") == b"hello"


def test_drift_is_found_when_its_time_has_come_and_corrected(world: World) -> None:
    world.apply("copy", copying())
    outputs = world.wait_ready("copy")["outputs"]

    remove_permission(world, outputs)
    world.patch_status("copy", {"drift": {"checkedTime": "2026-01-01T00:00:00Z"}})
    world.control_plane.run_kubectl("annotate", "ipl", "copy", "-n", world.namespace, "example.com/touched=1")

    world.wait("the correction", lambda: (world.status("copy").get("drift") or {}).get("detectedTime"))
    assert world.process("copy") == b"hello"


def test_a_look_that_finds_nothing_changes_nothing(world: World) -> None:
    world.apply("copy", copying())
    world.wait_ready("copy")

    world.annotate("copy", "reconcile-requested-at", "now")
    status = world.wait("the look", lambda: (s := world.wait_ready("copy"))["lastOperation"]["type"] == "Refresh" and s)

    changes = status["lastOperation"]["changes"]
    assert (changes["create"], changes["update"], changes["delete"]) == (0, 0, 0)
    assert status["lastOperation"]["cliProcesses"] == 1
