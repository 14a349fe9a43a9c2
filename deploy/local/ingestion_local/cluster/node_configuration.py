"""The configuration files of a node: for containerd, the kubelet, kube-proxy and the network of the pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion_local.cluster.network import API_SERVER_PORT, Network

NAME = "node"
CLUSTER_DOMAIN = "cluster.local"
PAUSE_IMAGE = "localhost/pause:1"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
FOLDERS = ("cni", "kubelet", "plugins", "certificates")


@dataclass(frozen=True)
class NodeConfiguration:
    """The files of one node, under `directory`.

    `unpacked`: folder of the unpacked packages. `cgroup`: the parent of the pods' cgroups. `administrator`: the administrator's
    kubeconfig, which the node copies.
    """

    directory: Path
    unpacked: Path
    network: Network
    cgroup: str
    administrator: Path

    @property
    def containerd_file(self) -> Path:
        """The configuration file of containerd."""
        return self.directory / "containerd.toml"

    @property
    def proxy_file(self) -> Path:
        """The configuration file of kube-proxy."""
        return self.directory / "kube-proxy.json"

    @property
    def kubelet_file(self) -> Path:
        """The configuration file of the kubelet."""
        return self.directory / "kubelet.json"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig with which the node reaches the API server."""
        return self.directory / "kubeconfig"

    def write(self) -> None:
        """Write all files. Writing them again replaces them."""
        for folder in FOLDERS:
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        (self.directory / "resolv.conf").write_text(f"nameserver {self.network.machine}\n")
        _write_json(self.kubeconfig, _kubeconfig_for(self.administrator, self.network))
        _write_json(self.kubelet_file, self._kubelet_configuration())
        _write_json(self.proxy_file, self._proxy_configuration())
        _write_json(self.directory / "cni" / "10-pods.conflist", self._pod_network())
        self.containerd_file.write_text(self._containerd_configuration())

    def _containerd_configuration(self) -> str:
        return f"""\
version = 2
root = "{self.directory / "containerd"}"
state = "/run/containerd"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # A machine may lack CAP_SYS_RESOURCE. Then runc may not lower the score below its own.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{self.unpacked / "usr/sbin/runc"}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{self.unpacked / "usr/lib/cni"}"
    conf_dir = "{self.directory / "cni"}"
"""

    def _pod_network(self) -> dict[str, Any]:
        addresses = {
            "type": "host-local",
            "dataDir": "/run/cni",
            "subnet": str(self.network.pods),
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        return {"cniVersion": "0.4.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": addresses}]}

    def _kubelet_configuration(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.cgroup,
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            # Only the machine and its pods reach the kubelet.
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "clusterDNS": [self.network.machine],
            "clusterDomain": CLUSTER_DOMAIN,
            "resolvConf": str(self.directory / "resolv.conf"),
            "podLogsDir": str(self.directory / "pod-logs"),
            "volumePluginDir": str(self.directory / "plugins"),
            # The cluster ignores how full the machine's disk is.
            "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            # Some tests end the operator again and again, and wait for its restart each time.
            "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
            "syncFrequency": "10s",
            "nodeStatusUpdateFrequency": "5s",
        }

    def _proxy_configuration(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "hostnameOverride": NAME,
            "clusterCIDR": str(self.network.pods),
            "clientConnection": {"kubeconfig": str(self.kubeconfig)},
            # These limits belong to the machine. A process in a namespace may not set them.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }


def _kubeconfig_for(path: Path, network: Network) -> dict[str, Any]:
    """The same access for the node, which reaches the API server at another address."""
    document: dict[str, Any] = json.loads(path.read_text())
    for cluster in document["clusters"]:
        cluster["cluster"]["server"] = f"https://{network.machine}:{API_SERVER_PORT}"
    return document


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2))
