"""The processes that can be killed, of an operator that is a process of this machine or a pod."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from chaos.plan import Victim
from e2e.world import Operator
from ingestion_local.cluster.operator_pod import OperatorPod
from ingestion_local.operator_process import OperatorProcess

# Words of the command lines of the CLI and of the stand-in for the AWS plugin.
WORDS = {Victim.CLI: ("--non-interactive",), Victim.PROVIDER: ("-I", "ingestion_local.provider")}
# deploy/kind/pulumi-resource-aws is a script, which Python runs by its path.
WORDS_IN_A_POD = {Victim.CLI: ("--non-interactive",), Victim.PROVIDER: ("/opt/ingestion-operator/bin/python", "-I")}


class Victims(Protocol):
    """What a run kills, apart from the operator."""

    def pids(self, victim: Victim) -> list[int]:
        """The pids of the processes that run now."""

    def kill(self, victim: Victim) -> int:
        """Send SIGKILL to all of them, and return how many there were."""


class ProcessVictims:
    """Processes of this machine that work on the state of one operator, also after that operator has ended."""

    def __init__(self, operator: OperatorProcess) -> None:
        # The operator gives each CLI this variable, and the CLI passes it on to the provider.
        self._mark = f"PULUMI_BACKEND_URL=file://{operator.state_directory}".encode()

    def pids(self, victim: Victim) -> list[int]:
        return [pid for pid in _all_pids() if self._is_one(pid, WORDS[victim])]

    def kill(self, victim: Victim) -> int:
        pids = self.pids(victim)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    def _is_one(self, pid: int, words: tuple[str, ...]) -> bool:
        if not {word.encode() for word in words} <= set(_entries(pid, "cmdline")):
            return False
        return any(entry.startswith(self._mark) for entry in _entries(pid, "environ"))


class PodVictims:
    """Processes of the node's containers."""

    def __init__(self, operator: OperatorPod) -> None:
        self._node = operator.cluster.node

    def pids(self, victim: Victim) -> list[int]:
        return self._node.pids(*WORDS_IN_A_POD[victim])

    def kill(self, victim: Victim) -> int:
        pids = self.pids(victim)
        self._node.send(signal.SIGKILL, pids)
        return len(pids)


def victims_of(operator: Operator) -> Victims:
    """The processes that work for this operator."""
    if isinstance(operator, OperatorPod):
        return PodVictims(operator)
    assert isinstance(operator, OperatorProcess)
    return ProcessVictims(operator)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _entries(pid: int, file: str) -> list[bytes]:
    """The strings of `/proc/<pid>/<file>`; none if the process has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().split(b"\0")
    except OSError:
        return []
