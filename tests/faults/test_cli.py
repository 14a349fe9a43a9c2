"""A CLI that hangs or is paused: it is asked to stop, then killed, and its operation ends in time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from ingestion_operator.adapters.pulumi.command import OneCommand, Processes
from ingestion_operator.errors import UpdateTimedOut

TIMEOUT_SECONDS = 0.5
GRACE_SECONDS = 0.2
# The timeout, two pauses, and what a busy machine adds.
LONGEST_SECONDS = 20.0

HANGS = """
import signal, threading
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
threading.Event().wait(300)
"""
IS_PAUSED = """
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
"""
HANGS_WITH_A_PLUGIN = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {HANGS!r}], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
{HANGS}
"""


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(HANGS, id="hangs"),
        pytest.param(IS_PAUSED, id="is paused"),
        pytest.param(HANGS_WITH_A_PLUGIN, id="hangs with its plugin"),
    ],
)
def test_a_cli_that_does_not_stop_is_killed_with_its_plugins(
    behaviour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion_operator.adapters.pulumi.command.GRACE_SECONDS", GRACE_SECONDS)
    binary = tmp_path / "pulumi"
    binary.write_text(f"#!{sys.executable}\n{behaviour}")
    binary.chmod(0o755)
    processes = Processes()
    began = time.monotonic()

    with pytest.raises(UpdateTimedOut, match=r"interrupted after 0.5 s"):
        OneCommand(binary, "3.255.0", processes, TIMEOUT_SECONDS).run(["up"], str(tmp_path), {})

    assert time.monotonic() - began < LONGEST_SECONDS
    assert processes.counts() == (0, 1)
    assert [child for child in psutil.Process().children(recursive=True) if str(binary) in child.cmdline()] == []
