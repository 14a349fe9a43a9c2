"""The kind cluster of the tests: the commands that make it, and what the tests do with it. No container engine runs."""

from __future__ import annotations

import http.server
import json
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import yaml

from ingestion_local import kind
from ingestion_local.cluster import kind_cluster
from ingestion_local.cluster.kind_cluster import NAME, NODE, KindCluster, KindNode
from ingestion_local.cluster.operator_pod import OperatorPod
from ingestion_local.emulator import HEALTH
from ingestion_local.environment import ROOT
from ingestion_local.image import ContainerEngine
from ingestion_local.processes import LocalEnvironmentError, wait_until
from unit.fake_machine import FakeMachine
from unit.kind_machine import ANSWERS, EMULATOR, IMAGE_COMMANDS, TAG, heads_of

WAITS = "import signal; signal.pause()"
PROGRAM = "/opt/ingestion-operator/bin/ingestion-operator run"
# The output of `ps` on a node: two containers, and one process outside of them.
PROCESSES = """\
      1 4026531836 /sbin/init
     70 4026532001 /usr/bin/tini -- ingestion-operator run
     71 4026532001 /opt/ingestion-operator/bin/python /opt/ingestion-operator/bin/ingestion-operator run
     80 4026532002 /usr/bin/tini -- python -m ingestion_local.strict_emulator"""
SYSTEM = ("--namespace", "ingestion-system")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    made = FakeMachine(tmp_path / "bin")
    made.bin.mkdir()
    made.put("kind", "kubectl", "helm", "git", "uv", "docker")
    made.tell(ANSWERS)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("INGESTION_CACHE_DIR", str(tmp_path / "cache"))
    return made


@pytest.fixture
def cluster(machine: FakeMachine, tmp_path: Path) -> Iterator[KindCluster]:
    with KindCluster(tmp_path / "cluster", uv="uv") as running:
        machine.forget()
        yield running


@pytest.fixture
def node(machine: FakeMachine) -> KindNode:
    """A node whose processes and files are this machine's."""
    machine.tell({}, executes=True)
    return KindNode(ContainerEngine("docker"))


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits, with these words on its command line."""
    with subprocess.Popen([sys.executable, "-c", WAITS, *words]) as running:
        yield running
        running.kill()


def test_it_is_made_as_the_one_of_make_kind_without_the_operator_and_deleted_at_the_end(
    machine: FakeMachine, tmp_path: Path
) -> None:
    kept = f"{tmp_path}/cache/kind/{NAME}"
    with KindCluster(tmp_path / "cluster", uv="uv", node_image="kindest/node:x", build_arguments=["--pull"]):
        (first, *_) = [command for command in machine.commands if command[:2] == ["docker", "build"]]
    assert first[-4:] == ["--build-arg", "AWS_PLUGIN=none", "--pull", str(ROOT)]

    delete = ["kind", "delete", "cluster", "--name", NAME, "--kubeconfig", f"{kept}/kubeconfig"]
    kubectl = ["kubectl", "--kubeconfig", f"{kept}/kubeconfig"]
    assert heads_of(machine.commands) == [
        delete,
        ["kind", "get", "clusters", "--quiet"],
        ["kind", "create", "cluster", "--name", NAME, "--config", str(tmp_path / "cluster/cluster.yaml"),
         "--image", "kindest/node:x", "--kubeconfig", f"{kept}/kubeconfig", "--wait", "3m"],
        ["docker", "build", "--tag", kind_cluster.IMAGE],
        ["uv", *kind.EXPORT],
        *IMAGE_COMMANDS,
        ["kind", "load", "image-archive", "FILE/images.tar", "--name", NAME],
        [*kubectl, "apply", "--filename", "-"],
        [*kubectl, "apply", "--filename", "-"],
        [*kubectl, "--namespace", "aws", "rollout", "status", "deployment/aws", "--timeout=3m"],
        ["kind", "export", "logs", str(tmp_path / "cluster/logs"), "--name", NAME],
        delete,
    ]  # fmt: skip


def test_one_that_cannot_be_finished_is_deleted(machine: FakeMachine, tmp_path: Path) -> None:
    machine.tell(ANSWERS, failure=f"docker tag {kind.EMULATOR_REPOSITORY}:latest-build {EMULATOR}")
    with pytest.raises(LocalEnvironmentError, match="ended with code 1"):
        KindCluster(tmp_path / "cluster", uv="uv").start()
    exported, deleted = machine.commands[-2:]
    assert exported[:3] == ["kind", "export", "logs"]
    assert deleted[:3] == ["kind", "delete", "cluster"]


def test_another_run_is_not_disturbed(
    cluster: KindCluster, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind_cluster, "TURN_TIMEOUT_SECONDS", 0.0)
    with pytest.raises(LocalEnvironmentError, match="the end of the tests that use the kind cluster"):
        KindCluster(cluster.directory, uv="uv").start()
    assert machine.commands == []


def test_it_is_the_cluster_of_make_kind_but_for_its_port_and_its_kubelet(cluster: KindCluster) -> None:
    made = yaml.safe_load((cluster.directory / "cluster.yaml").read_text())
    described = yaml.safe_load((kind.FOLDER / "cluster.yaml").read_text())
    (patch,) = made.pop("kubeadmConfigPatches")
    (mapping,) = made["nodes"][0]["extraPortMappings"]
    (own,) = described["nodes"][0]["extraPortMappings"]

    assert yaml.safe_load(patch)["crashLoopBackOff"] == {"maxContainerRestartPeriod": "1s"}
    assert mapping["hostPort"] != own.pop("hostPort")
    assert mapping.pop("hostPort") > 1024
    assert made == described


def test_its_values_are_those_of_make_kind(cluster: KindCluster) -> None:
    described = yaml.safe_load((kind.FOLDER / "values.yaml").read_text())
    (endpoint,) = [entry["value"] for entry in described["extraEnv"] if entry["name"] == "AWS_ENDPOINT_URL"]
    assert cluster.values == {**described, "image": {**described["image"], "tag": TAG}}
    assert cluster.aws_endpoint == endpoint


class Healthy(http.server.BaseHTTPRequestHandler):
    """Answers the health check of the emulator."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == HEALTH else 404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named so
        pass


