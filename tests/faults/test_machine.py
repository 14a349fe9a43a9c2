"""Faults of the machine under a real operator: a full disk, a paused CLI, and a second operator. `make faults` runs these."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.leftovers import left_of
from chaos.plan import Victim, Wanted
from chaos.rounds import spec_of
from chaos.victims import ProcessVictims
from e2e.world import copying
from faults.operations import operation_of
from faults.world import CLUSTER_ID, FaultyWorld
from ingestion_local.operator_process import OperatorProcess

NAME = "copy"
CHANGED = Wanted(512, table=False)


def test_a_full_disk_is_a_condition_and_the_pipeline_goes_on_once_there_is_room(faulty: FaultyWorld) -> None:
    state = faulty.operator.state_directory
    if not os.path.ismount(state):
        pytest.skip("a small file system cannot be mounted here: run it as root")
    faulty.world.apply(NAME, copying())
    faulty.wait_ready(NAME)

    with full(state):
        faulty.world.patch(NAME, {"spec": {"processor": {"memoryMiB": CHANGED.memory_mib}}})
        faulty.wait_for_words(NAME, ["no space left on device"], is_over=lambda: False)

    faulty.wait_ready(NAME)
    assert faulty.world.function(NAME)["MemorySize"] == CHANGED.memory_mib
    assert "Traceback" not in faulty.operator.output()


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """Leave no free block in a file system until the block ends."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


def test_a_paused_cli_holds_up_only_its_own_pipeline(faulty: FaultyWorld) -> None:
    victims = ProcessVictims(faulty.operator)
    faulty.world.apply(NAME, copying())
    faulty.wait_ready(NAME)
    faulty.world.patch(NAME, {"spec": {"processor": {"memoryMiB": CHANGED.memory_mib}}})
    paused = faulty.world.wait("a CLI", lambda: victims.pids(Victim.CLI))
    try:
        for pid in paused:
            os.kill(pid, signal.SIGSTOP)
        faulty.world.apply("other", copying())
        faulty.wait_ready("other")
        assert not faulty.is_ready(NAME)
    finally:
        for pid in paused:
            os.kill(pid, signal.SIGCONT)
    faulty.wait_ready(NAME)


def test_two_operators_on_one_object_make_everything_once(faulty: FaultyWorld, tmp_path: Path) -> None:
    """As while a Deployment is rolled out without care: both see each change at the same moment."""
    with second_operator(faulty, tmp_path):
        faulty.world.apply(NAME, spec_of(Wanted(128, table=False)))
        faulty.wait_ready(NAME)
        faulty.world.apply(NAME, spec_of(CHANGED))
        faulty.wait_ready(NAME)
        assert calls(faulty, "CreateFunction") == 1
        assert calls(faulty, "DeleteFunction") == 0
        assert faulty.world.function(NAME)["MemorySize"] == CHANGED.memory_mib
        faulty.world.delete(NAME)
        faulty.wait_gone(NAME)
    assert left_of(faulty.world, NAME, CLUSTER_ID) == []


@contextmanager
def second_operator(faulty: FaultyWorld, directory: Path) -> Iterator[OperatorProcess]:
    """An operator with the same identity, state and settings, behind the same proxies."""
    environment = faulty.operator.environment()
    shared = ("INGESTION_BACKEND_URL", "INGESTION_PASSPHRASE_FILE")
    aws = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    second = OperatorProcess(
        directory / "second",
        kubeconfig=Path(environment["KUBECONFIG"]),
        pulumi=Path(environment["INGESTION_PULUMI"]),
        aws=aws,
        settings={**faulty.operator.settings, **{name: environment[name] for name in shared}},
    )
    with second:
        yield second


def calls(faulty: FaultyWorld, operation: str) -> int:
    """How often this was asked of AWS since the test began."""
    return sum(operation_of(request).name == operation for request in faulty.aws.rules.seen)
