"""Child processes end with their parent and their group, and a record finds exactly the recorded process."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion_local.processes import (
    LocalEnvironmentError,
    Process,
    ProcessRecord,
    free_ports,
    has_ended,
    recorded_processes,
    wait_until,
)

SLEEPER = ("/bin/sleep", "600")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    process = Process.start("sleeper", SLEEPER, log=tmp_path / "sleeper.log", env={}, outlive_parent=True)
    yield process
    process.stop()


def test_stop_ends_the_children_of_the_process_too(tmp_path: Path) -> None:
    log = tmp_path / "family.log"
    process = Process.start("family", ["/bin/sh", "-c", "sleep 600 & echo $!; wait"], log=log, env=os.environ)
    child = int(wait_until("the child's pid", lambda: process.log_tail().strip(), timeout_seconds=10))
    process.stop()
    assert has_ended(process.pid)
    assert has_ended(child)


def test_a_process_that_ignores_sigterm_is_killed_after_the_time(tmp_path: Path) -> None:
    process = Process.start(
        "stubborn",
        ["/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 600; done"],
        log=tmp_path / "log",
        env=os.environ,
    )
    wait_until("the trap", process.log_tail, timeout_seconds=10)
    process.stop(timeout_seconds=0.1)
    assert process.popen.returncode == -signal.SIGKILL


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import signal, sys, pathlib; from ingestion_local.processes import Process\n"
        f"child = Process.start('child', {SLEEPER!r}, log=pathlib.Path(sys.argv[1]), env={{}})\n"
        "print(child.pid, flush=True)\n"
        "signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "child.log")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    wait_until("the child's end", lambda: has_ended(child), timeout_seconds=10)


def test_a_child_started_from_a_thread_lives_on_when_the_thread_ends(tmp_path: Path) -> None:
    started: list[Process] = []

    def start() -> None:
        started.append(Process.start("child", SLEEPER, log=tmp_path / "child.log", env={}))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    # This child starts later. A signal for the end of the thread would have arrived before it.
    later = Process.start("later", ["/bin/echo", "here"], log=tmp_path / "later.log", env={})
    wait_until("the later child", later.log_tail, timeout_seconds=10)
    try:
        assert started[0].running
    finally:
        started[0].stop()
        later.stop()


def test_a_process_that_outlives_its_parent_is_found_and_ended_by_its_record(sleeper: Process, tmp_path: Path) -> None:
    (record,) = recorded_processes(tmp_path)
    assert (record.name, record.pid, record.running) == ("sleeper", sleeper.pid, True)
    record.stop()
    assert not record.running
    assert not sleeper.running
    assert recorded_processes(tmp_path) == []


def test_a_process_that_was_given_a_recorded_pid_later_is_left_alone(sleeper: Process) -> None:
    stale = dataclasses.replace(ProcessRecord.of(sleeper), started="an-earlier-boot:1")
    assert not stale.running
    stale.stop()
    assert sleeper.running


def test_free_ports_are_all_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_waiting_for_a_process_that_ended_says_what_it_wrote(tmp_path: Path) -> None:
    process = Process.start("liar", ["/bin/echo", "no luck"], log=tmp_path / "liar.log", env={})
    with pytest.raises(LocalEnvironmentError, match=r"liar ended with code 0 while waiting for luck(.|\n)*no luck"):
        wait_until("luck", lambda: False, timeout_seconds=10, process=process)
