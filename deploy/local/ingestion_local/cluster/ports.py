"""What the operator's pod and the tests need from a cluster. The one-node cluster and the kind cluster provide it."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ingestion_local.emulator import EmulatedAws
from ingestion_local.kubectl import Kubectl


class PodNode(Protocol):
    """The node on which the pods run. All pids are the node's own."""

    def pids(self, *words: str) -> list[int]:
        """The pids of the containers' processes whose command line has all of the words."""

    def pids_in_container(self, pid: int) -> list[int]:
        """The pids of all processes in the same container as this one."""

    def send(self, number: signal.Signals, pids: Iterable[int]) -> None:
        """Send a signal to the processes. A process that has ended is skipped."""

    def files(self, directory: str) -> Mapping[str, bytes]:
        """The content of each file below one of its directories, by its path in the directory."""


class PodCluster(Protocol):
    """One cluster whose pods run, and an emulated AWS that they reach."""

    @property
    def tools(self) -> Mapping[str, Path]:
        """The programs, kubectl and helm among them."""

    @property
    def control_plane(self) -> Kubectl:
        """How the administrator reaches the cluster."""

    @property
    def node(self) -> PodNode:
        """The only node."""

    @property
    def aws_endpoint(self) -> str:
        """URL of every AWS service, for pods."""

    @property
    def values(self) -> Mapping[str, Any]:
        """The chart's values for this cluster: the image, and the properties of its network."""

    def emulator(self, directory: Path) -> AbstractContextManager[EmulatedAws]:
        """The emulator, as this machine reaches it. Pods reach it at `aws_endpoint`. Its files here are under `directory`."""

    def volume(self, name: str) -> None:
        """Create a volume for the next claim, unless the cluster itself creates volumes for claims."""

    def drain(self) -> None:
        """Move every pod away from the node, as before its maintenance. No pod comes back until `uncordon`. AWS stays."""

    def uncordon(self) -> None:
        """Let pods run on the node again."""

    def name_services(self) -> None:
        """Tell DNS the present Services."""