def test_its_emulator_is_reached_at_its_port_with_its_certificate(cluster: KindCluster, tmp_path: Path) -> None:
    port = yaml.safe_load((cluster.directory / "cluster.yaml").read_text())["nodes"][0]["extraPortMappings"][0][
        "hostPort"
    ]
    certificate = tmp_path / "cache/kind" / NAME / "tls.crt"
    server = http.server.HTTPServer(("127.0.0.1", port), Healthy)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    with cluster.emulator(tmp_path / "aws") as aws:
        assert aws.env()["AWS_ENDPOINT_URL"] == f"https://127.0.0.1:{port}"
        assert aws.env()["AWS_CA_BUNDLE"] == str(certificate)
    server.shutdown()
    server.server_close()


def test_a_drain_leaves_aws_where_it_is(cluster: KindCluster, machine: FakeMachine) -> None:
    emulator = yaml.safe_load_all((kind.FOLDER / "emulator.yaml").read_text())
    labels = next(iter(emulator))["spec"]["template"]["metadata"]["labels"]
    cluster.drain()
    cluster.uncordon()
    drained, uncordoned = ([command[3], *command[4:]] for command in machine.commands)
    assert drained[:2] == ["drain", NODE]
    assert {"--ignore-daemonsets", f"--pod-selector=app.kubernetes.io/name!={labels['app.kubernetes.io/name']}"} < set(
        drained
    )
    assert uncordoned == ["uncordon", NODE]


def test_the_processes_of_the_node_are_found_by_their_words_and_their_container(
    machine: FakeMachine,
) -> None:
    machine.tell({f"podman exec {NODE} ps": PROCESSES})
    machine.put("podman")
    node = KindNode(ContainerEngine("podman"))
    assert node.pids("/opt/ingestion-operator/bin/ingestion-operator", "run") == [71]
    assert node.pids_in_container(71) == [70, 71]
    assert node.pids_in_container(5) == []


def test_a_real_ps_says_what_is_asked_of_it(node: KindNode) -> None:
    mark = uuid4().hex * 10
    with process(mark, "run") as running:
        assert node.pids(mark, "run") == [running.pid]
        assert node.pids(mark, "stop") == []
        assert running.pid in node.pids_in_container(running.pid)


def test_a_signal_reaches_each_process_that_is_still_there(node: KindNode) -> None:
    with process() as first, process() as second:
        first.kill()
        first.wait()
        node.send(signal.SIGSTOP, [first.pid, second.pid])
        stopped = psutil.Process(second.pid)
        # The kernel stops a process when that is scheduled next.
        wait_until("the stop", lambda: stopped.status() == psutil.STATUS_STOPPED, timeout_seconds=30)
        node.send(signal.SIGKILL, [first.pid, second.pid])
        assert second.wait() == -signal.SIGKILL


