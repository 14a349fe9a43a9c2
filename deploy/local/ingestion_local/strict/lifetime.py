"""A guard that ends the process group of the emulator, even when the emulator is killed.

The emulator runs functions as child processes, and a busy function does not notice that the emulator has ended. The kernel
cannot end them with their parent. For the kernel, a parent ends when the *thread* that started the child ends, and the emulator
starts functions from short threads. So a small guard process watches the group.
"""

from __future__ import annotations

import logging
import os
import signal

logger = logging.getLogger(__name__)


def end_group_with_this_process() -> None:
    """Fork a guard that kills the rest of this process's group as soon as this process has ended.

    Call this before any thread starts. A process that does not lead a group has no group that the guard may kill. Then there
    is no guard, and a warning says so.
    """
    if os.getpgrp() != os.getpid():
        logger.warning("this process does not lead a process group: if it is killed, running functions go on")
        return
    # Executed children do not inherit the pipe. So it closes with this process, even if a child still runs.
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)
        return
    os.close(writing)
    _guard(reading)


def _guard(reading: int) -> None:
    """Wait until the other end closes. Then kill the group, including this guard."""
    # SIGTERM to the group is meant for the guarded process. The guard stays until that process has ended.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.read(reading, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)
