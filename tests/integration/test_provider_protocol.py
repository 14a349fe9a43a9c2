"""The stand-in names and refuses everything that it does not apply, and talks only to an emulator on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from ingestion_local.emulator import Emulator
from ingestion_local.provider.access import AwsAccess, access_of, loopback_endpoint
from ingestion_local.provider.calls import Refused
from ingestion_local.provider.configuration import Configuration
from ingestion_local.provider.install import install
from ingestion_local.provider.properties import UNKNOWN, Document, to_struct
from ingestion_local.provider.server import StandIn
from integration.provider_engine import Aborted, Engine, new_call
from integration.provider_fixtures import engine, world
from integration.provider_rows import ROWS, kinds
from integration.provider_types import (
    BUCKET,
    BUCKET_POLICY,
    ENCRYPTION,
    FUNCTION,
    INVOKE_CONFIG,
    LIFECYCLE,
    QUEUE_POLICY,
    RULE,
    TABLE,
    TARGET,
    TRAIL,
    VERSIONING,
)
from integration.provider_world import ProviderWorld

__all__ = ["engine", "world"]


@kinds
def test_an_input_that_is_not_declared_is_named(kind: str, engine: Engine) -> None:
    message = f"input surprise of {kind}: the stand-in does not apply it"
    assert message in engine.failures(kind, {"surprise": 1})


NESTED: dict[str, tuple[str, Callable[[Document], None], str]] = {
    "a rule of encryption": (ENCRYPTION, lambda i: i["rules"][0].update(more=1), "rules.more"),
    "the default of encryption": (
        ENCRYPTION,
        lambda i: i["rules"][0]["applyServerSideEncryptionByDefault"].update(more=1),
        "rules.applyServerSideEncryptionByDefault.more",
    ),
    "versioning": (
        VERSIONING,
        lambda i: i["versioningConfiguration"].update(mfaDelete="Enabled"),
        "versioningConfiguration.mfaDelete",
    ),
    "a rule of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0].update(transitions=[{"days": 1}]),
        "rules.transitions",
    ),
    "the filter of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0]["filter"].update(tag={}),
        "rules.filter.tag",
    ),
    "the old versions of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0]["noncurrentVersionExpiration"].update(newer=1),
        "rules.noncurrentVersionExpiration.newer",
    ),
    "the uploads of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0]["abortIncompleteMultipartUpload"].update(more=1),
        "rules.abortIncompleteMultipartUpload.more",
    ),
    "the expiration of a life cycle": (
        LIFECYCLE,
        lambda i: i["rules"][0].update(expiration={"date": "2030-01-01"}),
        "rules.expiration.date",
    ),
    "the attributes of a table": (TABLE, lambda i: i["attributes"][0].update(more=1), "attributes.more"),
    "the log of a function": (
        FUNCTION,
        lambda i: i["loggingConfig"].update(more=1),
        "loggingConfig.more",
    ),
    "where failures go": (
        INVOKE_CONFIG,
        lambda i: i["destinationConfig"].update(onSuccess={}),
        "destinationConfig.onSuccess",
    ),
    "a network": (FUNCTION, lambda i: i["vpcConfig"].update(more=1), "vpcConfig.more"),
    "what a trail records": (
        TRAIL,
        lambda i: i["advancedEventSelectors"][0]["fieldSelectors"][0].update(like=["a"]),
        "advancedEventSelectors.fieldSelectors.like",
    ),
    "an environment": (FUNCTION, lambda i: i["environment"].update(more=1), "environment.more"),
    "tracing": (FUNCTION, lambda i: i["tracingConfig"].update(more=1), "tracingConfig.more"),
    "a retry policy": (TARGET, lambda i: i["retryPolicy"].update(more=1), "retryPolicy.more"),
    "a dead-letter queue": (TARGET, lambda i: i["deadLetterConfig"].update(more=1), "deadLetterConfig.more"),
}


@pytest.mark.parametrize(
    ("kind", "spoil", "named"), [pytest.param(*row, id=sentence) for sentence, row in NESTED.items()]
)
def test_an_input_inside_another_that_is_not_applied_is_named(
    kind: str, spoil: Callable[[Document], None], named: str, engine: Engine, world: ProviderWorld
) -> None:
    first, _ = ROWS[kind].inputs(world)
    spoil(first)
    assert engine.failures(kind, first) == [f"input {named} of {kind}: the stand-in does not apply it"]


@pytest.mark.parametrize(
    ("kind", "inputs", "reason"),
    [
        pytest.param(BUCKET, {"forceDestroy": True}, "forceDestroy", id="a bucket that is emptied when deleted"),
        pytest.param(TABLE, {"billingMode": "PROVISIONED"}, "billingMode", id="a table with capacities"),
    ],
)
def test_a_value_that_is_not_applied_is_named(kind: str, inputs: Document, reason: str, engine: Engine) -> None:
    assert any(f"input {reason} of {kind}: the stand-in applies only" in text for text in engine.failures(kind, inputs))


@pytest.mark.parametrize(
    ("kind", "inputs", "failure"),
    [
        pytest.param(
            BUCKET,
            {"bucket": "a", "bucketNamespace": "account-regional"},
            "input bucket of aws:s3/bucket:Bucket: is not an account-regional namespace bucket",
            id="a name outside of the account's namespace",
        ),
        pytest.param(
            BUCKET,
            {"bucket": "a-123456789012-us-east-1-an"},
            "input bucket of aws:s3/bucket:Bucket: is an account-regional namespace bucket",
            id="a name in a namespace that is not said",
        ),
        pytest.param(
            BUCKET,
            {"bucket": "a", "bucketNamespace": "mine"},
            "input bucketNamespace of aws:s3/bucket:Bucket: is neither 'global' nor 'account-regional'",
            id="another namespace",
        ),
        pytest.param(
            TRAIL,
            {"name": "a", "s3BucketName": "b", "eventSelectors": [], "advancedEventSelectors": []},
            "input advancedEventSelectors of aws:cloudtrail/trail:Trail: conflicts with eventSelectors",
            id="both kinds of selectors",
        ),
    ],
)
def test_inputs_that_do_not_go_together_are_named(kind: str, inputs: Document, failure: str, engine: Engine) -> None:
    assert engine.failures(kind, inputs) == [failure]


@pytest.mark.parametrize(
    ("kind", "name"), [(BUCKET_POLICY, "policy"), (QUEUE_POLICY, "policy"), (RULE, "eventPattern")]
)
def test_a_text_that_is_no_json_is_named(kind: str, name: str, engine: Engine) -> None:
    assert f"input {name} of {kind}: is not a JSON object" in engine.failures(kind, {name: "not json"})
    assert not any("JSON" in text for text in engine.failures(kind, {name: UNKNOWN}))


def test_a_type_that_is_not_known_is_named(engine: Engine) -> None:
    with pytest.raises(Aborted, match="type aws:sns/topic:Topic: the stand-in does not know it"):
        engine.failures("aws:sns/topic:Topic", {})


def test_a_child_of_another_resource_is_of_its_own_type(engine: Engine) -> None:
    assert engine.failures(f"acme:index:Pipeline${BUCKET}", {"bucket": "a"}) == []


def test_an_input_that_is_still_unknown_is_never_sent_to_aws(engine: Engine) -> None:
    with pytest.raises(Aborted, match="unknown outside of a preview"):
        engine.create(BUCKET, {"bucket": UNKNOWN})


def test_a_failed_call_carries_the_operation_and_the_code_of_aws(engine: Engine, world: ProviderWorld) -> None:
    wanted = (
        r"creating S3 Bucket Versioning \(no-.*\): operation error S3: PutBucketVersioning, "
        r"https response error StatusCode: 404, NoSuchBucket: "
    )
    with pytest.raises(Aborted, match=wanted):
        engine.create(VERSIONING, {"bucket": f"no-{world.name}", "versioningConfiguration": {"status": "Enabled"}})


def test_a_call_before_it_is_configured_is_refused() -> None:
    with pytest.raises(Aborted, match="the stand-in is not configured"):
        Engine(StandIn("1.2.3")).failures(BUCKET, {"bucket": "a"})


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param("", id="none"),
        pytest.param("https://s3.amazonaws.com", id="that of AWS"),
        pytest.param("http://192.0.2.1:4566", id="another machine"),
        pytest.param("http://127.0.0.1.example.org:4566", id="a name that begins like loopback"),
        pytest.param("http://127.0.0.1@example.org", id="loopback as a user's name"),
        pytest.param("https://198.20.0.1", id="beside the test network"),
        pytest.param("https://198.18.0.1.example.org", id="a name that begins like the test network"),
    ],
)
def test_an_endpoint_that_is_neither_on_loopback_nor_in_a_test_network_is_refused(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(Aborted, match=r"only to an emulator on loopback or in 198\.18\.0\.0/15, never to AWS"):
        StandIn("1.2.3").Configure(provider_pb2.ConfigureRequest(), new_call())


def test_an_endpoint_on_loopback_or_in_a_test_network_is_taken() -> None:
    for endpoint in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://198.18.0.43"):
        assert loopback_endpoint({"AWS_ENDPOINT_URL": endpoint}) == endpoint
    with pytest.raises(Refused):
        loopback_endpoint({})


def test_configuration_beyond_the_environment_is_refused_by_name() -> None:
    request = provider_pb2.CheckRequest(news=to_struct({"region": "eu-west-1", "profile": "me"}))
    (failure,) = StandIn("1.2.3").CheckConfig(request, new_call()).failures
    assert failure.property == "profile"


THERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_what_is_missing_in_the_environment_is_named_and_looked_for_nowhere_else(name: str) -> None:
    with pytest.raises(Refused, match=f"{name} is not set"):
        access_of({key: value for key, value in THERE.items() if key != name})


def test_the_place_is_that_of_the_environment_and_a_region_of_the_configuration_comes_first() -> None:
    assert access_of(THERE) == AwsAccess("http://127.0.0.1:1", "us-east-1", "a", "b")
    assert access_of(THERE | {"AWS_SESSION_TOKEN": "c"}, Configuration("eu-west-1")).region == "eu-west-1"


class Plugin:
    """The installed launcher, started as the CLI starts it, with a pipe as standard input."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [install(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=home,
        )

    def __enter__(self) -> Plugin:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def port(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


def test_the_plugin_process_prints_its_port_answers_and_ends_when_cancelled(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "grpc.py").write_text("raise SystemExit('a module of the program')")
    with Plugin(tmp_path, emulator.env()) as plugin, grpc.insecure_channel(f"127.0.0.1:{plugin.port()}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == "7.51.1"
        assert "stand-in" in stub.GetSchema(provider_pb2.GetSchemaRequest()).schema
        stub.Configure(provider_pb2.ConfigureRequest())
        request = provider_pb2.CheckRequest(urn=Engine.urn(BUCKET), news=to_struct({"more": 1}))
        reasons = [failure.reason for failure in stub.Check(request).failures]
        assert f"input more of {BUCKET}: the stand-in does not apply it" in reasons
        stub.Cancel(empty_pb2.Empty())
        assert plugin.process.wait(20) == 0
        assert plugin.process.stderr is not None
        assert "not pulumi-resource-aws" in plugin.process.stderr.read()


@pytest.mark.parametrize("end", [pytest.param("terminate", id="SIGTERM"), pytest.param("parent", id="its parent")])
def test_the_plugin_process_ends_with(end: str, emulator: Emulator, tmp_path: Path) -> None:
    with Plugin(tmp_path, emulator.env()) as plugin:
        plugin.port()
        if end == "terminate":
            plugin.process.terminate()
        else:
            assert plugin.process.stdin is not None
            plugin.process.stdin.close()
        assert plugin.process.wait(20) == 0


def test_starting_the_plugin_takes_little_of_the_processor(emulator: Emulator, tmp_path: Path) -> None:
    """The processor time, because a busy machine takes longer by the clock. It was about 0.15 s at first."""
    with Plugin(tmp_path, emulator.env()) as plugin:
        plugin.port()
        used = psutil.Process(plugin.process.pid).cpu_times()
        assert used.user + used.system < 0.5


def test_installing_again_changes_nothing(tmp_path: Path) -> None:
    launcher = install(tmp_path)
    text = launcher.read_text()
    assert install(tmp_path) == launcher == tmp_path / "plugins" / "resource-aws-v7.51.1" / "pulumi-resource-aws"
    assert (launcher.read_text(), [p.name for p in launcher.parent.iterdir()]) == (text, [launcher.name])
    assert sys.executable in text
