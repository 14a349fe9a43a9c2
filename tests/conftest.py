"""Fixtures that all levels of tests share: the tools, one real control plane and one AWS emulator for the whole run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from ingestion_local import toolchain
from ingestion_local.cluster import kind_cluster, packages
from ingestion_local.cluster.kind_cluster import KindCluster
from ingestion_local.cluster.one_node import OneNodeCluster
from ingestion_local.cluster.ports import PodCluster
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import EmulatedAws, Emulator
from ingestion_local.environment import install_into
from ingestion_local.kind import NODE_IMAGE
from ingestion_local.kubectl import Kubectl
from ingestion_local.plugin_server import PluginServer

# No test is timed: a busy machine would make it fail.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# For the tests of tests/cluster too: one operator serves both.
pytest_plugins = ("e2e.fixtures",)
# Each cluster that can be chosen, and the check that says why this machine cannot run it.
MISSING: Mapping[str, Callable[[], str]] = {"one-node": packages.missing, "kind": kind_cluster.missing}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cluster",
        nargs="?",
        const="one-node",
        default="",
        choices=tuple(MISSING),
        help="run the operator as a pod of a cluster, not as a process: of the one-node cluster, or of one of kind",
    )
    parser.addoption(
        "--pods-elsewhere",
        action="store_true",
        help="leave out the end-to-end tests that --cluster runs too, but for those of the main job",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that do not belong to this run. Say why if this machine cannot run the cluster."""
    if cluster := config.getoption("--cluster"):
        others = {"operator_process"} if cluster == "one-node" else {"operator_process", "one_node"}
        leave_out(config, items, lambda item: any(mark.name in others for mark in item.iter_markers()))
        for item in items if (reason := MISSING[cluster]()) else ():
            item.add_marker(pytest.mark.skip(reason=reason))
        for item in items:
            # The time to build the images must not count as the first test's.
            item.add_marker(pytest.mark.timeout(func_only=True))
    elif config.getoption("--pods-elsewhere"):
        leave_out(config, items, runs_in_a_pod_too)


def leave_out(config: pytest.Config, items: list[pytest.Item], which: Callable[[pytest.Item], bool]) -> None:
    """Remove these tests, and count them as deselected."""
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
def tools(pod_cluster: PodCluster | None) -> Mapping[str, Path]:
    """The Go tools that the chosen cluster needs. Missing ones are built first."""
    return pod_cluster.tools if pod_cluster else toolchain.ensure()


@pytest.fixture(scope="session")
def pod_cluster(request: pytest.FixtureRequest, workdir: Path) -> Iterator[PodCluster | None]:
    """The cluster in which the operator is a pod. None if the operator is a process."""
    match request.config.getoption("--cluster"):
        case "one-node":
            with OneNodeCluster(workdir / "cluster") as one_node:
                yield one_node
        case "kind":
            with cluster_of_kind(workdir / "cluster") as made:
                yield made
        case _:
            yield None


def cluster_of_kind(directory: Path) -> KindCluster:
    """The cluster that `make test-cluster CLUSTER=kind` asks for. make passes on its variables, and uv sets UV."""
    return KindCluster(
        directory,
        uv=os.environ.get("UV", "uv"),
        node_image=os.environ.get("NODE_IMAGE") or NODE_IMAGE,
        build_arguments=shlex.split(os.environ.get("BUILD_ARGS", "")),
    )


@pytest.fixture(scope="session")
def control_plane(workdir: Path, tools: Mapping[str, Path], pod_cluster: PodCluster | None) -> Iterator[Kubectl]:
    """A real etcd and kube-apiserver with the CRD and the operator's RBAC; in a cluster the chart installs these."""
    if pod_cluster is not None:
        yield pod_cluster.control_plane
        return
    with ControlPlane(workdir / "control-plane", tools) as running:
        install_into(running)
        yield running


@pytest.fixture(scope="session")
def plugin_server(workdir: Path) -> Iterator[None]:
    """Forks the stand-in for the AWS plugin: hundreds of updates need one, and most of its time would go to its imports."""
    with PluginServer(workdir / "plugin-server.log") as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def emulator(workdir: Path, pod_cluster: PodCluster | None, plugin_server: None) -> Iterator[EmulatedAws]:
    """An AWS emulator that enforces IAM; the operator's pod reaches it too."""
    directory = workdir / "aws"
    with pod_cluster.emulator(directory) if pod_cluster else Emulator(directory, auth=True) as running:
        yield running


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """On a failure, say where the components' logs are."""
    base = getattr(terminalreporter.config, "_tmp_path_factory", None)
    if terminalreporter.stats.get("failed") and base is not None:
        terminalreporter.write_line(
            f"logs of etcd, kube-apiserver, emulator and operator are under {base.getbasetemp()}"
        )
