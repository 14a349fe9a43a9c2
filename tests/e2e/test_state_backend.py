"""State on a volume, moved to S3 under live pipelines, lost and restored, by the commands of docs/state.md and docs/backup.md.

Under the generated policy.

The tests have their own cluster, because the operator of the other tests watches all namespaces there.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from e2e.fixtures import SETTINGS
from e2e.world import World, copying
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import Emulator
from ingestion_local.environment import SERVICE_ACCOUNT, SYSTEM_NAMESPACE, install_into, operator_identity
from ingestion_local.operator_process import OperatorProcess
from page_commands import commands

pytestmark = pytest.mark.operator_process

# The operator is a process of this machine: what is run in its container is run beside it.
IN_THE_CONTAINER = re.compile(
    r"kubectl -n ingestion-system exec (?:-i )?deploy/ingestion-operator -- (?!ingestion-operator)"
)
BUCKET = "acme-pulumi-state"


def process(world: World) -> OperatorProcess:
    assert isinstance(world.operator, OperatorProcess)
    return world.operator


@dataclass
class Administrator:
    """Runs the commands of the page, on this world instead of the page's."""

    world: World
    names: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: str, **names: str) -> str:
        for name, value in {**self.names, **names}.items():
            command = command.replace(name, value)
        word = command.split()[0]
        if re.search(r" [|<>] ", command):
            return self._shell(IN_THE_CONTAINER.sub("", command))
        if word == "aws":
            return json.dumps(self._aws(shlex.split(command)[1:]), default=str)
        if " -- ingestion-operator " in command:
            arguments = shlex.split(command.partition(" -- ingestion-operator ")[2])
            return self._run([sys.executable, "-m", "ingestion_handlers.cli", *arguments])
        if word == "pulumi":
            return process(self.world).pulumi(*shlex.split(command)[1:])
        if word == "kubectl":
            return self.world.control_plane.run_kubectl(*shlex.split(command.replace("$(date +%s)", "now"))[1:]).stdout
        return self._run(shlex.split(command))

    def _shell(self, command: str) -> str:
        """With kubectl as the administrator has it, in a directory of the test's own."""
        plane = self.world.control_plane
        environment = {"PATH": f"{plane.kubectl.parent}:{os.environ['PATH']}", "KUBECONFIG": str(plane.kubeconfig)}
        argv = ["bash", "-euo", "pipefail", "-c", command]
        folder = process(self.world).directory
        done = subprocess.run(
            argv, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, argv: list[str]) -> str:
        done = subprocess.run(
            argv, env=process(self.world).environment(), capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _aws(self, words: list[str]) -> Any:
        service, call, *options = words
        given = {_parameter(name): _value(text) for name, text in zip(options[::2], options[1::2], strict=True)}
        # The emulator's region is the one for which S3 takes no constraint.
        given.pop("CreateBucketConfiguration", None)
        return getattr(self.world.emulator.client(service.removesuffix("api")), xform_name(call.replace("-", "_")))(
            **given
        )


def _parameter(option: str) -> str:
    return "".join(part.title() for part in option.removeprefix("--").split("-"))


def _value(text: str) -> Any:
    if "=" not in text or text.partition("=")[0].count("/"):
        return text
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name: value == "true" if value in ("true", "false") else value for name, _, value in pairs}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, tools: Mapping[str, Path]) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("state") / "control-plane", tools) as running:
        install_into(running)
        yield running


@pytest.fixture(scope="module")
def identity(emulator: Emulator) -> dict[str, str]:
    return operator_identity(emulator, "state-operator", state_bucket=BUCKET)


@pytest.fixture
def world(
    cluster: ControlPlane,
    emulator: Emulator,
    identity: Mapping[str, str],
    tools: Mapping[str, Path],
    tmp_path: Path,
) -> Iterator[World]:
    operator = OperatorProcess(
        tmp_path,
        kubeconfig=cluster.service_account_kubeconfig(SYSTEM_NAMESPACE, SERVICE_ACCOUNT, tmp_path / "kubeconfig"),
        pulumi=tools["pulumi"],
        aws=identity,
        settings=SETTINGS | {"INGESTION_CLUSTER_ID": "e2e-state"},
    )
    made = World(cluster, emulator, operator)
    operator.settings["INGESTION_NAMESPACES"] = made.new_namespace("state")
    operator.start()
    yield made
    made.clean_up()
    gone = "get", "ipl", "-n", made.namespace, "-o", "name"
    made.wait("the end of every pipeline", lambda: not cluster.run_kubectl(*gone).stdout.strip())
    operator.stop()


