"""A node leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ingestion_local import toolchain
from ingestion_local.cluster.cgroups import CGROUPS
from ingestion_local.cluster.node_configuration import NAME, PAUSE_IMAGE
from ingestion_local.cluster.one_node import OneNodeCluster
from ingestion_local.processes import wait_until

pytestmark = pytest.mark.one_node

TIMEOUT_SECONDS = 60.0
# Starts a node and its DNS, prints the number of its network, and waits until it is killed.
START_A_NODE = """
import os, signal, sys, time
from pathlib import Path
from ingestion_local import toolchain
from ingestion_local.cluster import packages
from ingestion_local.cluster.control_plane import ClusterControlPlane
from ingestion_local.cluster.network import reserved
from ingestion_local.cluster.node import Node
from ingestion_local.cluster.one_node import TOOLS, name_server
from ingestion_local.processes import Process
from ingestion_local.progress import default_reporter
directory = Path(sys.argv[1])
tools, unpacked = toolchain.ensure(TOOLS), packages.ensure(default_reporter())
with reserved(toolchain.cache_directory()) as network, ClusterControlPlane(directory / "c", tools, network) as plane:
    with Node(directory / "n", tools=tools, unpacked=unpacked, network=network, kubeconfig=plane.kubeconfig):
        hosts = directory / "hosts"
        hosts.mkdir()
        log, path = directory / "dns.log", os.environ["PATH"] + ":/usr/sbin"
        Process.start("dns", name_server(network, hosts), log=log, env={"PATH": path}, death_signal=signal.SIGKILL)
        while "started, version" not in log.read_text():
            time.sleep(0.05)
        print(network.index, flush=True)
        time.sleep(600)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "node"


def traces(directory: Path) -> dict[str, list[str]]:
    """The mounts and processes on this machine of a node whose files are under the directory."""
    mark = str(directory)
    return {
        "mounts": [line for line in mounts() if mark in line],
        "processes": [line for line in command_lines() if mark in line],
    }


def mounts() -> list[str]:
    """The mounts of this machine without the store of images, which stays mounted after a build."""
    store = str(toolchain.cache_directory() / "images")
    return [line for line in Path("/proc/mounts").read_text().splitlines() if store not in line]


def command_lines() -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue


def machine_wide(index: int) -> dict[str, list[str]]:
    """The machine's side of a node with this number."""
    links = [link["ifname"] for link in json.loads(output("ip", "-json", "link"))]
    routes = [route for route in output("ip", "route").splitlines() if f"ingestion{index} " in route]
    cgroups = [str(path) for path in CGROUPS.rglob(f"ingestion-{index}") if path.is_dir()]
    return {"links": [name for name in links if name == f"ingestion{index}"], "routes": routes, "cgroups": cgroups}


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def rules() -> str:
    """The machine's own packet filter, which a node must not touch."""
    return output("nft", "list", "ruleset")


def test_a_node_whose_pod_runs_leaves_nothing_when_it_is_stopped(directory: Path) -> None:
    before = (rules(), mounts())
    with OneNodeCluster(directory, operator_image=False) as cluster:
        cluster.control_plane.apply(a_pod())
        phase = ("get", "pod", "waits", "-o", "jsonpath={.status.phase}")
        wait_until(
            "the pod",
            lambda: cluster.control_plane.run_kubectl(*phase).stdout == "Running",
            timeout_seconds=TIMEOUT_SECONDS,
        )
        assert all(machine_wide(cluster.network.index).values()), "the test sees what a running node has"
        assert traces(directory)["processes"]
        assert "kube-proxy" in cluster.node.run("nft", "list", "tables"), "the rules are the node's own"
        assert (rules(), mounts()) == before, "all that it mounts is its own"
        index = cluster.network.index

    assert machine_wide(index) == {"links": [], "routes": [], "cgroups": []}
    assert traces(directory) == {"mounts": [], "processes": []}
    assert (rules(), mounts()) == before


def test_a_node_ends_with_the_process_that_started_it_even_if_that_is_killed(directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_A_NODE, str(directory)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        index = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)

    wait_until("the end of its processes", lambda: not traces(directory)["processes"], timeout_seconds=TIMEOUT_SECONDS)
    assert traces(directory)["mounts"] == []
    wait_until("the end of its interface", lambda: not machine_wide(index)["links"], timeout_seconds=TIMEOUT_SECONDS)
    # The next node with this number removes the empty cgroups. Until then they cost nothing.


def a_pod() -> dict[str, Any]:
    """A pod with a mounted volume. It needs only the pause image."""
    volume: Mapping[str, Any] = {"name": "memory", "emptyDir": {"medium": "Memory"}}
    container = {
        "name": "waits",
        "image": PAUSE_IMAGE,
        "imagePullPolicy": "Never",
        "volumeMounts": [{"name": "memory", "mountPath": "/memory"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "waits", "namespace": "default"},
        "spec": {"nodeName": NAME, "containers": [container], "volumes": [volume]},
    }
