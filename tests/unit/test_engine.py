"""The engine adapter's pure parts: events, failures, locks, and one CLI process with a deadline."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pulumi import automation
from pulumi.automation.events import EngineEvent

from ingestion_local.processes import wait_until
from ingestion_operator.adapters.pulumi.command import OneCommand, Processes
from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.failures import classify, translate
from ingestion_operator.adapters.pulumi.locks import held_by_the_dead, process_mark
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    Interrupted,
    LockHeld,
    PipelineError,
    StateUnreadable,
    UpdateFailed,
    UpdateTimedOut,
)
from ingestion_operator.ports.engine import Progress


def step(op: str, name: str, kind: str = "aws:iam/role:Role") -> EngineEvent:
    state = {
        "type": kind,
        "urn": f"urn::{name}",
        "id": f"{name}-id",
        "parent": "",
        "provider": "",
        "inputs": {},
        "outputs": {"arn": f"arn:{name}"},
    }
    metadata = {
        "op": op,
        "urn": f"urn:pulumi:s::p::{kind}::{name}",
        "type": kind,
        "provider": "",
        "new": None if op == "delete" else state,
        "old": state,
    }
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "resOutputsEvent": {"metadata": metadata}})


def diagnostic(message: str, urn: str = "") -> EngineEvent:
    event = {"message": message, "color": "never", "severity": "error", "urn": urn}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": event})


def test_events_become_counts_resources_and_progress() -> None:
    progress: list[Progress] = []
    collector = EventCollector(3, progress.append)
    for event in (step("create", "a"), step("same", "b"), step("update", "c"), step("delete", "d")):
        collector(event)

    result = collector.result(1)

    assert result.changes.model_dump() == {"create": 1, "update": 1, "delete": 1, "same": 1}
    assert [(r.name, r.id, r.arn) for r in result.resources] == [(n, f"{n}-id", f"arn:{n}") for n in "abc"]
    assert result.changed == ("a", "c", "d")
    assert [str(p) for p in progress] == ["1/3", "2/3", "3/3", "3/3"]


@pytest.mark.parametrize("order", [("delete", "create"), ("create", "delete")], ids=str)
def test_a_replacement_is_a_creation(order: tuple[str, ...]) -> None:
    collector = EventCollector(1, lambda _: None)
    for op in order:
        collector(step(op, "a"))
    assert collector.result(1).changes.create == 1


def test_stack_provider_and_reads_are_no_resources() -> None:
    collector = EventCollector(1, lambda _: None)
    collector(step("create", "stack", "pulumi:pulumi:Stack"))
    collector(step("refresh", "a"))
    assert collector.result(1).resources == ()


def test_errors_name_their_resource_and_are_said_once() -> None:
    collector = EventCollector(1, lambda _: None)
    for _ in range(2):
        collector(diagnostic("<{%reset%}>creating IAM Role: AccessDenied<{%reset%}>", "urn:pulumi:s::p::t::role"))
    collector(diagnostic("update failed"))
    assert collector.errors() == ("role: creating IAM Role: AccessDenied",)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("role: creating IAM Role: operation error CreateRole, 403, AccessDenied: no", AccessDenied),
        ("User: x is not authorized to perform: iam:CreateRole", AccessDenied),
        ("source-bucket: creating S3 Bucket (b): BucketAlreadyExists: taken", BucketNameTaken),
        ("error: incorrect passphrase", StateUnreadable),
        ("function: The role defined for the function cannot be assumed by Lambda.", UpdateFailed),
        ("error: Cannot assume IAM Role. IAM Role (arn) cannot be assumed: expired", AccessDenied),
        ("role: AWS account ID not allowed: 123456789012", AccessDenied),
        ("Throttling: Rate exceeded", UpdateFailed),
    ],
)
def test_a_message_tells_what_kind_of_failure_it_is(message: str, kind: type[PipelineError]) -> None:
    assert type(classify((message,))) is kind


def test_a_role_that_is_not_to_be_had_is_a_matter_of_its_account() -> None:
    refused = "User: arn is not authorized to perform: sts:AssumeRole on resource: arn"
    assert str(classify((refused,))).endswith("the condition of the AWSAccount says what its role needs")


@pytest.mark.parametrize(
    "message",
    [
        "could not list bucket: blob (code=NotFound): operation error S3: ListObjectsV2, 404, NoSuchBucket: none",
        "secrets (code=NotFound): operation error KMS: Decrypt, NotFoundException: Key does not exist",
        "unable to open bucket file:///nowhere?no_tmp_dir=true: stat /nowhere: no such file or directory",
    ],
)
def test_a_backend_or_a_key_that_is_gone_is_unreadable_state(message: str) -> None:
    assert type(classify((message,))) is StateUnreadable


@pytest.mark.parametrize(
    "message",
    [
        "source-bucket: https response error StatusCode: 403, RequestTimeTooSkewed: The difference is too large",
        "role: 403, SignatureDoesNotMatch: Signature expired: 20260101T000000Z is now earlier than 20260102T000000Z",
        "rule: 400, InvalidSignatureException: Signature not yet current: 20260103T000000Z is still later than now",
    ],
)
def test_a_wrong_clock_is_named_and_passes(message: str) -> None:
    error = classify((message,))
    assert type(error) is UpdateFailed
    assert "Correct the clock" in str(error)


def test_many_messages_are_cut() -> None:
    assert str(classify(("a", "b", "c", "d", "e"))) == "a; b; c; and 2 more"


def result(stderr: str) -> automation.CommandResult:
    return automation.CommandResult(stdout="", stderr=stderr, code=255)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (automation.ConcurrentUpdateError(result("created by root@h (pid 1) at 2026")), LockHeld),
        (automation.StackNotFoundError(result("no stack named")), StateUnreadable),
        (automation.CommandError(result("error: something")), UpdateFailed),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_automation_apis_errors_are_translated(error: Exception, kind: type[PipelineError]) -> None:
    with pytest.raises(kind), translate(EventCollector(0, lambda _: None)):
        raise error


HOST = socket.gethostname()


def ended_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lock_is_broken_only_if_its_holder_is_provably_gone() -> None:
    gone, alive = ended_pid(), os.getpid()
    assert held_by_the_dead(f"created by root@{HOST} (pid {gone}) at x")
    assert held_by_the_dead(f"created by root@{HOST} (pid {alive}) at x"), "a pid that is no pulumi was given away"
    assert not held_by_the_dead(f"created by root@elsewhere (pid {gone}) at x")
    assert not held_by_the_dead(f"created by root@{HOST} (pid {gone}) at x\ncreated by root@elsewhere (pid 1) at x")
    assert not held_by_the_dead("something else")
    assert not held_by_the_dead(f"created by root@{HOST} (pid {gone}) at x\ncreated by @ (pid 0) at y"), "whose is it?"


def test_a_lock_of_a_host_that_has_departed_is_broken_whatever_its_process() -> None:
    lock = f"created by root@pod-1 (pid {os.getpid()}) at x"
    assert held_by_the_dead(lock, host="pod-2", shared=True, departed=["pod-1"])
    assert held_by_the_dead(lock, host="localhost", shared=True, departed=["pod-1"])
    assert not held_by_the_dead(lock, host="pod-2", shared=True, departed=["pod-3"])
    assert not held_by_the_dead(f"{lock}\ncreated by me@laptop (pid 1) at x", host="pod-2", departed=["pod-1"])


def test_on_a_state_that_hosts_share_a_host_without_a_name_is_never_taken_for_this_one() -> None:
    gone = ended_pid()
    for name in ("localhost", "localhost.localdomain"):
        lock = f"created by root@{name} (pid {gone}) at x"
        assert held_by_the_dead(lock, host=name)
        assert not held_by_the_dead(lock, host=name, shared=True)
    assert held_by_the_dead(f"created by root@pod-1 (pid {gone}) at x", host="pod-1", shared=True)
    assert not held_by_the_dead(f"created by root@pod-2 (pid {gone}) at x", host="pod-1", shared=True)


def test_a_running_cli_that_nobody_orphaned_keeps_its_lock(tmp_path: Path) -> None:
    fake = tmp_path / "pulumi"
    fake.write_bytes(Path("/bin/sleep").read_bytes())
    fake.chmod(0o755)
    mark = {"INGESTION_OPERATOR_PROCESS": process_mark(os.getpid())}
    process = subprocess.Popen([fake, "60"], env=mark)
    try:
        assert not held_by_the_dead(f"created by root@{HOST} (pid {process.pid}) at x")
    finally:
        process.kill()
        process.wait()


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pulumi"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def test_a_command_that_takes_too_long_is_interrupted_and_may_finish(tmp_path: Path) -> None:
    binary = script(
        tmp_path,
        "import pathlib, signal, sys, threading\n"
        "done = threading.Event()\n"
        f"signal.signal(signal.SIGINT, lambda *_: (pathlib.Path({str(tmp_path)!r}, 'state').write_text('kept'), done.set()))\n"
        "done.wait(60)\n",
    )
    command = OneCommand(binary, "3.255.0", Processes(), 1.0)
    with pytest.raises(UpdateTimedOut, match=r"interrupted after 1 s"):
        command.run(["up"], str(tmp_path), {})
    assert (tmp_path / "state").read_text() == "kept"


def test_a_command_gets_its_arguments_and_its_environment_and_nothing_secret_in_argv(tmp_path: Path) -> None:
    binary = script(
        tmp_path, "import os, sys\nprint(sys.argv[1:], os.environ['MARK'], os.environ['INGESTION_OPERATOR_PROCESS'])\n"
    )
    command = OneCommand(binary, "3.255.0", Processes(), 10.0, ["--remove"])
    found = command.run(["destroy"], str(tmp_path), {"MARK": "x"})
    assert found.stdout.startswith("['--non-interactive', 'destroy', '--remove'] x " + process_mark(os.getpid()))
    assert command.count == 1


# It counts the SIGINTs that it gets, and ends at the first one, with an error.
COUNTS_SIGNALS = """
import pathlib, signal, sys, time
here = pathlib.Path(sys.argv[0]).parent
end = []
def got(*_):
    with (here / "signals").open("a") as file:
        file.write("SIGINT ")
    end.append(time.monotonic() + 0.5)
