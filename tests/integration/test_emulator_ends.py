"""When the emulator ends, its functions and their child processes end too, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from ingestion_local.emulator import Emulator
from ingestion_local.processes import has_ended, wait_until
from integration.delivery_account import DeliveryAccount, answer_of

LONG_SECONDS = 900


# This function never ends, and neither does a process that it starts.
BUSY = """
import boto3, os, subprocess, sys, threading
def handler(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    pids = str(os.getpid()) + " " + str(child.pid)
    boto3.client("s3").put_object(Bucket=bucket, Key="answer/" + key, Body=pids.encode())
    threading.Event().wait()
"""


# This program starts an emulator and waits for an answer that never comes. Then the test kills it.
CALLER = """
import json, sys
from pathlib import Path
from ingestion_local.emulator import Emulator
from integration.test_emulator_ends import busy_function
emulator = Emulator(Path(sys.argv[1]))
emulator.start()
pids = busy_function(emulator, "orphan")
print(emulator.process.pid, *pids, flush=True)
event = {"detail": {"bucket": {"name": "orphan"}, "object": {"key": "raw/second"}}}
emulator.client("lambda").invoke(FunctionName="orphan-busy", Payload=json.dumps(event))
"""


def busy_function(emulator: Emulator, name: str) -> list[int]:
    """The pids of a function that never ends: its own process and one that it started."""
    account = DeliveryAccount(emulator, name)
    function = account.function("busy", BUSY)
    account.functions.update_function_configuration(FunctionName=function, Timeout=LONG_SECONDS)
    account.connect(function)
    account.put("raw/first")
    pids = [int(word) for word in answer_of(account, "raw/first").split()]
    assert len(pids) == 2
    return pids


def test_a_killed_emulator_leaves_no_function_and_nothing_that_a_function_started(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    emulator.start()
    pids = busy_function(emulator, "killed")
    assert not any(has_ended(pid) for pid in pids)

    emulator.process.kill()

    wait_until("the end of the function", lambda: all(has_ended(pid) for pid in pids), timeout_seconds=10)
    emulator.stop()


def test_a_stopped_emulator_leaves_no_busy_function(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        pids = busy_function(emulator, "stopped")
    assert all(has_ended(pid) for pid in pids)


def test_an_emulator_ends_with_its_killed_parent_however_busy_it_is(tmp_path: Path) -> None:
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(tmp_path)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert caller.stdout is not None
    with caller.stdout:
        pids = [int(word) for word in caller.stdout.readline().split()]
    assert len(pids) == 3
    emulator = psutil.Process(pids[0])
    # The guard, and two functions with a process each.
    wait_until("the second call", lambda: len(emulator.children(recursive=True)) >= 5, timeout_seconds=30)

    caller.kill()
    caller.wait()

    wait_until("the end of all", lambda: all(has_ended(pid) for pid in pids), timeout_seconds=10)
