"""The whole one-node cluster: control plane, node, the connections between them, and the images of its pods."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingestion_local import toolchain
from ingestion_local.cluster import packages
from ingestion_local.cluster.control_plane import ClusterControlPlane
from ingestion_local.cluster.images import REPOSITORY, Images
from ingestion_local.cluster.network import API_SERVER_PORT, AWS_PORT, Network, reserved
from ingestion_local.cluster.node import Node
from ingestion_local.cluster.node_configuration import CLUSTER_DOMAIN, NAME
from ingestion_local.emulator import Emulator
from ingestion_local.lifecycle import Startable
from ingestion_local.processes import LocalEnvironmentError, Process, wait_until
from ingestion_local.progress import Reporter, default_reporter

READY_TIMEOUT_SECONDS = 60.0
STORAGE_CLASS = "local"
TOOLS = (*toolchain.LOCAL, *toolchain.NODE, "helm")


class OneNodeCluster(Startable):
    """One whole cluster. Its files are under `directory`. Raises LocalEnvironmentError on a machine that cannot run one.

    Without `operator_image` its pods can run the pause image only, and it starts in less time.
    """

    def __init__(self, directory: Path, reporter: Reporter | None = None, *, operator_image: bool = True) -> None:
        if reason := packages.missing():
            raise LocalEnvironmentError(reason)
        super().__init__()
        self.directory = directory.absolute()
        self._report = reporter or default_reporter()
        self._operator_image = operator_image
        self.tools: Mapping[str, Path]
        self.network: Network
        self.control_plane: ClusterControlPlane
        self.node: Node
        self.image_tag = ""

    @property
    def values(self) -> Mapping[str, Any]:
        """The chart's values for this cluster: the operator's image with the stand-in for the AWS plugin."""
        return {"image": {"repository": REPOSITORY, "tag": self.image_tag, "pullPolicy": "Never"}}

    @property
    def aws_endpoint(self) -> str:
        """URL of every AWS service, for pods."""
        return self.network.aws_endpoint

    @contextmanager
    def emulator(self, directory: Path) -> Iterator[Emulator]:
        """An emulator that pods reach at `aws_endpoint`. Its files are under `directory`."""
        with Emulator(directory, addresses=[self.network.machine]) as running:
            self._forward(AWS_PORT, running.endpoint)
            yield running

    def volume(self, name: str) -> None:
        """Create a volume in a directory of this machine, for the next claim."""
        path = self.directory / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
        self.control_plane.apply({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": STORAGE_CLASS,
                "local": {"path": str(path)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            },
        })  # fmt: skip

    def drain(self) -> None:
        """Move every pod away from the node, as before its maintenance. No pod comes back until `uncordon`."""
        self.control_plane.run_kubectl("drain", NAME, "--delete-emptydir-data", "--timeout=60s")

    def uncordon(self) -> None:
        """Let pods run on the node again."""
        self.control_plane.run_kubectl("uncordon", NAME)

    def name_services(self) -> None:
        """Tell DNS the present Services."""
        listed = json.loads(self.control_plane.run_kubectl("get", "services", "-A", "-o", "json").stdout)["items"]
        lines = [_host(service) for service in listed if service["spec"]["clusterIP"] != "None"]
        # dnsmasq watches the directory, so it knows a new file at once.
        (self._hosts / "services").write_text("".join(lines))

    def _start(self) -> None:
        self.tools = toolchain.ensure(TOOLS, reporter=self._report)
        unpacked = packages.ensure(self._report)
        images = Images(self.tools, self._report)
        archives, self.image_tag = images.ensure(), images.tag
        self.network = self._started.enter_context(reserved(toolchain.cache_directory()))
        self.control_plane = self._started.enter_context(
            ClusterControlPlane(self.directory / "control-plane", self.tools, self.network)
        )
        self.node = Node(
            self.directory / "node",
            tools=self.tools,
            unpacked=unpacked,
            network=self.network,
            kubeconfig=self.control_plane.kubeconfig,
        )
        self._started.enter_context(self.node)
        self._furnish(archives)

    def _furnish(self, archives: tuple[Path, ...]) -> None:
        self._forward(API_SERVER_PORT, self.control_plane.url)
        self._serve_names()
        for archive in archives:
            self.node.import_image(archive)
        self.control_plane.apply(_way_to_the_api_server(self.network), _storage_class())
        wait_until("the node's readiness", self._is_ready, timeout_seconds=READY_TIMEOUT_SECONDS)

    def _is_ready(self) -> bool:
        word = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        got = self.control_plane.run_kubectl("get", "node", NAME, "-o", word, "--ignore-not-found", check=False)
        return got.stdout.strip() == "True"

    def _forward(self, port: int, url: str) -> None:
        """Forward connections from the machine's end of the link to a server on loopback."""
        there = f"127.0.0.1:{url.rpartition(':')[2]}"
        listen = f"TCP-LISTEN:{port},bind={self.network.machine},fork,reuseaddr,backlog=256"
        self._run_beside(f"forward-{port}", "socat", listen, f"TCP:{there}")

    @property
    def _hosts(self) -> Path:
        return self.directory / "hosts"

    def _serve_names(self) -> None:
        self._hosts.mkdir(parents=True, exist_ok=True)
        self.name_services()
        self._run_beside("dns", *name_server(self.network, self._hosts))

    def _run_beside(self, name: str, *command: str) -> None:
        process = Process.start(
            name,
            command,
            log=self.directory / "logs" / f"{name}.log",
            env={"PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin"},
            death_signal=signal.SIGKILL,
        )
        self._started.callback(process.stop)


def name_server(network: Network, hosts: Path) -> tuple[str, ...]:
    """The command of a DNS server for pods. It answers from the files in the directory `hosts`."""
    return (
        "dnsmasq",
        # Otherwise it changes its group, and with that the kernel forgets to end it together with its parent: PR_SET_PDEATHSIG
        # in prctl(2).
        "--no-daemon",
        "--conf-file=/dev/null",
        "--pid-file",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        f"--interface={network.interface}",
        f"--listen-address={network.machine}",
        "--except-interface=lo",
        f"--hostsdir={hosts}",
        f"--local=/{CLUSTER_DOMAIN}/",
        "--log-facility=-",
    )


def _host(service: Mapping[str, Any]) -> str:
    name = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    return f"{service['spec']['clusterIP']} {name}.{CLUSTER_DOMAIN} {name}\n"


def _way_to_the_api_server(network: Network) -> dict[str, Any]:
    """The endpoint of the Service `kubernetes`. The API server does not publish it, because it is on loopback."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": API_SERVER_PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [network.machine], "conditions": {"ready": True}}],
    }


def _storage_class() -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
