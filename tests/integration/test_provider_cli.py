"""The real Pulumi engine works with the stand-in as it does with the real plugin."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import automation

from ingestion_local import toolchain
from ingestion_local.emulator import Emulator, local_environment
from ingestion_local.provider.install import install
from integration.provider_world import ProviderWorld, grant, trust

SECRET = "not-for-the-state"
NAME = "through-the-cli"
PLAIN_SETTINGS = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


def function_of(role: aws.iam.Role, archive: Path, **more: Any) -> aws.lambda_.Function:
    """A function with this role that runs the code in the archive."""
    code = pulumi.FileArchive(str(archive))
    return aws.lambda_.Function(
        "function", role=role.arn, code=code, runtime="python3.13", handler="index.handler", **more
    )


def program(archive: Path) -> Callable[[], None]:
    def register() -> None:
        bucket = aws.s3.Bucket("bucket", bucket=NAME, tags={"team": "a"})
        aws.s3.BucketNotification("notification", bucket=bucket.bucket, eventbridge=True)
        role = aws.iam.Role("role", name=NAME, assume_role_policy=trust("lambda.amazonaws.com"))
        policy = aws.iam.RolePolicy("policy", name=NAME, role=role.name, policy=grant("s3:GetObject"))
        function = function_of(
            role,
            archive,
            name=NAME,
            environment={"variables": {"KEY": pulumi.Output.secret(SECRET)}},
            opts=pulumi.ResourceOptions(depends_on=[policy]),
        )
        rule = aws.cloudwatch.EventRule("rule", name=NAME, event_pattern=json.dumps({"source": ["aws.s3"]}))
        aws.cloudwatch.EventTarget("target", rule=rule.name, target_id="function", arn=function.arn)
        pulumi.export("sha", function.code_sha256)

    return register


@pytest.fixture
def select(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], None]], automation.Stack]:
    """A stack of a program, on the real CLI with the stand-in installed."""
    install(tmp_path / "home")
    for part in ("state", "work"):
        (tmp_path / part).mkdir()
    cli = toolchain.ensure(["pulumi"])["pulumi"]
    monkeypatch.setenv("PATH", f"{cli.parent}{os.pathsep}{os.environ['PATH']}")
    # The SDK must use the CLI of this test.
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    environment = {
        **local_environment(),
        **emulator.env(),
        **PLAIN_SETTINGS,
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "a",
    }
    options = automation.LocalWorkspaceOptions(work_dir=str(tmp_path / "work"), env_vars=environment)

    def select(register: Callable[[], None]) -> automation.Stack:
        return automation.create_or_select_stack("dev", "standin", register, opts=options)

    return select


@pytest.fixture
def stack(
    select: Callable[[Callable[[], None]], automation.Stack], emulator: Emulator, tmp_path: Path
) -> automation.Stack:
    archive, _ = ProviderWorld(emulator, tmp_path, NAME).archive("def handler(event, context): pass\n")
    return select(program(Path(archive["path"])))


def changes(summary: automation.UpdateSummary) -> Mapping[str, int]:
    """The number of resources for each change. The stack itself is one of them."""
    return {str(kind): count for kind, count in (summary.resource_changes or {}).items()}


def test_the_real_engine_makes_refreshes_repairs_and_destroys_a_stack(
    stack: automation.Stack, emulator: Emulator, tmp_path: Path
) -> None:
    assert stack.preview().change_summary == {"create": 8}
    assert NAME not in [bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]]

    made = stack.up()
    assert changes(made.summary) == {"create": 8}
    function = emulator.client("lambda").get_function_configuration(FunctionName=NAME)
    assert made.outputs["sha"].value == function["CodeSha256"]
    assert function["Environment"]["Variables"] == {"KEY": SECRET}
    assert SECRET not in made.stdout
    states = list((tmp_path / "state").rglob("dev.json"))
    assert [SECRET in state.read_text() for state in states] == [False] * len(states) != []

    assert changes(stack.up().summary) == {"same": 8}
    assert changes(stack.refresh().summary) == {"same": 8}

    events = emulator.client("events")
    events.remove_targets(Rule=NAME, Ids=["function"])
    events.delete_rule(Name=NAME)
    emulator.client("lambda").update_function_configuration(FunctionName=NAME, Timeout=9)
    assert changes(stack.refresh().summary) == {"same": 5, "delete": 2, "update": 1}
    assert changes(stack.up().summary) == {"same": 5, "create": 2, "update": 1}
    assert events.list_targets_by_rule(Rule=NAME)["Targets"][0]["Arn"] == function["FunctionArn"]
    assert changes(stack.up().summary) == {"same": 8}

    assert changes(stack.destroy().summary) == {"delete": 8}
    assert NAME not in [bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]]


SECRETS = ("first-not-for-the-state", "second-not-for-the-state")
WITH_SECRETS = "with-secrets"
NO_LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:not-there:1"


def program_with_secrets(archive: Path, said: list[str]) -> Callable[[], None]:
    """A function whose whole environment is secret, with the last of the given values."""

    def register() -> None:
        role = aws.iam.Role("role", name=WITH_SECRETS, assume_role_policy=trust("lambda.amazonaws.com"))
        function = function_of(
            role,
            archive,
            name=WITH_SECRETS,
            layers=[] if len(said) < 3 else [NO_LAYER],
            environment=pulumi.Output.secret({"variables": {"KEY": said[-1]}}),
        )
        pulumi.export("environment", function.environment)

    return register


def files(directory: Path) -> Iterator[str]:
    """The content of every file in the directory, including packed ones."""
    for path in directory.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode(errors="replace")


def test_a_secret_environment_reaches_the_function_and_no_file_of_the_state(
    select: Callable[[Callable[[], None]], automation.Stack], emulator: Emulator, tmp_path: Path
) -> None:
    archive, _ = ProviderWorld(emulator, tmp_path, WITH_SECRETS).archive(
        "import os\ndef handler(event, context): return os.environ['KEY']\n"
    )
    said = [SECRETS[0]]
    stack = select(program_with_secrets(Path(archive["path"]), said))
    told: list[str] = []

    def asked() -> object:
        found = emulator.client("lambda").invoke(FunctionName=WITH_SECRETS)
        return json.loads(found["Payload"].read())

    stack.preview(on_output=told.append)
    stack.up(on_output=told.append)
    assert asked() == SECRETS[0]
    said.append(SECRETS[1])
    preview = stack.preview(on_output=told.append, diff=True)
    assert preview.change_summary == {"same": 2, "update": 1}
    stack.up(on_output=told.append)
    assert asked() == SECRETS[1]
    assert changes(stack.up(on_output=told.append).summary) == {"same": 3}

    # Somebody else changes it: refresh reads the value back, and it is a secret again.
    somebody = {"Variables": {"KEY": SECRETS[0], "MORE": SECRETS[1]}}
    emulator.client("lambda").update_function_configuration(FunctionName=WITH_SECRETS, Environment=somebody)
    assert changes(stack.refresh(on_output=told.append).summary) == {"same": 2, "update": 1}
    stack.up(on_output=told.append)
    assert asked() == SECRETS[1]

    # A failing update says what failed, but shows no values.
    said.append(SECRETS[0])
    with pytest.raises(automation.CommandError) as failed:
        stack.up(
            on_output=told.append,
            on_event=lambda event: told.append(str(event.diagnostic_event and event.diagnostic_event.message)),
        )
    told.append(str(failed.value))
    assert any("updating Lambda Function" in text for text in told)

    everything = [*files(tmp_path / "state"), *files(tmp_path / "home"), *told]
    assert any("ciphertext" in text for text in everything)
    assert [text for text in everything if any(secret in text for secret in SECRETS)] == []
    stack.destroy()