def test_the_state_moves_from_a_volume_to_a_bucket_under_live_pipelines(world: World, tmp_path: Path) -> None:
    url = f"s3://{BUCKET}?region={world.emulator.region}"
    home = tmp_path / "state"
    admin = Administrator(
        world,
        {
            "file:///var/lib/ingestion-operator/state": f"file://{home}",
            "/var/lib/ingestion-operator/state": str(home),
            f"s3://{BUCKET}?region=eu-west-1": url,
            "state.tar.gz": str(tmp_path / "state.tar.gz"),
            "--all-namespaces": f"-n {world.namespace}",
        },
    )
    for command in commands("state.md", "State in S3"):
        admin.run(command)
    names = ("one", "two")
    for name in names:
        world.apply(name, copying())
    before = {name: world.wait_ready(name) for name in names}
    for command in (commands("backup.md", "Back up")[0], commands("backup.md", "Restore")[2]):
        admin.run(command)

    copy, set_url, look, show = commands("state.md", "Move the state")
    assert "copied 2 stacks" in admin.run(copy)
    assert f"state.s3.bucket={BUCKET} " in set_url, "a test in a cluster runs it"
    world.operator.stop()
    world.operator.settings["INGESTION_BACKEND_URL"] = url
    world.operator.start()
    assert "versioning" not in world.operator.output()
    admin.run(look)

    for name in names:
        looked = wait_looked(world, name)
        changes = looked["lastOperation"]["changes"]
        assert (changes["create"], changes["update"], changes["delete"]) == (0, 0, 0)
        assert looked["resources"] == before[name]["resources"]
        assert world.process(name) == b"hello"
    assert admin.run(show).count("same") == len(names)
    exported = world.operator.metrics()
    assert 'ingestion_operator_pipelines{reason="Provisioned",status="True",type="Ready"} 2.0' in exported
    assert 'ingestion_operator_operation_duration_seconds_count{result="Succeeded",type="Refresh"} 2.0' in exported
    # Each function's role denies access to the bucket of the state, so each pipeline is updated once before the look.
    assert 'ingestion_operator_operation_duration_seconds_count{result="Succeeded",type="Update"} 2.0' in exported
    assert "ingestion_operator_cli_processes_started_total 4.0" in exported
    works_on_there(world, admin)


def wait_looked(world: World, name: str) -> dict[str, Any]:
    def looked() -> dict[str, Any] | None:
        status = world.wait_ready(name)
        return status if status["lastOperation"]["type"] == "Refresh" else None

    found: dict[str, Any] = world.wait("the look", looked)
    return found


def works_on_there(world: World, admin: Administrator) -> None:
    """A change, an older version put back, a lock broken by hand, and a deletion that leaves nothing in the bucket."""
    stack = world.status("one")["workings"]["name"]
    world.patch("one", {"spec": {"processor": {"memoryMiB": 512}}})
    world.wait_ready("one")
    listing, restore = commands("backup.md", "Restore")[:2]
    versions = json.loads(admin.run(listing, STACK=stack))["Versions"]
    assert len(versions) > 1
    admin.run(restore, STACK=stack, VERSION=next(v["VersionId"] for v in versions if v["IsLatest"]))

    foreign = {"pid": 1, "username": "root", "hostname": "lost-node", "timestamp": "2026-01-01T00:00:00Z"}
    key = f".pulumi/locks/organization/ingestion/{stack}/theirs.json"
    world.put(BUCKET, key, json.dumps(foreign).encode())
    world.annotate("one", "reconcile-requested-at", "again")
    world.wait_condition("one", "Reconciling", "LockHeld")
    admin.run(*commands("state.md", "A lock that stays"), STACK=stack)
    world.wait_ready("one")

    for name in ("one", "two"):
        world.delete(name)
    for name in ("one", "two"):
        world.wait_gone(name)
    listed = world.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [entry["Key"] for entry in listed] == [".pulumi/meta.yaml"]


