"""The real kind, a real API server and the emulator accept the files of deploy/kind. No container engine runs."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import yaml

from ingestion_local import emulator_user, kind, toolchain
from ingestion_local.certificates import make_certificate
from ingestion_local.cluster.kind_cluster import configuration
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import HEALTH, PASSED_ON, Emulator
from ingestion_local.plugin_server import listens
from ingestion_local.processes import Process, free_port, wait_until
from ingestion_local.provider.access import loopback_endpoint
from ingestion_local.provider.launcher import SERVER
from integration.helm_user import Manifest, of_kind

CLUSTER = kind.FOLDER / "cluster.yaml"
VALUES: dict[str, Any] = yaml.safe_load((kind.FOLDER / "values.yaml").read_text())
MANIFESTS: list[Manifest] = list(yaml.safe_load_all((kind.FOLDER / "emulator.yaml").read_text()))
(DEPLOYMENT,), (SERVICE,) = of_kind(MANIFESTS, "Deployment"), of_kind(MANIFESTS, "Service")
(CONTAINER,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
ENVIRONMENT: dict[str, str] = {entry["name"]: entry["value"] for entry in CONTAINER["env"]}
# Answers kind's questions before the start of a node, and then fails to start one.
DOCKER = """#!/bin/sh
echo "docker $*" >> "$0.log"
case "$*" in
  -v) echo "Docker version 29.0.0" ;;
  "info --format '{{json .SecurityOptions}}'") echo "'[]'" ;;
  "info --format {{json .}}") echo '{"CgroupVersion": "2", "CgroupDriver": "systemd", "MemoryLimit": true, "PidsLimit": true}' ;;
  run*) echo "there is no engine" >&2; exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def kind_binary() -> Path:
    """The program kind. It is built if it does not exist yet."""
    return toolchain.ensure(["kind"])["kind"]


def create(kind_binary: Path, config: Path, directory: Path) -> tuple[str, str]:
    """Let kind create a cluster where no node can start. Returns its messages and the commands that it ran."""
    docker = directory / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    arguments = (
        "create",
        "cluster",
        "--config",
        config,
        "--image",
        kind.NODE_IMAGE,
        "--kubeconfig",
        directory / "config",
    )
    environment = {"PATH": f"{directory}:/usr/bin:/bin", "HOME": str(directory)}
    ran = subprocess.run([kind_binary, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    log = directory / "docker.log"
    return ran.stderr, log.read_text() if log.exists() else ""


def test_kind_takes_the_cluster_and_would_start_its_node(kind_binary: Path, tmp_path: Path) -> None:
    said, commands = create(kind_binary, CLUSTER, tmp_path)

    assert "there is no engine" in said
    (started,) = re.findall(r"^docker run .*$", commands, re.MULTILINE)
    assert "--name ingestion-control-plane" in started
    assert "--publish=127.0.0.1:30443:30443/TCP" in started
    assert started.endswith(f" {kind.NODE_IMAGE}")


def test_kind_takes_the_cluster_of_the_tests_too(kind_binary: Path, tmp_path: Path) -> None:
    config = tmp_path / "cluster.yaml"
    config.write_text(yaml.safe_dump(configuration(31234)))

    said, commands = create(kind_binary, config, tmp_path)

    assert "there is no engine" in said
    (started,) = re.findall(r"^docker run .*$", commands, re.MULTILINE)
    assert "--publish=127.0.0.1:31234:30443/TCP" in started


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"networks": {}}, "field networks not found in type v1alpha4.Cluster"),
        ({"networking": {"serviceSubnet": "198.18.0.0"}}, 'failed to parse cidr value:"198.18.0.0"'),
        ({"nodes": [{"role": "master"}]}, "master"),
    ],
    ids=["a field that there is not", "a range of addresses that is none", "a role that there is not"],
)
def test_kind_would_refuse_another(kind_binary: Path, tmp_path: Path, wrong: Manifest, message: str) -> None:
    config = tmp_path / "cluster.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(CLUSTER.read_text()), **wrong}))
    said, commands = create(kind_binary, config, tmp_path)
    assert message in said
    assert "docker run" not in commands


