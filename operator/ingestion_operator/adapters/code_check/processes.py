"""Runs one command in limits of CPU time, memory, output and time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Several times the CPU time that a command may take: a command that ends by this limit waited for the machine.
WALL_SECONDS = 10.0
LAUNCHER = Path(__file__).with_name("in_limits.py")
# Nothing of the operator's environment: no credentials. Ruff starts one thread for each core otherwise.
ENVIRONMENT = {"RAYON_NUM_THREADS": "1"}


class NoTime(Exception):
    """The machine was too busy to run the command in time."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and the beginning of what it wrote."""

    status: int
    """The exit status; negative for the number of a signal."""
    output: bytes


def run_limited(command: Sequence[str], output: Path) -> Ended:
    """Run a command in limits (see `in_limits`), with its output in this file. Raises NoTime."""
    with output.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), *command],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.DEVNULL,
            cwd=output.parent,
            env=ENVIRONMENT,
            start_new_session=True,
        )
        try:
            status = process.wait(WALL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NoTime from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return Ended(status, output.read_bytes())
