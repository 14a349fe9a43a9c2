"""A process that leaves nothing behind, even when it is killed.

The functions that the emulator runs are its children, and one that is busy does not notice that the emulator has
gone. Asking the kernel to end them with their parent would not do: it takes the end of the *thread* that started
them for that, and the emulator starts them from threads that end at once. So a small process watches over the group.
"""

from __future__ import annotations

import logging
import os
import signal

logger = logging.getLogger(__name__)


def end_group_with_this_process() -> None:
    """Fork a guard that ends (SIGKILL) what is left of this process's group once this process has ended.

    To be called before any thread is started. Without a group of its own, a process has nothing that is
    its own to end: then there is no guard, and a warning says so.
    """
    if os.getpgrp() != os.getpid():
        logger.warning("not the leader of a process group: functions that run when this is killed go on")
        return
    # Children that are executed do not inherit it, so it closes with this process, whoever else still runs.
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)
        return
    os.close(writing)
    _guard(reading)


def _guard(reading: int) -> None:
    """Wait for the other end to close, then end the group, and this process with it."""
    # A polite request to the group is for the process that is guarded; this one stays to see it obeyed.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.read(reading, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)
