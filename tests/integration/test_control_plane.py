"""The control plane is a real API server on loopback, with RBAC and TLS. It ends when it is stopped or killed."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from ingestion_local import control_plane as module
from ingestion_local import toolchain
from ingestion_local.control_plane import ControlPlane
from ingestion_local.processes import LocalEnvironmentError, free_ports, has_ended, recorded_processes, wait_until

START_AND_WAIT = """
import pathlib, signal, sys
from ingestion_local import toolchain
from ingestion_local.control_plane import TOOLS, ControlPlane
plane = ControlPlane(pathlib.Path(sys.argv[1]), toolchain.ensure(TOOLS))
plane.start()
print(*(process.pid for process in plane.processes), flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def tools() -> Mapping[str, Path]:
    return toolchain.ensure(module.TOOLS)


@pytest.fixture(scope="module")
def plane(tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("plane"), tools) as started:
        yield started


def listening(pid: int) -> list[tuple[str, int]]:
    """The addresses on which the process listens."""
    connections = psutil.Process(pid).net_connections(kind="inet")
    return [(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN]


def refused(port: int) -> bool:
    """Whether no program listens on the loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def runs_under(directory: Path, process: psutil.Process) -> bool:
    """Whether one of the process's arguments names something in the directory."""
    try:
        return any(str(directory) in argument for argument in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def assert_gone(pids: list[int], ports: list[int]) -> None:
    wait_until("the end of the processes", lambda: all(map(has_ended, pids)), timeout_seconds=20)
    # A killed process is a zombie shortly before its last thread closes the sockets.
    wait_until("free ports", lambda: all(map(refused, ports)), timeout_seconds=20)


def test_rbac_denies_a_service_account_without_a_role_and_allows_it_with_one(
    plane: ControlPlane, tmp_path: Path
) -> None:
    plane.run_kubectl("create", "namespace", "team")
    plane.run_kubectl("create", "serviceaccount", "reader", "--namespace", "team")
    reader = plane.service_account_kubeconfig("team", "reader", tmp_path / "reader")

    denied = plane.run_kubectl("get", "configmaps", as_kubeconfig=reader, check=False)
    assert denied.returncode != 0
    assert "system:serviceaccount:team:reader" in denied.stderr
    assert "forbidden" in denied.stderr

    plane.run_kubectl("create", "role", "read", "-n", "team", "--verb=list", "--resource=configmaps")
    plane.run_kubectl("create", "rolebinding", "read", "-n", "team", "--role=read", "--serviceaccount=team:reader")
    wait_until(
        "the role to count",
        lambda: plane.run_kubectl("get", "configmaps", as_kubeconfig=reader, check=False).returncode == 0,
        timeout_seconds=10,
    )
    assert plane.run_kubectl("get", "secrets", as_kubeconfig=reader, check=False).returncode != 0


def test_a_request_without_a_token_is_refused(plane: ControlPlane, tmp_path: Path) -> None:
    document = json.loads(plane.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": "guessed"}
    stranger = tmp_path / "stranger"
    stranger.write_text(json.dumps(document))
    answer = plane.run_kubectl("get", "namespaces", as_kubeconfig=stranger, check=False)
    assert "must be logged in" in answer.stderr


def test_kubectl_is_given_its_input_and_its_failure_is_an_error_with_its_words(plane: ControlPlane) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "given"}, "data": {"a": "b"}}
    plane.run_kubectl("apply", "-f", "-", input=json.dumps(manifest))
    assert plane.run_kubectl("get", "configmap", "given", "-o", "jsonpath={.data.a}").stdout == "b"
    with pytest.raises(LocalEnvironmentError, match=r'kubectl get configmap absent`.*"absent" not found'):
        plane.run_kubectl("get", "configmap", "absent")


def test_the_kubeconfig_verifies_the_server_and_nothing_else_does(plane: ControlPlane) -> None:
    cluster = json.loads(plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    assert set(cluster) == {"server", "certificate-authority-data"}
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    port = int(plane.url.rpartition(":")[2])

    def connect(trust: ssl.SSLContext) -> str | None:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            trust.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            return secured.version()

    strict = ssl.create_default_context(cadata=authority)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    assert connect(strict) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(ssl.create_default_context())


def test_only_the_user_can_read_the_files_with_secrets(plane: ControlPlane) -> None:
    for name in ("kubeconfig", "tokens.csv", "service-account.key"):
        assert (plane.directory / name).stat().st_mode & 0o077 == 0


def test_it_listens_on_loopback_only(plane: ControlPlane) -> None:
    addresses = [address for process in plane.processes for address in listening(process.pid)]
    assert {ip for ip, _ in addresses} == {"127.0.0.1"}


def test_stop_leaves_no_process_and_no_listening_port(tools: Mapping[str, Path], tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path, tools)
    plane.start()
    pids = [process.pid for process in plane.processes]
    ports = [port for pid in pids for _, port in listening(pid)]
    assert len(ports) >= 3
    plane.stop()
    assert_gone(pids, ports)
    plane.stop()


def test_a_start_in_the_same_directory_finds_what_was_stored(tools: Mapping[str, Path], tmp_path: Path) -> None:
    with ControlPlane(tmp_path, tools) as first:
        first.run_kubectl("create", "configmap", "kept")
    with ControlPlane(tmp_path, tools) as second:
        second.run_kubectl("get", "configmap", "kept")


def test_sigkill_of_the_parent_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        ports = [port for pid in pids for _, port in listening(pid)]
        parent.kill()
    assert_gone(pids, ports)


def test_a_port_that_was_taken_in_the_meantime_is_replaced_by_another(
    tools: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        choices = [[*free_ports(2), taken], free_ports(3)]
        monkeypatch.setattr(module, "free_ports", lambda _: choices.pop(0))
        with ControlPlane(tmp_path, tools) as plane:
            assert plane.run_kubectl("get", "--raw", "/readyz").stdout == "ok"
    assert choices == []


def test_a_start_that_fails_names_the_folder_of_the_logs_and_leaves_nothing(
    tools: Mapping[str, Path], tmp_path: Path
) -> None:
    plane = ControlPlane(tmp_path, {**tools, "etcd": Path("/bin/false")})
    with pytest.raises(LocalEnvironmentError, match=rf"its logs are in {tmp_path}/logs: etcd ended"):
        plane.start()
    assert plane.processes == ()


class Cli:
    """The command `ingestion-local` with its own cache and the tools that exist already."""

    def __init__(self, cache: Path, tools: Mapping[str, Path]) -> None:
        self.playground = cache / "playground"
        assets = cache / "assets"
        assets.mkdir(parents=True)
        for name, path in tools.items():
            (assets / name).symlink_to(path)
        self._environment = {
            **os.environ,
            "INGESTION_CACHE_DIR": str(cache),
            "KUBEBUILDER_ASSETS": str(assets),
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ingestion_local.cli", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the command and leave it running."""
        command = [sys.executable, "-m", "ingestion_local.cli", *arguments]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pids(self) -> dict[str, int]:
        """The pid of each component that `status` says is running."""
        rows = [line.split() for line in self("status").stdout.splitlines()]
        return {row[0]: int(row[1]) for row in rows if row[2:3] == ["running"]}


@pytest.fixture
def cli(tools: Mapping[str, Path], tmp_path: Path) -> Iterator[Cli]:
    command = Cli(tmp_path / "cache", tools)
    yield command
    command("down")


def test_the_playground_stays_up_is_started_once_and_goes_down(cli: Cli, tools: Mapping[str, Path]) -> None:
    assert cli("status").returncode == 1
    assert cli("kubeconfig").returncode == 1

    first = cli("up")
    assert first.returncode == 0, first.stderr
    assert re.search(r"^export AWS_ENDPOINT_URL=https?://127\.0\.0\.1:\d+$", first.stdout, re.MULTILINE)
    pids = cli.pids()
    assert set(pids) == {"etcd", "kube-apiserver", "emulator"}
    assert cli("up").stdout == first.stdout
    assert cli.pids() == pids
    assert cli("status").returncode == 0

    path = cli("kubeconfig").stdout.strip()
    assert f"export KUBECONFIG={path}\n" in first.stdout
    assert cli("kubeconfig", "--raw").stdout == Path(path).read_text()
    asked = subprocess.run([tools["kubectl"], "--kubeconfig", path, "get", "namespaces"], check=False)
    assert asked.returncode == 0

    ports = [port for pid in pids.values() for _, port in listening(pid)]
    assert cli("down").stdout == "stopped emulator, kube-apiserver, etcd\n"
    assert_gone(list(pids.values()), ports)
    assert cli("status").returncode == 1
    assert cli("down").stdout == "nothing was running\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_up_that_is_ended_half_way_leaves_nothing_that_down_does_not_end(cli: Cli, number: signal.Signals) -> None:
    with cli.start("up") as half_way:
        wait_until("a first process", lambda: recorded_processes(cli.playground), timeout_seconds=30)
        half_way.send_signal(number)
    cli("down")
    assert [process for process in psutil.process_iter() if runs_under(cli.playground, process)] == []


def test_a_playground_that_lost_a_part_says_so_and_is_replaced_by_up(cli: Cli) -> None:
    cli("up")
    before = cli.pids()
    psutil.Process(before["etcd"]).kill()
    wait_until("etcd's end", lambda: has_ended(before["etcd"]), timeout_seconds=10)

    status = cli("status")
    assert status.returncode == 1
    assert "ended" in status.stdout

    assert cli("up").returncode == 0
    after = cli.pids()
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())
    assert all(map(has_ended, before.values()))