def test_the_files_of_a_directory_come_over(node: KindNode, tmp_path: Path) -> None:
    there = tmp_path / "there"
    (there / ".pulumi" / "locks").mkdir(parents=True)
    (there / ".pulumi" / "meta.yaml").write_bytes(b"version: 1\n")
    (there / "binary").write_bytes(bytes(range(256)))
    assert node.files(str(there)) == {".pulumi/meta.yaml": b"version: 1\n", "binary": bytes(range(256))}
    with pytest.raises(LocalEnvironmentError, match=rf"`docker exec {NODE} tar .*` ended with code 2: .*No such file"):
        node.files(str(tmp_path / "nowhere"))


def pod_in(cluster: KindCluster, tmp_path: Path, **settings: str) -> OperatorPod:
    (tmp_path / "ca.crt").write_text("its authority")
    aws = {"AWS_CA_BUNDLE": str(tmp_path / "ca.crt"), "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
    return OperatorPod(cluster, tmp_path / "operator", aws={**aws, "AWS_REGION": "us-east-1"}, settings=settings)


def pods(container: str) -> str:
    status = {"containerStatuses": [{"state": {"running": {}}, "containerID": container}]}
    return json.dumps({"items": [{"metadata": {"name": "one"}, "status": status}]})


def ready() -> str:
    status = {"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": 1, "replicas": 1}
    return json.dumps({"metadata": {"generation": 1}, "status": status})


def kubectl(cluster: KindCluster, *words: str) -> str:
    return " ".join(["kubectl", "--kubeconfig", str(cluster.control_plane.kubeconfig), *SYSTEM, *words])


def test_the_operators_pod_is_the_charts_with_what_this_cluster_takes(
    cluster: KindCluster, machine: FakeMachine, tmp_path: Path
) -> None:
    machine.tell({
        kubectl(cluster, "get", "pods"): pods("containerd://first"),
        kubectl(cluster, "get", "deployment"): ready(),
    })  # fmt: skip

    pod_in(cluster, tmp_path, INGESTION_WAITING_SECONDS="0.5").start()

    (helm,) = [command for command in machine.commands if command[0] == "helm"]
    values = json.loads(Path(helm[helm.index("--values") + 1]).read_text())
    assert values["image"] == cluster.values["image"]
    assert values["networkPolicy"] == cluster.values["networkPolicy"]
    assert values["settings"] == {"s3PathStyle": True, "waitingSeconds": 0.5}
    assert {"name": "AWS_ENDPOINT_URL", "value": cluster.aws_endpoint} in values["extraEnv"]
    assert "PersistentVolume" not in machine.standard_inputs.replace("PersistentVolumeClaim", "")


def test_a_kill_ends_the_process_and_waits_for_another_container(
    cluster: KindCluster, machine: FakeMachine, tmp_path: Path
) -> None:
    pod = pod_in(cluster, tmp_path)
    with process() as operator:
        answers: Mapping[str, str | list[str]] = {
            f"docker exec {NODE} ps": f"{operator.pid} 4026532001 {PROGRAM}",
            kubectl(cluster, "get", "pods"): [pods("first"), pods("first"), pods("second")],
            kubectl(cluster, "get", "deployment"): ready(),
        }
        machine.tell(answers, executes=True)
        pod.kill()
        assert operator.wait() == -signal.SIGKILL
    assert len([command for command in machine.commands if command[5:7] == ["get", "pods"]]) == 3
    pod.wait_ready()


@pytest.mark.parametrize("kind_of_volume", ["hostPath", "local"])
def test_the_state_is_read_on_the_node_where_the_claims_volume_is(
    cluster: KindCluster, machine: FakeMachine, tmp_path: Path, kind_of_volume: str
) -> None:
    there = tmp_path / "volume"
    there.mkdir()
    (there / "stack.json").write_bytes(b"{}")
    machine.tell(
        {
            kubectl(cluster, "get", "pvc", "ingestion-operator-state"): '{"spec": {"volumeName": "pvc-1"}}',
            kubectl(cluster, "get", "pv", "pvc-1"): json.dumps({"spec": {kind_of_volume: {"path": str(there)}}}),
        },
        executes=True,
    )
    assert pod_in(cluster, tmp_path).state_files() == {"stack.json": b"{}"}
