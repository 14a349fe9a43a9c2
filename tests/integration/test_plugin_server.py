"""A plugin that the server forked is to the CLI what a plugin of its own is: streams, environment, signals, exit code, end."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from ingestion_local.emulator import Emulator
from ingestion_local.plugin_server import PluginServer
from ingestion_local.processes import wait_until
from ingestion_local.provider.install import install

TIMEOUT_SECONDS = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginServer]:
    with PluginServer(tmp_path_factory.mktemp("plugin-server") / "log") as started:
        wait_until("the server", lambda: started.listens, timeout_seconds=TIMEOUT_SECONDS, process=started.process)
        yield started


@pytest.fixture
def launcher(server: PluginServer, emulator: Emulator, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A launcher, started as the CLI starts it."""
    with subprocess.Popen(
        [install(tmp_path)],
        text=True,
        env={**emulator.env(), **server.environment},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as started:
        yield started
        started.kill()


def port(launcher: subprocess.Popen[str]) -> int:
    assert launcher.stdout is not None
    return int(launcher.stdout.readline())


def forks(server: PluginServer) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def wait_for_no_fork(server: PluginServer) -> None:
    wait_until("the end of each plugin", lambda: not forks(server), timeout_seconds=TIMEOUT_SECONDS)


def test_it_answers_in_the_launchers_place_and_ends_when_cancelled(
    server: PluginServer, launcher: subprocess.Popen[str], tmp_path: Path
) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port(launcher)}") as channel:
        (fork,) = forks(server)
        assert fork.cwd() == str(tmp_path)
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == "7.51.1"
        stub.Configure(provider_pb2.ConfigureRequest())  # this needs the launcher's environment
        stub.Cancel(empty_pb2.Empty())
        _, said = launcher.communicate(timeout=TIMEOUT_SECONDS)
    assert launcher.returncode == 0
    assert "not pulumi-resource-aws" in said
    wait_for_no_fork(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_it_ends_with_the_launcher(
    number: signal.Signals, server: PluginServer, launcher: subprocess.Popen[str]
) -> None:
    port(launcher)
    launcher.send_signal(number)
    assert launcher.wait(TIMEOUT_SECONDS) == (-number if number == signal.SIGKILL else 0)
    wait_for_no_fork(server)


def test_it_ends_with_the_engine(server: PluginServer, launcher: subprocess.Popen[str]) -> None:
    port(launcher)
    assert launcher.stdin is not None
    launcher.stdin.close()
    assert launcher.wait(TIMEOUT_SECONDS) == 0
    wait_for_no_fork(server)


def test_a_launcher_whose_plugin_is_killed_fails(server: PluginServer, launcher: subprocess.Popen[str]) -> None:
    port(launcher)
    (fork,) = forks(server)
    fork.kill()
    assert launcher.wait(TIMEOUT_SECONDS) == 1


def test_without_a_server_the_launcher_is_the_plugin(emulator: Emulator, tmp_path: Path) -> None:
    environment = {**emulator.env(), **PluginServer(tmp_path / "log").environment}
    with subprocess.Popen(
        [install(tmp_path)], text=True, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as launcher:
        port(launcher)
        assert psutil.Process(launcher.pid).children() == []
        launcher.terminate()
        assert launcher.wait(TIMEOUT_SECONDS) == 0
