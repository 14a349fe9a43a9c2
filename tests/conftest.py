"""Fixtures that every level shares: the tools, one real control plane and one AWS emulator for the whole run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ingestion_local import toolchain
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import Emulator
from ingestion_local.environment import install_into


@pytest.fixture(scope="session")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the components write their logs and state."""
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="session")
def tools() -> Mapping[str, Path]:
    """The Go tools, built if they are not there yet."""
    return toolchain.ensure()


@pytest.fixture(scope="session")
def control_plane(workdir: Path, tools: Mapping[str, Path]) -> Iterator[ControlPlane]:
    """A real etcd and kube-apiserver with the CRD and the operator's RBAC installed."""
    with ControlPlane(workdir / "control-plane", tools) as running:
        install_into(running)
        yield running


@pytest.fixture(scope="session")
def emulator(workdir: Path) -> Iterator[Emulator]:
    """An AWS emulator that enforces IAM."""
    with Emulator(workdir / "aws", auth=True) as running:
        yield running


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """On a failure, say where the components' logs are."""
    base = getattr(terminalreporter.config, "_tmp_path_factory", None)
    if terminalreporter.stats.get("failed") and base is not None:
        terminalreporter.write_line(
            f"logs of etcd, kube-apiserver, emulator and operator are under {base.getbasetemp()}"
        )
