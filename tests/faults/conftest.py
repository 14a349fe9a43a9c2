"""One operator behind two proxies, with a control plane of its own: no other operator may work on these pipelines."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.world import World
from faults.proxy import Proxy
from faults.world import FaultyWorld, faulty_operator
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import EmulatedAws
from ingestion_local.environment import install_into, operator_identity
from ingestion_local.operator_process import OperatorProcess

# These take minutes: `make faults` runs them.
ALL = os.environ.get("FAULTS") == "all"
collect_ignore = [] if ALL else ["test_machine.py", "test_leaks.py"]
STATE_BYTES = 64 * 1024 * 1024
Behind = tuple[OperatorProcess, Proxy, Proxy]


@pytest.fixture(scope="package")
def plane(workdir: Path, tools: Mapping[str, Path]) -> Iterator[ControlPlane]:
    with ControlPlane(workdir / "faults-plane", tools) as running:
        install_into(running)
        yield running


@contextmanager
def small_file_system(directory: Path) -> Iterator[None]:
    """Mount a file system of a few megabytes, so that a test can fill it. Nothing happens without the right, or without need."""
    mount = ("mount", "-t", "tmpfs", "-o", f"size={STATE_BYTES}", "tmpfs", str(directory))
    if not ALL or os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield
        return
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", str(directory)), check=True)


@pytest.fixture(scope="package")
def behind_proxies(
    workdir: Path, tools: Mapping[str, Path], plane: ControlPlane, emulator: EmulatedAws
) -> Iterator[Behind]:
    directory = workdir / "faults"
    state = directory / "operator" / "state"
    state.mkdir(parents=True)
    identity = operator_identity(emulator, name="faults")
    with small_file_system(state), faulty_operator(directory, plane, emulator, identity, tools["pulumi"]) as running:
        yield running


@pytest.fixture
def faulty(
    request: pytest.FixtureRequest, plane: ControlPlane, emulator: EmulatedAws, behind_proxies: Behind
) -> Iterator[FaultyWorld]:
    operator, aws, api = behind_proxies
    world = World(plane, emulator, operator)
    world.new_namespace(request.node.name)
    found = FaultyWorld(world, aws, api, operator)
    found.mend()
    yield found
    found.mend()
    world.clean_up()