signal.signal(signal.SIGINT, got)
(here / "begun").touch()
while not end or time.monotonic() < end[0]:
    time.sleep(0.01)
sys.exit(1)
"""


def test_a_stop_reaches_the_command_at_once_and_only_once_and_is_no_failure_of_the_pipeline(tmp_path: Path) -> None:
    processes = Processes()
    command = OneCommand(script(tmp_path, COUNTS_SIGNALS), "3.255.0", processes, 600.0)
    caught: list[BaseException] = []

    def work() -> None:
        try:
            command.run(["up"], str(tmp_path), {})
        except Interrupted as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until("the command", (tmp_path / "begun").exists, timeout_seconds=30, interval_seconds=0.01)
    processes.interrupt_all()
    processes.interrupt_all()
    thread.join(30)
    assert [str(error) for error in caught] == ["interrupted, because the operator stops"]
    assert (tmp_path / "signals").read_text() == "SIGINT "


def test_the_logger_of_the_event_loop_is_not_left_silent(tmp_path: Path) -> None:
    logger, processes = logging.getLogger("asyncio"), Processes()
    before = logger.level
    logger.setLevel(logging.CRITICAL)  # as the Automation API does when a program begins
    OneCommand(script(tmp_path, ""), "3.255.0", processes, 600.0).run(["up"], str(tmp_path), {})
    assert logger.level == before


def test_no_command_begins_after_the_stop(tmp_path: Path) -> None:
    processes = Processes()
    processes.interrupt_all()
    command = OneCommand(script(tmp_path, COUNTS_SIGNALS), "3.255.0", processes, 600.0)
    with pytest.raises(Interrupted, match="not begun"):
        command.run(["up"], str(tmp_path), {})
    assert processes.counts() == (0, 0)
    assert not (tmp_path / "begun").exists()


def test_a_command_that_ends_well_although_the_operator_stops_has_ended_well(tmp_path: Path) -> None:
    processes = Processes()
    text = COUNTS_SIGNALS.replace("sys.exit(1)", "print('done')")
    command = OneCommand(script(tmp_path, text), "3.255.0", processes, 600.0)

    def stop() -> None:
        wait_until("the command", (tmp_path / "begun").exists, timeout_seconds=30, interval_seconds=0.01)
        processes.interrupt_all()

    threading.Thread(target=stop).start()
    assert command.run(["up"], str(tmp_path), {}).stdout == "done"
