"""The emulator starts and stops, takes one port, keeps to its directory, and gives a client what it needs."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from ingestion_local import emulator as module
from ingestion_local.emulator import Emulator
from ingestion_local.processes import LocalEnvironmentError, free_port
from integration.delivery_account import COPY, DeliveryAccount, account

__all__ = ["account"]


def test_a_stopped_emulator_gives_its_port_back_and_can_be_stopped_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    emulator = Emulator(tmp_path_factory.mktemp("own"))
    emulator.start()
    address = ("127.0.0.1", urlparse(emulator.endpoint).port)
    assert answers(address)
    emulator.stop()
    assert not answers(address)
    emulator.stop()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_that_somebody_else_took_is_not_the_end(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = [taken, free_port()]
    monkeypatch.setattr(module, "free_port", lambda: choices.pop(0))
    with Emulator(tmp_path) as emulator:
        assert emulator.client("s3").list_buckets()["Buckets"] == []
        assert urlparse(emulator.endpoint).port != taken
    assert choices == []


def test_a_start_that_fails_for_another_reason_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = [free_port(), free_port()]
    monkeypatch.setattr(module, "free_port", lambda: choices.pop(0))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    (tmp_path / "emulator.log").write_text("ERROR: 127.0.0.1:1 is already in use, said an earlier start\n")
    with pytest.raises(LocalEnvironmentError, match="emulator ended with code 1"):
        Emulator(tmp_path).start()
    assert len(choices) == 1


def answers(address: tuple[str, int | None]) -> bool:
    """Whether a program listens at the address."""
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def test_a_user_may_do_what_its_policy_allows_and_no_more(account: DeliveryAccount) -> None:
    iam = account.emulator.client("iam")
    iam.create_user(UserName=account.name)
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{account.name}/open/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=account.name, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=account.name)["AccessKey"]
    account.put("open/a")
    account.put("shut/a")
    user = account.emulator.client("s3", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])

    assert user.get_object(Bucket=account.name, Key="open/a")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="AccessDenied"):
        user.get_object(Bucket=account.name, Key="shut/a")
    with pytest.raises(ClientError, match="AccessDenied"):
        user.put_object(Bucket=account.name, Key="open/b")
    forged = account.emulator.client("s3", access_key=key["AccessKeyId"], secret_key="guessed")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        forged.get_object(Bucket=account.name, Key="open/a")


def test_the_environment_is_enough_for_a_client(account: DeliveryAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in account.emulator.env().items():
        monkeypatch.setenv(name, value)
    make: Any = boto3.Session().client
    assert account.name in [bucket["Name"] for bucket in make("s3").list_buckets()["Buckets"]]


def test_only_the_one_port_is_opened_and_only_on_loopback(emulator: Emulator) -> None:
    emulator.client("s3").list_buckets()  # it certainly runs
    family = [psutil.Process(emulator.process.pid), *psutil.Process(emulator.process.pid).children(recursive=True)]
    listening = {
        connection.laddr
        for member in family
        for connection in member.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", urlparse(emulator.endpoint).port)}


def test_an_idle_client_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    emulator.start()
    trust = ssl.create_default_context(cafile=str(emulator.certificate))
    with (
        socket.create_connection(("127.0.0.1", urlparse(emulator.endpoint).port or 0)) as raw,
        trust.wrap_socket(raw, server_hostname="127.0.0.1") as idle,
    ):
        idle.sendall(b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert idle.recv(1)
        process = emulator.process
        emulator.stop()
        assert process.popen.returncode == 0  # it ended by itself, before SIGKILL


def test_everything_that_it_writes_is_under_its_directory(tmp_path: Path) -> None:
    def written() -> set[str]:
        return {path.name for path in Path(tempfile.gettempdir()).iterdir() if "ministack" in path.name}

    before = written()
    with Emulator(tmp_path) as emulator:
        account = DeliveryAccount(emulator, "tidy")
        function = account.function("copy", COPY)
        account.connect(function)
        account.put("raw/first")
        account.wait_processed("copy", "raw/first")
        assert list(tmp_path.rglob("index.py"))
    assert written() == before


def test_what_is_persisted_is_there_at_the_next_start_and_gone_after_a_reset(tmp_path: Path) -> None:
    with Emulator(tmp_path, persist=True) as emulator:
        DeliveryAccount(emulator, "kept").put("raw/first")
    with Emulator(tmp_path, persist=True) as emulator:
        s3 = emulator.client("s3")
        assert s3.get_object(Bucket="kept", Key="raw/first")["Body"].read() == b"x"
        assert emulator.client("events").describe_rule(Name="kept")["State"] == "ENABLED"
        emulator.reset()
        assert s3.list_buckets()["Buckets"] == []


def test_what_is_not_persisted_is_gone_at_the_next_start(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        DeliveryAccount(emulator, "lost").put("raw/first")
    with Emulator(tmp_path) as emulator:
        assert emulator.client("s3").list_buckets()["Buckets"] == []
