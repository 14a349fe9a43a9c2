"""`make kind` runs the right commands in the right order, and says what is missing where it cannot run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingestion_local import kind
from ingestion_local.environment import ROOT
from unit.dockerfile_reader import read
from unit.fake_machine import FakeMachine
from unit.kind_machine import ANSWERS, IMAGE_COMMANDS, TAG, heads_of

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAFAKE", "AWS_SECRET_ACCESS_KEY": "do-not-show"}


class KindMachine(FakeMachine):
    """A fake machine on which `make kind` runs."""

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(kind.main, list(words))


@pytest.fixture
def answers(tmp_path: Path) -> dict[str, str]:
    exec_of_keys = f"kubectl --kubeconfig {tmp_path}/cache/kind/ingestion/kubeconfig --namespace aws exec"
    return {**ANSWERS, exec_of_keys: json.dumps(KEYS)}


@pytest.fixture
def machine(tmp_path: Path, answers: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> KindMachine:
    made = KindMachine(tmp_path / "bin")
    made.bin.mkdir()
    made.put("kind", "kubectl", "helm", "git", "uv")
    made.tell(answers)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("INGESTION_CACHE_DIR", str(tmp_path / "cache"))
    return made


def test_the_cluster_is_made_the_images_are_loaded_and_the_chart_is_installed(
    machine: KindMachine, tmp_path: Path
) -> None:
    machine.put("docker")

    result = machine.run("up", "uv", "--image", "localhost/op:1", "--node-image", "kindest/node:x", "--", "--pull")

    assert result.exit_code == 0, result.output
    kubeconfig = f"{tmp_path}/cache/kind/ingestion/kubeconfig"
    heads = heads_of(machine.commands)
    kubectl = ["kubectl", "--kubeconfig", kubeconfig]
    user = machine.commands[-3][-1]
    assert heads == [
        ["kind", "get", "clusters", "--quiet"],
        ["kind", "create", "cluster", "--name", "ingestion", "--config", str(ROOT / "deploy/kind/cluster.yaml"),
         "--image", "kindest/node:x", "--kubeconfig", kubeconfig, "--wait", "3m"],
        ["docker", "build", "--tag", "localhost/op:1"],
        ["uv", *kind.EXPORT],
        *IMAGE_COMMANDS,
        ["kind", "load", "image-archive", "FILE/images.tar", "--name", "ingestion"],
        [*kubectl, "apply", "--filename", "-"],
        [*kubectl, "apply", "--filename", "-"],
        [*kubectl, "--namespace", "aws", "rollout", "status", "deployment/aws", "--timeout=3m"],
        [*kubectl, "--namespace", "aws", "exec", "--stdin", "deployment/aws", "--", "python", "-m",
         "ingestion_local.emulator_user", user],
        [*kubectl, "apply", "--filename", "-"],
        ["helm", "upgrade", "--install", "ingestion-operator", str(ROOT / "deploy/helm/ingestion-operator"),
         "--namespace", "ingestion-system", "--values", str(ROOT / "deploy/kind/values.yaml"),
         "--set-string", f"image.tag={TAG}", "--set-string", f"podAnnotations.aws-user={user}",
         "--kubeconfig", kubeconfig, "--wait", "--timeout", "3m"],
    ]  # fmt: skip
    (first, second, third) = [command for command in machine.commands if command[:2] == ["docker", "build"]]
    assert first[-2:] == ["--pull", str(ROOT)]
    for built in (second, third):
        assert "OPERATOR_IMAGE=localhost/op:1" in built
        assert built[-1] == "FILE"


def test_no_key_is_in_a_command_or_in_what_is_printed(machine: KindMachine) -> None:
    machine.put("docker")
    result = machine.run("up", "uv")
    assert result.exit_code == 0
    secret = KEYS["AWS_SECRET_ACCESS_KEY"]
    assert secret in machine.standard_inputs
    assert secret not in json.dumps(machine.commands) + result.output


def test_it_is_said_how_the_cluster_and_its_aws_are_reached(machine: KindMachine, tmp_path: Path) -> None:
    machine.put("docker")
    result = machine.run("up", "uv")
    assert f"export KUBECONFIG={tmp_path}/cache/kind/ingestion/kubeconfig" in result.stdout
    assert "export AWS_ENDPOINT_URL=https://127.0.0.1:30443" in result.stdout


def test_a_cluster_that_is_there_gets_the_new_images_and_keeps_its_certificate(
    machine: KindMachine, answers: Mapping[str, str], tmp_path: Path
) -> None:
    machine.put("docker")
    machine.run("up", "uv")
    certificate = tmp_path / "cache" / "kind" / "ingestion" / "tls.crt"
    before = certificate.read_bytes()
    machine.tell({**answers, "kind get clusters": "other\ningestion"})
    machine.forget()

    assert machine.run("up", "uv").exit_code == 0

    assert not [command for command in machine.commands if command[:2] == ["kind", "create"]]
    assert [command for command in machine.commands if command[:2] == ["kind", "load"]]
    assert certificate.read_bytes() == before


def test_podman_does_too(machine: KindMachine) -> None:
    machine.put("podman")
    assert machine.run("up", "uv").exit_code == 0
    (saved,) = [command for command in machine.commands if command[:2] == ["podman", "save"]]
    assert saved[2] == "--multi-image-archive"


@pytest.mark.parametrize("verb", [("up", "uv"), ("down",)])
def test_without_an_engine_it_is_said_what_is_missing(
    machine: KindMachine, answers: Mapping[str, str], verb: tuple[str, ...]
) -> None:
    machine.put("docker")
    machine.tell(answers, failure="docker info")

    result = machine.run(*verb)

    assert result.exit_code == 1
    assert result.output == (
        "Error: a kind cluster needs docker or podman: `docker info` says: it is broken; there is no `podman` on PATH. "
        "Install and start one of them; `make playground` and `make demo` need neither\n"
    )
    assert machine.commands == []


def test_a_command_that_fails_is_named(machine: KindMachine, answers: Mapping[str, str]) -> None:
    machine.put("docker")
    machine.tell(answers, failure="kind get clusters --quiet")
    result = machine.run("up", "uv")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].endswith("kind get clusters --quiet` ended with code 1")


def test_the_cluster_is_deleted_with_what_was_kept_of_it(machine: KindMachine, tmp_path: Path) -> None:
    machine.put("docker")
    machine.run("up", "uv", "--name", "mine")
    machine.forget()

    assert machine.run("down", "--name", "mine").exit_code == 0

    kept = tmp_path / "cache" / "kind" / "mine"
    assert machine.commands == [
        ["kind", "delete", "cluster", "--name", "mine", "--kubeconfig", str(kept / "kubeconfig")]
    ]
    assert not kept.exists()


def test_the_make_verbs_pass_their_variables_on(machine: KindMachine) -> None:
    machine.put("docker")
    made = (
        "kind",
        "IMAGE=localhost/mine:2",
        "NODE_IMAGE=kindest/node:y",
        "KIND_CLUSTER=ingestion",
        "BUILD_ARGS=--pull -q",
    )
    up, down = (words_of(*verb) for verb in (made, ("kind-down", "KIND_CLUSTER=theirs")))

    assert machine.run("up", "uv", *up[2:]).exit_code == 0
    assert machine.run(*down).exit_code == 0

    created, deleted = (command for command in machine.commands if command[1] in ("create", "delete"))
    assert created[created.index("--image") + 1] == "kindest/node:y"
    assert deleted[deleted.index("--name") + 1] == "theirs"
    built = next(command for command in machine.commands if command[:2] == ["docker", "build"])
    assert built[3] == "localhost/mine:2"
    assert built[-3:] == ["--pull", "-q", str(ROOT)]


def test_only_the_images_for_the_test_have_the_stand_in() -> None:
    _, stages = read((ROOT / "deploy" / "kind" / "Dockerfile").read_text())

    assert {stage.name for stage in stages} == kind.STAGES.keys()
    for stage in stages:
        assert stage.image == "${OPERATOR_IMAGE}"
        assert [found.text for found in stage.of("USER")][-1:] in ([], ["65532:65532"])
        copied = {found.text.split()[0] for found in stage.of("COPY")}
        assert copied <= {"ingestion_local", "pulumi-resource-aws", "constraints.txt"}
    assert "stand-in" not in (ROOT / "Dockerfile").read_text()
    assert "deploy" not in re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)


def words_of(*verb: str) -> list[str]:
    """The arguments that a verb of the Makefile gives to the module."""
    make = ["/usr/bin/make", "--dry-run", "--always-make", "-C", str(ROOT), *verb]
    printed = subprocess.run(make, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}).stdout
    line = next(line for line in printed.replace("\\\n", " ").splitlines() if "ingestion_local.kind" in line)
    words = shlex.split(line)
    return words[words.index("ingestion_local.kind") + 1 :]