def test_the_node_image_is_the_one_of_this_kind(kind_binary: Path, tmp_path: Path) -> None:
    helped = subprocess.run([kind_binary, "build", "node-image", "--help"], capture_output=True, text=True, check=True)
    assert helped.stdout
    binary = kind_binary.read_bytes()
    assert kind.NODE_IMAGE.encode() in binary
    minor = kind.NODE_IMAGE.partition(":v")[2].split(".")[:2]
    assert minor == toolchain.KUBERNETES_VERSION.split(".")[:2]


def test_what_points_to_the_emulator_agrees() -> None:
    config = yaml.safe_load(CLUSTER.read_text())
    extra = {entry["name"]: entry["value"] for entry in VALUES["extraEnv"]}
    address = SERVICE["spec"]["clusterIP"]
    (port,) = SERVICE["spec"]["ports"]
    (mapping,) = config["nodes"][0]["extraPortMappings"]
    (rule,) = VALUES["networkPolicy"]["extraEgress"]

    assert IPv4Address(address) in IPv4Network(config["networking"]["serviceSubnet"])
    assert loopback_endpoint(extra) == f"https://{address}"
    assert (address,) == kind.ADDRESSES
    assert port["nodePort"] == mapping["containerPort"]
    assert f"https://{mapping['listenAddress']}:{mapping['hostPort']}" == kind.HOST_ENDPOINT
    assert rule["ports"] == [{"port": int(ENVIRONMENT["GATEWAY_PORT"]), "protocol": "TCP"}]
    assert CONTAINER["ports"] == [{"name": port["targetPort"], "containerPort": int(ENVIRONMENT["GATEWAY_PORT"])}]
    (peer,) = rule["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": kind.EMULATOR_NAMESPACE}
    assert {manifest["metadata"]["namespace"] for manifest in MANIFESTS} == {kind.EMULATOR_NAMESPACE}
    assert VALUES["image"]["repository"] == kind.OPERATOR_REPOSITORY
    assert CONTAINER["image"] == kind.EMULATOR_REPOSITORY
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == HEALTH


def test_a_real_api_server_takes_the_emulator_as_a_restricted_pod(control_plane: ControlPlane) -> None:
    namespace = json.dumps(kind.restricted_namespace(kind.EMULATOR_NAMESPACE))
    control_plane.run_kubectl("apply", "-f", "-", input=namespace)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "namespace": kind.EMULATOR_NAMESPACE},
        "spec": DEPLOYMENT["spec"]["template"]["spec"],
    }
    # This control plane has another range for Services.
    service = {**SERVICE, "spec": {**SERVICE["spec"], "clusterIP": "10.0.0.43"}}
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [DEPLOYMENT, service, pod]})

    words = ("apply", "--dry-run=server", "--server-side", "--validate=strict", "-f", "-")
    shown = control_plane.run_kubectl(*words, input=listed)

    assert shown.stdout.count("serverside-applied (server dry run)") == 3
    assert "would violate PodSecurity" not in shown.stderr


