"""What the operator's pod and the tests need of a cluster, whether it is the one-node cluster or one of kind."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ingestion_local.emulator import EmulatedAws
from ingestion_local.kubectl import Kubectl


class PodNode(Protocol):
    """The node on which the pods are. All pids are as it counts them."""

    def pids(self, *words: str) -> list[int]:
        """The pids of the containers' processes whose command line has all of the words."""

    def pids_in_container(self, pid: int) -> list[int]:
        """The pids of all processes of the container in which this one is."""

    def send(self, number: signal.Signals, pids: Iterable[int]) -> None:
        """Send the processes a signal. One that has ended is passed over."""

    def files(self, directory: str) -> Mapping[str, bytes]:
        """What each file below one of its directories says, by the path there."""


class PodCluster(Protocol):
    """One cluster whose pods run, and an AWS that they reach."""

    @property
    def tools(self) -> Mapping[str, Path]:
        """The programs, kubectl and helm among them."""

    @property
    def control_plane(self) -> Kubectl:
        """How the administrator reaches it."""

    @property
    def node(self) -> PodNode:
        """The only one."""

    @property
    def aws_endpoint(self) -> str:
        """URL of every AWS service, for pods."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Values of the chart that this cluster takes: the image, and what its network is like."""

    def emulator(self, directory: Path) -> AbstractContextManager[EmulatedAws]:
        """The emulator that pods reach at `aws_endpoint`, as this machine reaches it. What it writes here is under `directory`."""

    def volume(self, name: str) -> None:
        """See that there is a volume for the next claim, if claims do not have theirs made."""

    def drain(self) -> None:
        """Have every pod leave the node, as before its maintenance: none comes back until `uncordon`. AWS stays."""

    def uncordon(self) -> None:
        """Let pods come to the node again."""

    def name_services(self) -> None:
        """Let DNS know the Services that there are now."""
