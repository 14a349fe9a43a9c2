"""The real Pulumi engine works with the stand-in as it does with the real plugin."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import automation

from ingestion_local import toolchain
from ingestion_local.emulator import Emulator, local_environment
from ingestion_local.provider.install import install
from integration.provider_world import World, grant, trust

SECRET = "not-for-the-state"
NAME = "through-the-cli"
PLAIN_SETTINGS = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


def program(archive: Path) -> Callable[[], None]:
    def register() -> None:
        bucket = aws.s3.Bucket("bucket", bucket=NAME, tags={"team": "a"})
        aws.s3.BucketNotification("notification", bucket=bucket.bucket, eventbridge=True)
        role = aws.iam.Role("role", name=NAME, assume_role_policy=trust("lambda.amazonaws.com"))
        policy = aws.iam.RolePolicy("policy", name=NAME, role=role.name, policy=grant("s3:GetObject"))
        function = aws.lambda_.Function(
            "function",
            name=NAME,
            role=role.arn,
            code=pulumi.FileArchive(str(archive)),
            runtime="python3.13",
            handler="index.handler",
            environment={"variables": {"KEY": pulumi.Output.secret(SECRET)}},
            opts=pulumi.ResourceOptions(depends_on=[policy]),
        )
        rule = aws.cloudwatch.EventRule("rule", name=NAME, event_pattern=json.dumps({"source": ["aws.s3"]}))
        aws.cloudwatch.EventTarget("target", rule=rule.name, target_id="function", arn=function.arn)
        pulumi.export("sha", function.code_sha256)

    return register


@pytest.fixture
def stack(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> automation.Stack:
    install(tmp_path / "home")
    for part in ("state", "work"):
        (tmp_path / part).mkdir()
    cli = toolchain.ensure(["pulumi"])["pulumi"]
    monkeypatch.setenv("PATH", f"{cli.parent}{os.pathsep}{os.environ['PATH']}")
    # The one that the SDK is told to use has to be the one of this test.
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    archive, _ = World(emulator, tmp_path, NAME).archive("def handler(event, context): pass\n")
    environment = {
        **local_environment(),
        **emulator.env(),
        **PLAIN_SETTINGS,
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "a",
    }
    return automation.create_or_select_stack(
        "dev",
        "standin",
        program(Path(archive["path"])),
        opts=automation.LocalWorkspaceOptions(work_dir=str(tmp_path / "work"), env_vars=environment),
    )


def changes(summary: automation.UpdateSummary) -> Mapping[str, int]:
    """How many resources were changed in which way; the stack itself is one."""
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