def test_the_emulators_environment_is_the_local_ones(tmp_path: Path) -> None:
    local = {name: value for name, value in Emulator(tmp_path).process_environment().items() if name not in PASSED_ON}
    here = {"BIND_HOST", "GATEWAY_PORT", "MINISTACK_SSL_CERT", "MINISTACK_SSL_KEY", "TMPDIR", "HOME", "STATE_DIR"}
    here |= {"S3_DATA_DIR", "DOCKER_HOST"}
    assert ENVIRONMENT.keys() == local.keys()
    assert {name: ENVIRONMENT[name] for name in ENVIRONMENT.keys() - here} == {
        name: local[name] for name in local.keys() - here
    }


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The emulator as a process with its pod's environment: with paths and a port of this machine, and on loopback."""
    make_certificate(tmp_path / "tls.crt", tmp_path / "tls.key", kind.ADDRESSES)
    environment = {
        name: value.replace("/var/lib/aws", str(tmp_path)).replace("/etc/aws-tls", str(tmp_path))
        for name, value in ENVIRONMENT.items()
    }
    environment |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(free_port()), "TMPDIR": str(tmp_path)}
    environment |= {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    argv = [sys.executable, "-m", "ingestion_local.strict_emulator"]
    process = Process.start("emulator", argv, log=tmp_path / "log", env=environment, cwd=tmp_path)
    url = f"https://127.0.0.1:{environment['GATEWAY_PORT']}{CONTAINER['readinessProbe']['httpGet']['path']}"
    trust = ssl.create_default_context(cafile=environment["MINISTACK_SSL_CERT"])
    try:
        wait_until("its readiness", lambda: answers(url, trust), timeout_seconds=60, process=process)
        yield environment
    finally:
        process.stop()


def answers(url: str, trust: ssl.SSLContext) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2, context=trust) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_user_of_the_operator_is_made_by_a_command_in_the_emulators_pod(pod: Mapping[str, str]) -> None:
    allowed = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policies = [{"Version": "2012-10-17", "Statement": [allowed]}]
    command = [sys.executable, "-m", "ingestion_local.emulator_user", "somebody"]

    made = subprocess.run(
        command, input=json.dumps(policies), env=dict(pod), capture_output=True, text=True, check=True
    )

    keys = json.loads(made.stdout)
    assert keys.keys() == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    asked = subprocess.run(
        [sys.executable, "-c", LOOK], env={**pod, **keys}, capture_output=True, text=True, check=True
    )
    assert asked.stdout.split() == ["0", "AccessDenied"]


LOOK = """
import boto3, os
from botocore.exceptions import ClientError
there = {"endpoint_url": f"https://127.0.0.1:{os.environ['GATEWAY_PORT']}", "verify": os.environ["MINISTACK_SSL_CERT"]}
client = lambda service: boto3.client(service, region_name="us-east-1", **there)
print(len(client("s3").list_buckets()["Buckets"]))
try:
    client("iam").list_users()
except ClientError as error:
    print(error.response["Error"]["Code"])
"""


def test_the_launcher_of_the_stand_in_starts_it(tmp_path: Path) -> None:
    """The first one alone. It also starts the server, which forks the plugin of the second one."""
    text = (kind.FOLDER / "pulumi-resource-aws").read_text()
    first, _, rest = text.partition("\n")
    assert first == "#!/opt/ingestion-operator/bin/python -IS"
    launcher = tmp_path / "resource-aws-v7.51.1" / "pulumi-resource-aws"
    launcher.parent.mkdir()
    launcher.write_text(rest.replace("/opt/stand-in", str(Path(emulator_user.__file__).parents[1])))
    name = f"test-{uuid4().hex}"
    try:
        with started(launcher, name, tmp_path / "first") as alone:
            assert "ingestion_local.provider" in " ".join(psutil.Process(alone.pid).cmdline())
            server = wait_until("the server", lambda: next(servers(name), None), timeout_seconds=60)
            wait_until("its answers", lambda: listens(name), timeout_seconds=60)
            with started(launcher, name, tmp_path / "second"):
                wait_until("its fork", server.children, timeout_seconds=60)
        assert server.is_running(), "it outlives the plugin that started it"
    finally:
        for left in servers(name):
            left.kill()


@contextmanager
def started(launcher: Path, name: str, log: Path) -> Iterator[Process]:
    """A launcher that has printed its port."""
    environment = {"PATH": os.environ["PATH"], SERVER: name}
    process = Process.start("stand-in", [sys.executable, "-IS", launcher], log=log, env=environment)
    try:
        wait_until("its port", lambda: re.match(r"\d+\n", log.read_text()), timeout_seconds=60, process=process)
        yield process
    finally:
        process.stop()


def servers(name: str) -> Iterator[psutil.Process]:
    """The server with this name, without its forks."""
    found = [process for process in psutil.process_iter(["cmdline"]) if name in (process.info["cmdline"] or [])]
    return (process for process in found if process.ppid() not in {other.pid for other in found})
