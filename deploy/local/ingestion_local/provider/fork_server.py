"""A server that has imported everything, and forks a plugin for each launcher that connects to its socket.

It has one thread, and has made no connection and no gRPC object, so a fork of it is sound.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import struct
import sys
import threading
import traceback
from typing import NoReturn

from ingestion_local.provider import plugin
from ingestion_local.provider.launcher import STREAMS, address_of

BACKLOG = 64
LONGEST_REQUEST_BYTES = 1 << 20
PEER = struct.Struct("3i")


def run(name: str) -> None:
    """Serve until it is ended. Raises OSError when there is such a server already."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address_of(name))
        _prepare()
        # Until now nobody could connect, and launchers became plugins themselves.
        listener.listen(BACKLOG)
        while True:
            launcher, _ = listener.accept()
            with launcher:
                if _is_ours(launcher) and os.fork() == 0:
                    listener.close()
                    _be_the_plugin(launcher)


def _prepare() -> None:
    """Do once what each plugin would do at its start."""
    plugin.load()
    from ingestion_local.provider.catalogue import SERVICES
    from ingestion_local.provider.clients import read_descriptions

    read_descriptions(SERVICES)
    # The kernel reaps the plugins.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Otherwise the first collection in a plugin would copy the memory that it shares with this process.
    gc.freeze()


def _is_ours(launcher: socket.socket) -> bool:
    """Whether the launcher runs as this user. Anybody on the machine may connect to an abstract socket."""
    user: int
    _, user, _ = PEER.unpack(launcher.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return user == os.getuid()


def _be_the_plugin(launcher: socket.socket) -> NoReturn:
    """Take the launcher's place, serve, and tell it the exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        version = _take_over(launcher)
        threading.Thread(target=_follow, args=(launcher,), daemon=True, name="launcher").start()
        plugin.serve(version)
        code = 0
    except BaseException:  # noqa: BLE001 - the fork must end here
        traceback.print_exc()
    sys.stdout.flush()
    launcher.send(bytes([code]))
    os._exit(code)


def _take_over(launcher: socket.socket) -> str:
    """Take over the streams, the environment and the directory, and return the plugin's version."""
    request, streams, _, _ = socket.recv_fds(launcher, LONGEST_REQUEST_BYTES, len(STREAMS))
    if not request:  # somebody looked whether the server listens
        os._exit(0)
    for theirs, own in zip(streams, STREAMS, strict=True):
        os.dup2(theirs, own)
        os.close(theirs)
    asked = json.loads(request)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["directory"])
    version: str = asked["version"]
    return version


def _follow(launcher: socket.socket) -> None:
    """Do to this process what happens to the launcher."""
    while number := launcher.recv(1):
        os.kill(os.getpid(), number[0])
    os.kill(os.getpid(), signal.SIGKILL)
