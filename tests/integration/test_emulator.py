"""The emulator confines a function to its role, tries it as often as it is told, and leaves nothing behind.

Who may deliver to whom, and where the undeliverable goes, is in test_delivery.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from ingestion_local import emulator as module
from ingestion_local.emulator import Emulator
from ingestion_local.processes import LocalEnvironmentError, free_port, has_ended, wait_until
from integration.test_delivery import COPY, Account, account

__all__ = ["account"]

# Tells in its own bucket what came of writing into the other one.
TRESPASS = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    s3, bucket = boto3.client("s3"), event["detail"]["bucket"]["name"]
    key = event["detail"]["object"]["key"]
    try:
        s3.put_object(Bucket=bucket + "-other", Key=key)
        answer = "written"
    except ClientError as error:
        answer = error.response["Error"]["Code"]
    s3.put_object(Bucket=bucket, Key="answer/" + key, Body=answer.encode())
"""
# Leaves a trace of each attempt before it fails.
COUNT_AND_RAISE = """
import boto3, uuid
def handler(event, context):
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    boto3.client("s3").put_object(Bucket=bucket, Key="attempt/" + key + "/" + str(uuid.uuid4()))
    raise RuntimeError("poison")
"""

# Tells what it runs on and what it sees of the environment.
INTROSPECT = """
import boto3, os, sys
def handler(event, context):
    return {"interpreter": os.path.realpath(sys.executable), "environment": dict(os.environ),
            "identity": boto3.client("sts").get_caller_identity()["Arn"]}
"""
# Is busy for ever, and so is a process that it starts.
BUSY = """
import boto3, os, subprocess, sys, threading
def handler(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    pids = str(os.getpid()) + " " + str(child.pid)
    boto3.client("s3").put_object(Bucket=bucket, Key="answer/" + key, Body=pids.encode())
    threading.Event().wait()
"""
LONG_SECONDS = 900
# What somebody does who starts an emulator, waits for the answer to a call that never comes, and is killed.
CALLER = """
import json, sys
from pathlib import Path
from ingestion_local.emulator import Emulator
from integration.test_emulator import busy_function
emulator = Emulator(Path(sys.argv[1]))
emulator.start()
pids = busy_function(emulator, "orphan")
print(emulator.process.pid, *pids, flush=True)
event = {"detail": {"bucket": {"name": "orphan"}, "object": {"key": "raw/second"}}}
emulator.client("lambda").invoke(FunctionName="orphan-busy", Payload=json.dumps(event))
"""


def answer(account: Account, key: str) -> str:
    """What the trespassing function told about the object."""
    name = f"answer/{key}"
    wait_until(
        name,
        lambda: account.s3.list_objects_v2(Bucket=account.name, Prefix=name).get("Contents"),
        timeout_seconds=30,
    )
    return str(account.s3.get_object(Bucket=account.name, Key=name)["Body"].read().decode())


def test_a_function_is_denied_another_bucket_until_its_role_allows_it(account: Account) -> None:
    other = f"{account.name}-other"
    account.s3.create_bucket(Bucket=other)
    function = account.function("trespass", TRESPASS)
    account.permit(function, account.rule)
    account.target(function)

    account.put("raw/denied")
    assert answer(account, "raw/denied") == "AccessDenied"
    assert "Contents" not in account.s3.list_objects_v2(Bucket=other)

    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{other}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    account.emulator.client("iam").put_role_policy(RoleName=account.name, PolicyName="other", PolicyDocument=policy)
    account.put("raw/allowed")
    assert answer(account, "raw/allowed") == "written"


@pytest.mark.parametrize(
    ("retries", "attempts"), [pytest.param(0, 1, id="no retry"), pytest.param(1, 2, id="one retry")]
)
def test_a_raising_function_is_tried_once_and_then_as_often_as_it_is_told(
    account: Account, retries: int, attempts: int
) -> None:
    url, arn = account.queue("failed")
    function = account.function("counting", COUNT_AND_RAISE)
    account.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=retries, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    account.permit(function, account.rule)
    account.target(function)

    account.put("raw/poison")

    failed = json.loads(account.wait_message(url)["Body"])
    assert failed["requestPayload"]["detail"]["object"]["key"] == "raw/poison"
    traces = account.s3.list_objects_v2(Bucket=account.name, Prefix="attempt/raw/poison/")
    assert traces["KeyCount"] == attempts


def test_an_event_for_a_function_that_is_gone_goes_to_the_targets_dead_letter_queue(account: Account) -> None:
    url, arn = account.queue("open", open_to=account.rule)
    function = account.function("gone")
    account.permit(function, account.rule)
    account.target(function, DeadLetterConfig={"Arn": arn})
    account.functions.delete_function(FunctionName=function)

    account.put("raw/late")

    attributes = account.wait_message(url)["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
    assert attributes["TARGET_ARN"]["StringValue"] == function


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
    """A port on which somebody else listens."""
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
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def total(account: Account, namespace: str, metric: str, dimension: str, value: str) -> float:
    """The sum of a metric over the last hour."""
    now = datetime.now(UTC)
    points = account.emulator.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=metric, Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=5), Period=60, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return float(sum(point["Sum"] for point in points))


