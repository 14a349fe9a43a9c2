"""The operator as a pod: its confinement, its end, and the pod that takes over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.world import World, copying
from ingestion_local.cluster.operator_pod import OperatorPod
from ingestion_local.cluster.ports import PodCluster
from ingestion_local.processes import LocalEnvironmentError

WRITABLE = {"/tmp", "/var/lib/ingestion-operator/state", "/var/lib/ingestion-operator/pulumi/logs"}  # noqa: S108
MANY_UPDATES = 4


@pytest.fixture
def pod(operator: OperatorPod) -> OperatorPod:
    return operator


def python(pod: OperatorPod, script: str) -> str:
    """Run a script in the operator's container, and return what it prints."""
    return pod.exec("python", "-c", script).strip()


def test_helms_own_test_passes(pod: OperatorPod, pod_cluster: PodCluster) -> None:
    pod_cluster.name_services()
    said = pod.helm("test", pod.release, "--timeout", "60s")
    assert "Phase:" in said
    assert "Succeeded" in said


def test_its_process_is_nobody_with_no_capability_under_an_init(pod: OperatorPod) -> None:
    script = "print(open('/proc/1/cmdline').read().split('\\0')[0]); print(open('/proc/self/status').read())"
    init, _, status = python(pod, script).partition("\n")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    assert init.endswith("tini")
    assert found["Uid"].split() == ["65532"] * 4
    assert found["Gid"].split() == ["65532"] * 4
    assert {found[f"Cap{which}"] for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0000000000000000"}
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2", "filtered"


def test_its_root_file_system_is_read_only(pod: OperatorPod) -> None:
    script = f"""
import os, json
def writable(folder):
    try:
        open(folder + "/probe", "w").close(); os.remove(folder + "/probe")
        return True
    except OSError as error:
        return error.strerror
folders = ["/", "/usr", "/etc", "/opt/ingestion-operator", "/var/lib/ingestion-operator/pulumi/plugins", *{sorted(WRITABLE)!r}]
print(json.dumps({{folder: writable(folder) for folder in folders}}))
"""
    found = json.loads(python(pod, script))
    assert {folder for folder, said in found.items() if said is True} == WRITABLE
    assert set(found.values()) <= {True, "Read-only file system"}


def test_its_namespace_refuses_a_pod_that_is_not_restricted(pod: OperatorPod, pod_cluster: PodCluster) -> None:
    (own,) = pod.pods()
    assert own["metadata"]["namespace"] == pod.namespace
    loose = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "loose", "namespace": pod.namespace},
        "spec": {"containers": [{"name": "loose", "image": "localhost/pause:1"}]},
    }
    with pytest.raises(LocalEnvironmentError, match='violates PodSecurity "restricted:latest"'):
        pod_cluster.control_plane.apply(loose)


def test_the_charts_network_policy_is_its_own(pod: OperatorPod, pod_cluster: PodCluster) -> None:
    words = ("-n", pod.namespace, "get", "networkpolicy", pod.release, "-o", "json")
    policy = json.loads(pod_cluster.control_plane.run_kubectl(*words).stdout)
    (own,) = pod.pods()
    wanted = policy["spec"]["podSelector"]["matchLabels"].items()
    assert wanted <= own["metadata"]["labels"].items()
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_an_operator_that_hangs_is_started_again(pod: OperatorPod, world: World) -> None:
    quick = {"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 3, "terminationGracePeriodSeconds": 1}
    pod.values["probes"] = {"liveness": quick}
    pod.start()
    before = pod.container_id()

    pod.freeze()
    world.wait("another container", lambda: pod.container_id() not in {"", before})
    pod.wait_ready()

    world.apply("copy", copying())
    world.wait_ready("copy")
    del pod.values["probes"]
    pod.start()


def test_sigterm_ends_updates_in_order(pod: OperatorPod, world: World) -> None:
    """A rollout during updates: each update writes its state and frees its lock, so nobody has to break a lock."""
    names = [f"copy-{number}" for number in range(MANY_UPDATES)]
    for name in names:
        world.apply(name, copying())
    world.wait("an update under way", lambda: any(under_way(world, name) for name in names))

    pod.stop()
    state = pod.state_files()
    pod.start()

    assert any(path.startswith(".pulumi/stacks/") for path in state)
    assert not [path for path in state if path.startswith(".pulumi/locks/")]
    for name in names:
        world.wait_ready(name)
    assert world.process(names[0]) == b"hello"
    assert "LockBroken" not in world.event_reasons()


def test_a_pod_that_is_torn_away_in_the_middle_of_an_update_is_taken_over_from(pod: OperatorPod, world: World) -> None:
    """As after the loss of a node: the pod is deleted by force, its lock remains, and the next pod has another name."""
    world.apply("copy", copying())
    world.wait("an update under way", lambda: under_way(world, "copy"))

    (before,) = pod.pods()
    pod.tear_away()
    pod.wait_ready()
    (after,) = pod.pods()

    assert after["metadata"]["name"] != before["metadata"]["name"]
    world.wait_ready("copy")
    assert world.process("copy") == b"hello"
    assert "LockBroken" in world.event_reasons()
    assert len(made_of(world, "copy")) == 1, "nothing was made twice"


def test_a_drained_node_gives_the_operator_back_when_it_returns(
    pod: OperatorPod, world: World, pod_cluster: PodCluster
) -> None:
    world.apply("copy", copying())
    before = world.wait_ready("copy")
    world.patch("copy", {"spec": {"processor": {"memoryMiB": 512}}})
    pod_cluster.drain()
    try:
        world.put(before["outputs"]["bucketName"], "raw/while-away.txt", b"hello")
        assert world.wait_result(before["outputs"]["resultsBucket"], "raw/while-away.txt") == b"hello"
        assert all(found["status"]["phase"] == "Pending" for found in pod.pods())
    finally:
        pod_cluster.uncordon()
    pod.wait_ready()

    world.wait_ready("copy")
    assert world.function("copy")["MemorySize"] == 512
    assert "LockBroken" not in world.event_reasons()


def test_an_upgrade_leaves_live_pipelines_as_they_are(pod: OperatorPod, world: World) -> None:
    world.apply("copy", copying())
    before = world.wait_ready("copy")
    (old,) = pod.pods()

    pod.values["podAnnotations"] = {"example.org/release": "next"}
    pod.upgrade()
    world.put(before["outputs"]["bucketName"], "raw/meanwhile.txt", b"hello")
    pod.wait_ready()

    assert world.wait_result(before["outputs"]["resultsBucket"], "raw/meanwhile.txt") == b"hello"
    assert old["metadata"]["name"] not in [found["metadata"]["name"] for found in pod.pods()]
    world.apply("later", copying())  # when this pipeline is ready, the operator has seen the older one too
    world.wait_ready("later")
    after = world.status("copy")
    assert after["lastOperation"] == before["lastOperation"]
    assert after["resources"] == before["resources"]
    (new,) = pod.pods()
    assert new["metadata"]["annotations"]["example.org/release"] == "next"


def under_way(world: World, name: str) -> Any:
    return (world.status(name).get("operation") or {}).get("progress")


def made_of(world: World, name: str) -> list[str]:
    """The functions in AWS that belong to the pipeline."""
    prefix = f"{world.namespace[:20]}"
    functions = world.listed("lambda", "list_functions", "Functions")
    return [
        f["FunctionName"]
        for f in functions
        if f["FunctionName"].startswith(prefix) and f"-{name}-" in f["FunctionName"]
    ]
