"""The commands of docs/state.md move the state of the operator's pod from the volume to S3."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.fixtures import GONE_TIMEOUT_SECONDS, STATE_BUCKET, left_in
from e2e.world import World, copying
from ingestion_local.chart import CHART
from ingestion_local.cluster.operator_pod import OperatorPod
from ingestion_local.cluster.ports import PodCluster
from ingestion_local.processes import wait_until
from page_commands import commands


@pytest.fixture
def pod(operator: OperatorPod, pod_cluster: PodCluster, namespaces: list[str]) -> Iterator[OperatorPod]:
    """The operator without any pipelines, because pipelines of other tests would move too. At the end its state is on the volume again."""

    def nothing_is_left() -> None:
        wait_until(
            "the end of every pipeline",
            lambda: not left_in(pod_cluster.control_plane, namespaces),
            timeout_seconds=GONE_TIMEOUT_SECONDS,
            interval_seconds=0.5,
        )

    nothing_is_left()
    yield operator
    nothing_is_left()
    operator.values.pop("state", None)
    operator.start()


def test_state_moves_to_s3_and_a_values_file_says_so_afterwards(pod: OperatorPod, world: World) -> None:
    region = world.emulator.region
    world.s3.create_bucket(Bucket=STATE_BUCKET)
    world.s3.put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    world.apply("copy", copying())
    before = world.wait_ready("copy")
    copy, upgrade, look, _ = (line.replace("eu-west-1", region) for line in commands("state.md", "Move the state"))

    assert "copied 1 stack" in kubectl(world, copy)
    helm(pod, upgrade)
    pod.wait_ready()
    kubectl(world, look.replace("--all-namespaces", f"-n {world.namespace}").replace("$(date +%s)", "now"))
    looked = world.wait("the look", lambda: refreshed(world))
    assert looked["resources"] == before["resources"]

    # The values file says the same, so nothing moves.
    pod.values["state"] = {"backend": "s3", "s3": {"bucket": STATE_BUCKET, "region": region}}
    pod.start()
    world.patch("copy", {"spec": {"processor": {"memoryMiB": 512}}})
    world.wait_ready("copy")
    assert world.process("copy") == b"hello"
    assert "versioning" not in pod.output()
    stack = before["workings"]["name"]
    keys = [entry["Key"] for entry in world.s3.list_objects_v2(Bucket=STATE_BUCKET)["Contents"]]
    assert f".pulumi/stacks/ingestion/{stack}.json" in keys

    world.delete("copy")
    world.wait_gone("copy")
    left = [entry["Key"] for entry in world.s3.list_objects_v2(Bucket=STATE_BUCKET)["Contents"]]
    assert left == [".pulumi/meta.yaml"]


def kubectl(world: World, command: str) -> str:
    program, *words = shlex.split(command)
    assert program == "kubectl"
    return world.control_plane.run_kubectl(*words).stdout


def helm(pod: OperatorPod, command: str) -> str:
    program, *words = shlex.split(command)
    assert program == "helm"
    where = words.index("--namespace")
    assert words[where + 1] == pod.namespace
    return pod.helm(
        *[
            str(CHART) if word.endswith("/helm/ingestion-operator") else word
            for word in words[:where] + words[where + 2 :]
        ]
    )


def refreshed(world: World) -> dict[str, Any] | None:
    status = world.wait_ready("copy")
    return status if status["lastOperation"]["type"] == "Refresh" else None
