"""The server that forks the stand-in for the AWS plugin, as a process. Who starts many updates starts it first."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from uuid import uuid4

from ingestion_local.emulator import local_environment
from ingestion_local.lifecycle import Startable
from ingestion_local.processes import Process
from ingestion_local.provider.launcher import MODULE, SERVE, SERVER, address_of


class PluginServer(Startable):
    """One server. Launchers with its `environment` use it once it listens; earlier ones start without it."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self._log = log
        self._process: Process | None = None
        # It has no other protection than the user's id, but nobody meets it by chance.
        self._name = f"ingestion-stand-in-{uuid4().hex}"

    @property
    def process(self) -> Process:
        """The running server. Raises RuntimeError before `start`."""
        if self._process is None:
            raise RuntimeError("the server is not started")
        return self._process

    @property
    def listens(self) -> bool:
        """Whether launchers use it now."""
        return listens(self._name)

    @property
    def environment(self) -> dict[str, str]:
        """What a launcher's environment must have."""
        return {SERVER: self._name}

    def _start(self) -> None:
        command = [sys.executable, "-I", "-m", MODULE, SERVE, self._name]
        self._process = Process.start("plugin-server", command, log=self._log, env=local_environment())
        self._started.callback(self._process.stop)


def listens(name: str) -> bool:
    """Whether the server with this name takes connections."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        return probe.connect_ex(address_of(name)) == 0
