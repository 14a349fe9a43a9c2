"""Fixtures that every level shares: the tools, one real control plane and one AWS emulator for the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ingestion_local import toolchain
from ingestion_local.cluster import packages
from ingestion_local.cluster.one_node import OneNodeCluster
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import Emulator
from ingestion_local.environment import install_into


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cluster", action="store_true", help="run the operator as a pod of a one-node cluster, not as a process"
    )
    parser.addoption(
        "--pods-elsewhere",
        action="store_true",
        help="leave out the end-to-end tests that --cluster runs too, but for those of the main job",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what does not belong to this run; where there can be no cluster, say why."""
    if config.getoption("--cluster"):
        leave_out(config, items, lambda item: item.get_closest_marker("operator_process") is not None)
        for item in items if (reason := packages.missing()) else ():
            item.add_marker(pytest.mark.skip(reason=reason))
    elif config.getoption("--pods-elsewhere"):
        leave_out(config, items, runs_in_a_pod_too)


def leave_out(config: pytest.Config, items: list[pytest.Item], which: Callable[[pytest.Item], bool]) -> None:
    """Take these out; they are counted as deselected."""
    config.hook.pytest_deselected(items=[item for item in items if which(item)])
    items[:] = [item for item in items if not which(item)]


def runs_in_a_pod_too(item: pytest.Item) -> bool:
    end_to_end = item.path.parent.name == "e2e" and item.path.name != "test_main_job.py"
    return end_to_end and item.get_closest_marker("operator_process") is None


@pytest.fixture(scope="session")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the components write their logs and state."""
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="session")
def tools() -> Mapping[str, Path]:
    """The Go tools, built if they are not there yet."""
    return toolchain.ensure()


@pytest.fixture(scope="session")
def one_node(request: pytest.FixtureRequest, workdir: Path) -> Iterator[OneNodeCluster | None]:
    """The cluster whose pod the operator is; none when it is a process."""
    if not request.config.getoption("--cluster"):
        yield None
        return
    with OneNodeCluster(workdir / "cluster") as running:
        yield running


@pytest.fixture(scope="session")
def control_plane(workdir: Path, tools: Mapping[str, Path], one_node: OneNodeCluster | None) -> Iterator[ControlPlane]:
    """A real etcd and kube-apiserver with the CRD and the operator's RBAC; in a cluster the chart installs these."""
    if one_node is not None:
        yield one_node.control_plane
        return
    with ControlPlane(workdir / "control-plane", tools) as running:
        install_into(running)
        yield running


@pytest.fixture(scope="session")
def emulator(workdir: Path, one_node: OneNodeCluster | None) -> Iterator[Emulator]:
    """An AWS emulator that enforces IAM; pods reach it too."""
    addresses = [one_node.network.machine] if one_node else []
    with Emulator(workdir / "aws", auth=True, addresses=addresses) as running:
        if one_node:
            one_node.expose(running)
        yield running


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """On a failure, say where the components' logs are."""
    base = getattr(terminalreporter.config, "_tmp_path_factory", None)
    if terminalreporter.stats.get("failed") and base is not None:
        terminalreporter.write_line(
            f"logs of etcd, kube-apiserver, emulator and operator are under {base.getbasetemp()}"
        )
