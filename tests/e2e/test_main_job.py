"""From `kubectl apply` to a processed object, and every change after it."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from e2e.world import COPY, TIMEOUT_SECONDS, World, copying
from ingestion_local.operator_process import OperatorProcess
from ingestion_local.processes import Process, free_port, wait_until


def counts(status: dict[str, Any]) -> dict[str, int]:
    changes: dict[str, int] = status["lastOperation"]["changes"]
    return {key: value for key, value in changes.items() if value}


def test_an_object_that_lands_is_processed(world: World) -> None:
    world.apply("copy", copying())
    status = world.wait_ready("copy")

    assert world.process("copy", "raw/a.txt", b"hello") == b"hello"
    assert status["lastOperation"]["cliProcesses"] == 2
    assert counts(status) == {"create": 23}
    assert "Created" in world.event_reasons()
    table = world.control_plane.run_kubectl("get", "ipl", "-n", world.namespace).stdout
    assert "READY" in table
    assert "Provisioned" in table
    assert status["outputs"]["bucketName"] in table


def test_progress_is_shown_while_the_pipeline_is_made(world: World) -> None:
    world.apply("copy", copying())

    progress = world.wait("progress", lambda: (world.status("copy").get("operation") or {}).get("progress"))

    done, total = map(int, progress.split("/"))
    assert 0 < done <= total == 23
    world.wait_ready("copy")


def test_two_pipelines_in_two_namespaces_do_not_see_each_others_objects(world: World) -> None:
    other = world.new_namespace("other")
    world.apply("same", copying())
    world.apply("same", copying(), namespace=other)
    mine, theirs = world.wait_ready("same")["outputs"], world.wait_ready("same", other)["outputs"]

    world.put(mine["bucketName"], "raw/mine.txt", b"mine")
    world.put(theirs["bucketName"], "raw/theirs.txt", b"theirs")

    assert world.wait_result(mine["resultsBucket"], "raw/mine.txt") == b"mine"
    assert world.wait_result(theirs["resultsBucket"], "raw/theirs.txt") == b"theirs"
    assert world.read(mine["resultsBucket"], "raw/theirs.txt") is None
    assert world.read(theirs["resultsBucket"], "raw/mine.txt") is None


def test_an_object_outside_the_filter_is_not_processed(world: World) -> None:
    world.apply("copy", copying())
    outputs = world.wait_ready("copy")["outputs"]

    world.put(outputs["bucketName"], "other/a.txt", b"prefix")
    world.put(outputs["bucketName"], "raw/a.csv", b"suffix")
    world.put(outputs["bucketName"], "raw/later.txt", b"in")

    assert world.wait_result(outputs["resultsBucket"], "raw/later.txt") == b"in"
    assert world.read(outputs["resultsBucket"], "other/a.txt") is None
    assert world.read(outputs["resultsBucket"], "raw/a.csv") is None


def test_a_change_of_the_code_updates_the_function_alone(world: World) -> None:
    world.apply("copy", copying())
    before = world.wait_ready("copy")

    world.patch("copy", {"spec": {"processor": {"code": {"inline": COPY.replace(".read()", ".read().upper()")}}}})
    after = world.wait("new code", lambda: (s := world.wait_ready("copy"))["code"] != before["code"] and s)

    assert counts(after) == {"update": 1, "same": 22}
    assert after["lastOperation"]["cliProcesses"] == 1
    assert world.process("copy", "raw/b.txt", b"loud") == b"LOUD"


def test_a_change_of_the_environment_reaches_the_function(world: World) -> None:
    world.apply("copy", copying())
    world.wait_ready("copy")

    world.patch("copy", {"spec": {"processor": {"environment": [{"name": "MARK", "value": "seen: "}]}}})
    status = world.wait_ready("copy")

    assert counts(status) == {"update": 1, "same": 22}
    assert world.process("copy", "raw/c.txt", b"x") == b"seen: x"


def test_code_in_a_config_map_is_deployed_when_the_config_map_changes(world: World) -> None:
    world.apply("copy", copying(processor={"code": {"configMapRef": {"name": "code"}}}))
    waiting = world.wait_condition("copy", "Ready", "DependencyNotReady")
    assert f"ConfigMap {world.namespace}/code" in waiting["message"]

    world.apply_config_map(
        "code",
        {
            "index.py": "from tool import change\n" + COPY.replace(".read()", ".read() + change"),
            "tool.py": "change = b'1'",
        },
    )
    world.wait_ready("copy")
    assert world.process("copy", "raw/d.txt", b"v") == b"v1"
    first = world.status("copy")["code"]

    world.apply_config_map(
        "code",
        {
            "index.py": "from tool import change\n" + COPY.replace(".read()", ".read() + change"),
            "tool.py": "change = b'2'",
        },
    )
    world.wait("new code", lambda: world.wait_ready("copy")["code"] != first)
    assert world.process("copy", "raw/e.txt", b"v") == b"v2"


def test_code_that_does_not_compile_is_said_and_the_pipeline_can_still_be_deleted(world: World) -> None:
    world.apply("copy", copying(processor={"code": {"inline": "def handler(event, context):\n    return (\n"}}))

    stalled = world.wait_condition("copy", "Stalled", "SpecInvalid")

    assert "does not compile for python3.13: index.py, line" in stalled["message"]
    world.wait("an Event", lambda: "SpecInvalid" in world.event_reasons())
    described = world.control_plane.run_kubectl("describe", "ipl", "copy", "-n", world.namespace).stdout
    assert "does not compile" in described
    world.delete("copy")
    world.wait_gone("copy")


def test_broken_code_leaves_the_running_function_alone(world: World) -> None:
    world.apply("copy", copying())
    world.wait_ready("copy")

    world.patch("copy", {"spec": {"processor": {"code": {"inline": "def handler(:"}}}})
    world.wait_condition("copy", "Stalled", "SpecInvalid")
    assert world.process("copy", "raw/f.txt", b"still") == b"still"

    world.patch("copy", {"spec": {"processor": {"code": {"inline": COPY}}}})
    status = world.wait_ready("copy")
    assert not [c for c in status["conditions"] if c["type"] == "Stalled"]


def test_a_suspended_pipeline_is_left_alone_until_it_is_resumed(world: World) -> None:
    world.apply("copy", copying())
    before = world.wait_ready("copy")

    world.patch("copy", {"spec": {"reconcile": {"suspend": True}, "processor": {"memoryMiB": 512}}})
    world.wait_condition("copy", "Ready", "Suspended")
    assert memory(world, before) == 256

    world.patch("copy", {"spec": {"reconcile": {"suspend": False}}})
    world.wait_ready("copy")
    assert memory(world, before) == 512


def memory(world: World, status: dict[str, Any]) -> int:
    function = status["outputs"]["functionName"]
    found: int = world.emulator.client("lambda").get_function_configuration(FunctionName=function)["MemorySize"]
    return found


def test_an_operator_killed_and_started_again_has_nothing_to_do(world: World) -> None:
    world.apply("copy", copying())
    before = world.wait_ready("copy")

    world.operator.kill()
    world.operator.start()
    world.apply("later", copying())  # once this is ready, the older one has been looked at too
    world.wait_ready("later")

    assert world.status("copy")["lastOperation"] == before["lastOperation"]
    assert world.process("copy") == b"hello"


def test_an_operator_killed_in_the_middle_of_an_update_finishes_it_when_it_is_back(world: World) -> None:
    world.apply("copy", copying())
    world.wait("an update under way", lambda: (world.status("copy").get("operation") or {}).get("progress"))

    world.operator.kill()
    world.operator.start()

    world.wait_ready("copy")
    assert world.process("copy") == b"hello"
    assert "LockBroken" in world.event_reasons()


def test_status_holds_no_value_of_the_environment(world: World) -> None:
    world.apply(
        "copy",
        copying(processor={"code": {"inline": COPY}, "environment": [{"name": "MARK", "value": "w0rd"}]}),
    )
    world.wait_ready("copy")
    assert "w0rd" not in json.dumps(world.status("copy"))


def test_a_pipeline_whose_status_was_wiped_is_taken_over_again(world: World) -> None:
    world.apply("copy", copying())
    world.wait_ready("copy")
    world.process("copy", "raw/kept.txt", b"kept")

    words = ["patch", "ipl", "copy", "-n", world.namespace, "--subresource=status", "--type=merge"]
    world.control_plane.run_kubectl(*words, "-p", '{"status": null}')
    world.annotate("copy", "reconcile-requested-at", "now")
    status = world.wait_ready("copy")

    assert world.process("copy", "raw/after.txt", b"after") == b"after"
    assert world.read(status["outputs"]["bucketName"], "raw/kept.txt") == b"kept"


@pytest.mark.operator_process
def test_kopf_can_run_the_handlers_by_itself(operator: OperatorProcess, tmp_path: Path) -> None:
    port = free_port()
    probe = f"http://127.0.0.1:{port}/healthz"
    argv = [
        sys.executable,
        "-m",
        "kopf",
        "run",
        "-m",
        "ingestion_handlers.kopf_run",
        "--standalone",
        "--liveness",
        probe,
    ]
    process = Process.start(
        "kopf",
        [*argv, "-n", "kube-node-lease"],
        log=tmp_path / "kopf.log",
        env=operator.environment() | {"INGESTION_METRICS_ADDRESS": ""},
    )
    try:
        wait_until("its probe", lambda: answers(probe), timeout_seconds=TIMEOUT_SECONDS, process=process)
    finally:
        process.stop()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