def test_a_pipeline_whose_state_is_lost_is_made_again_by_the_pages_commands(world: World, tmp_path: Path) -> None:
    world.apply("lost", copying())
    outputs = world.wait_ready("lost")["outputs"]
    world.put(outputs["bucketName"], "raw/kept.txt", b"kept")
    stack = world.status("lost")["workings"]["name"]
    (tmp_path / "state" / ".pulumi" / "stacks" / "ingestion" / f"{stack}.json").unlink()
    world.annotate("lost", "reconcile-requested-at", "1")
    world.wait_condition("lost", "Stalled", "StateUnreadable")

    admin = Administrator(world, {"ipl NAME": f"ipl lost -n {world.namespace}"})
    for command in commands("backup.md", "When the state is lost"):
        admin.run(command)

    assert world.wait_ready("lost")["outputs"] == outputs
    assert world.read(outputs["bucketName"], "raw/kept.txt") == b"kept"
    assert world.process("lost") == b"hello"


def test_a_volume_that_is_lost_is_restored_by_the_pages_commands(world: World) -> None:
    state = process(world).state_directory
    names = {"/var/lib/ingestion-operator/state": str(state), "--all-namespaces": f"-n {world.namespace}"}
    admin = Administrator(world, names)
    copy, _, _ = commands("backup.md", "Back up")
    _, _, restore, look, _ = commands("backup.md", "Restore")
    world.apply("kept", copying())
    before = world.wait_ready("kept")
    admin.run(copy)
    shutil.rmtree(state / ".pulumi")
    world.annotate("kept", "reconcile-requested-at", "1")
    world.wait_condition("kept", "Stalled", "StateUnreadable")

    admin.run(restore)
    admin.run(look)

    looked = wait_looked(world, "kept")
    assert looked["lastOperation"]["changes"]["create"] == 0
    assert looked["resources"] == before["resources"]
    assert world.process("kept") == b"hello"


def test_a_cluster_that_is_lost_is_followed_by_one_that_knows_its_pipelines(world: World) -> None:
    operator = process(world)
    names = {"/var/lib/ingestion-operator/state": str(operator.state_directory)}
    admin = Administrator(world, names | {"=kept-passphrase": f"={operator.directory / 'kept-passphrase'}"})
    copy, keep, cluster_id = commands("backup.md", "Back up")
    _, _, restore, _, make = commands("backup.md", "Restore")
    secret = ("create", "secret", "generic", "ingestion-operator-passphrase", "-n", SYSTEM_NAMESPACE)
    world.control_plane.run_kubectl(*secret, f"--from-file={operator.directory / 'passphrase'}")
    world.apply("one", copying())
    before = world.wait_ready("one")
    outputs = before["outputs"]
    world.put(outputs["bucketName"], "raw/kept.txt", b"kept")
    for command in (copy, keep):
        admin.run(command)
    assert re.fullmatch(r"[0-9a-f]{8}\n", admin.run(cluster_id))
    lose_the_cluster(world, "one")

    admin.run(make)
    # As a pod has it mounted.
    (operator.directory / "passphrase").write_bytes(mounted(world, "kept-passphrase", "passphrase"))
    operator.start()
    admin.run(restore)
    world.apply("one", copying())

    status = world.wait_ready("one")
    assert status["lastOperation"]["changes"]["delete"] == 0
    assert (status["resources"], status["outputs"]) == (before["resources"], outputs)
    assert world.read(outputs["bucketName"], "raw/kept.txt") == b"kept"
    assert world.process("one") == b"hello"


def lose_the_cluster(world: World, name: str) -> None:
    """Nothing in AWS is lost with it: the operator is not asked."""
    operator = process(world)
    operator.stop()
    world.patch(name, {"metadata": {"finalizers": None}})
    world.delete(name)
    world.wait_gone(name)
    shutil.rmtree(operator.state_directory)
    (operator.directory / "passphrase").unlink()


def mounted(world: World, secret: str, key: str) -> bytes:
    found = world.control_plane.run_kubectl("get", "secret", secret, "-n", SYSTEM_NAMESPACE, "-o", "json").stdout
    return base64.b64decode(json.loads(found)["data"][key])
