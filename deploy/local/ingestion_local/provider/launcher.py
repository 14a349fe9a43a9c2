"""What the CLI starts. It lets a server fork the plugin, if there is one, and otherwise becomes the plugin itself.

Most of the processor time of a plugin goes to its imports. The server (`fork_server`) has imported everything. The launcher gives
it its own standard streams, environment and directory, passes signals on, and ends with the plugin's exit code. The plugin ends
when the launcher ends, however that happens.

It imports only the standard library, and little of it, because it starts at every update.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

SERVER = "INGESTION_STAND_IN_SERVER"
"""The variable with the name of the server's socket. It is an abstract one: see unix(7)."""
SERVE = "--serve"
STREAMS = (0, 1, 2)
MODULE = "ingestion_local.provider"


def address_of(name: str) -> str:
    """The address of the abstract socket with this name."""
    return f"\0{name}"


def hand_over(name: str, version: str) -> socket.socket:
    """Let the server fork a plugin that takes the place of this process. Raises OSError without a server."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.connect(address_of(name))
    asked = {"version": version, "environment": dict(os.environ), "directory": os.getcwd()}  # noqa: PTH109 - `pathlib` is slow
    socket.send_fds(server, [json.dumps(asked).encode()], STREAMS)
    return server


def exit_code(server: socket.socket) -> int:
    """Wait for the end of the plugin, and return its exit code: 1 if it was killed."""

    def pass_on(number: int, _: FrameType | None) -> None:
        server.send(bytes([number]))

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    ended = server.recv(1)
    return ended[0] if ended else 1


def launch(name: str, version: str, alone: Sequence[str], *, start_server: bool = False) -> NoReturn:
    """Be the plugin by way of the server with this name; without one, by the command `alone` with the version as its argument.

    With `start_server` the command also starts the server, for the launchers to come.
    """
    try:
        server = hand_over(name, version)
    except OSError:
        if start_server and name:
            detach([*alone, SERVE, name])
        os.execv(alone[0], [*alone, version])  # noqa: S606 - no shell is wanted
    sys.exit(exit_code(server))


def detach(command: Sequence[str]) -> None:
    """Start a process that has no tie to this one: the CLI ends the children of a plugin with it."""
    if (between := os.fork()) == 0:
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
        streams = [null, *((os.POSIX_SPAWN_DUP2, 0, number) for number in STREAMS[1:])]
        os.posix_spawn(command[0], list(command), os.environ, setsid=True, file_actions=streams)
        os._exit(0)
    os.waitpid(between, 0)


if __name__ == "__main__":
    launch(os.environ.get(SERVER, ""), sys.argv[1], [sys.executable, "-I", "-m", MODULE])