def busy_function(emulator: Emulator, name: str) -> list[int]:
    """The processes of a function that never ends, one of which it has started itself."""
    account = Account(emulator, name)
    function = account.function("busy", BUSY)
    account.functions.update_function_configuration(FunctionName=function, Timeout=LONG_SECONDS)
    account.permit(function, account.rule)
    account.target(function)
    account.put("raw/first")
    pids = [int(word) for word in answer(account, "raw/first").split()]
    assert len(pids) == 2
    return pids


def test_a_disabled_rule_delivers_nothing_until_it_is_enabled(account: Account) -> None:
    function = account.function("copy")
    account.permit(function, account.rule)
    account.target(function)
    account.events.disable_rule(Name=account.name)
    account.put("raw/unseen")
    account.events.enable_rule(Name=account.name)

    account.put("raw/seen")

    account.wait_processed("copy", "raw/seen")
    assert not account.processed("copy", "raw/unseen")


def test_the_dead_letter_is_the_event_itself_whatever_the_target_would_have_been_given(account: Account) -> None:
    url, arn = account.queue("open", open_to=account.rule)
    transformer = {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '{"key": <key>}'}
    account.target(account.function("denied"), DeadLetterConfig={"Arn": arn}, InputTransformer=transformer)

    account.put("raw/first")

    message = account.wait_message(url)
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "raw/first"
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes["RETRY_ATTEMPTS"] == "0"
    assert total(account, "AWS/Events", "FailedInvocations", "RuleName", account.name) == 1
    assert total(account, "AWS/Events", "InvocationsSentToDlq", "RuleName", account.name) == 1


def test_each_attempt_counts_in_the_functions_metrics(account: Account) -> None:
    url, arn = account.queue("failed")
    function = account.function("counted", COUNT_AND_RAISE)
    account.functions.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    account.permit(function, account.rule)
    account.target(function)

    account.put("raw/poison")

    account.wait_message(url)
    name = f"{account.name}-counted"
    assert total(account, "AWS/Lambda", "Invocations", "FunctionName", name) == 2
    assert total(account, "AWS/Lambda", "Errors", "FunctionName", name) == 2


def test_a_function_runs_on_this_interpreter_with_its_own_variables_and_its_roles_identity(account: Account) -> None:
    function = account.function("introspect", INTROSPECT)
    account.functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": {"RESULTS_PREFIX": "mine"}}
    )

    told = json.loads(account.functions.invoke(FunctionName=function)["Payload"].read())

    assert told["interpreter"] == os.path.realpath(sys.executable)
    assert told["environment"]["RESULTS_PREFIX"] == "mine"
    assert told["environment"]["AWS_ENDPOINT_URL"] == account.emulator.endpoint
    assert f":assumed-role/{account.name}/" in told["identity"]


def test_a_function_sees_nothing_of_the_developers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with Emulator(tmp_path) as emulator:
        found = Account(emulator, "secretive")
        function = found.function("introspect", INTROSPECT)
        told = json.loads(found.functions.invoke(FunctionName=function)["Payload"].read())
    assert "DATABASE_PASSWORD" not in told["environment"]
    assert "HTTPS_PROXY" not in told["environment"]
    assert "/nowhere.pem" not in told["environment"].values()


def test_a_user_may_do_what_its_policy_allows_and_no_more(account: Account) -> None:
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


def test_the_environment_is_enough_for_a_client(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in account.emulator.env().items():
        monkeypatch.setenv(name, value)
    make: Any = boto3.Session().client
    assert account.name in [bucket["Name"] for bucket in make("s3").list_buckets()["Buckets"]]


def test_only_the_one_port_is_opened_and_only_on_loopback(emulator: Emulator) -> None:
    emulator.client("s3").list_buckets()  # it is up for certain
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
        assert process.popen.returncode == 0  # it ended of itself: nobody lost patience


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


def test_everything_that_it_writes_is_under_its_directory(tmp_path: Path) -> None:
    def written() -> set[str]:
        return {path.name for path in Path(tempfile.gettempdir()).iterdir() if "ministack" in path.name}

    before = written()
    with Emulator(tmp_path) as emulator:
        account = Account(emulator, "tidy")
        function = account.function("copy", COPY)
        account.permit(function, account.rule)
        account.target(function)
        account.put("raw/first")
        account.wait_processed("copy", "raw/first")
        assert list(tmp_path.rglob("index.py"))
    assert written() == before


def test_what_is_persisted_is_there_at_the_next_start_and_gone_after_a_reset(tmp_path: Path) -> None:
    with Emulator(tmp_path, persist=True) as emulator:
        Account(emulator, "kept").put("raw/first")
    with Emulator(tmp_path, persist=True) as emulator:
        s3 = emulator.client("s3")
        assert s3.get_object(Bucket="kept", Key="raw/first")["Body"].read() == b"x"
        assert emulator.client("events").describe_rule(Name="kept")["State"] == "ENABLED"
        emulator.reset()
        assert s3.list_buckets()["Buckets"] == []


def test_what_is_not_persisted_is_gone_at_the_next_start(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        Account(emulator, "lost").put("raw/first")
    with Emulator(tmp_path) as emulator:
        assert emulator.client("s3").list_buckets()["Buckets"] == []
