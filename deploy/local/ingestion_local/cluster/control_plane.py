"""The control plane of a cluster whose pods run. It has a controller-manager and a scheduler too."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

from ingestion_local.cluster.network import Network
from ingestion_local.control_plane import ControlPlane
from ingestion_local.processes import Process, free_ports

CONTROLLERS = ("kube-controller-manager", "kube-scheduler")


class ClusterControlPlane(ControlPlane):
    """A ControlPlane that also creates pods and ServiceAccounts, and deletes namespaces."""

    def __init__(self, directory: Path, tools: Mapping[str, Path], network: Network) -> None:
        super().__init__(directory, tools)
        self._network = network

    @property
    def authority(self) -> Path:
        """The certificate that signs the API server's certificate, as PEM."""
        return self.certificate

    def _network_arguments(self) -> list[str]:
        return [
            f"--advertise-address={self._network.machine}",
            f"--service-cluster-ip-range={self._network.services}",
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged=false",
        ]

    def _start(self) -> None:
        super()._start()
        self._start_controllers()

    def _start_controllers(self) -> None:
        manager_port, scheduler_port = free_ports(2)
        common = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1"]
        arguments = {
            "kube-controller-manager": [
                *common,
                f"--secure-port={manager_port}",
                f"--cert-dir={self.directory / 'controller-manager'}",
                f"--root-ca-file={self.authority}",
                f"--service-account-private-key-file={self._key}",
                "--use-service-account-credentials=false",
            ],
            "kube-scheduler": [
                *common,
                f"--secure-port={scheduler_port}",
                f"--cert-dir={self.directory / 'scheduler'}",
            ],
        }
        for name in CONTROLLERS:
            controller = Process.start(
                name,
                [self._tools[name], *arguments[name]],
                log=self.log_dir / f"{name}.log",
                env=self.environment(),
                death_signal=signal.SIGKILL,
            )
            self._started.callback(controller.stop)
