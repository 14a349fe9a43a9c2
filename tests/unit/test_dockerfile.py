"""What the Dockerfile promises: images pinned by arguments, no root, no secrets, and the versions of the package."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion_local import toolchain
from ingestion_local.image import bill_of_materials
from ingestion_operator import __version__
from ingestion_operator.adapters.pulumi.cli import PULUMI_VERSION
from ingestion_operator.settings import Settings
from unit.dockerfile_reader import Instruction, Stage, read

ROOT = Path(__file__).parents[2]
ARGUMENTS, STAGES = read((ROOT / "Dockerfile").read_text())
FINAL = STAGES[-1]
DEFAULTS = {name: value for found in ARGUMENTS for name, value in found.assignments.items()}
EVERYTHING = [(stage, found) for stage in STAGES for found in stage.instructions]
SECRET = re.compile(r"(?i)secret|token|password|passphrase|credential|api_?key|access_?key")


def arguments_of(name: str) -> dict[str, str]:
    (stage,) = [stage for stage in STAGES if stage.name == name]
    return {key: value for found in stage.of("ARG") for key, value in found.assignments.items()}


def locked(package: str) -> str:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    return next(str(found["version"]) for found in lock["package"] if found["name"] == package)


def test_every_image_comes_from_an_argument_with_a_tag_that_is_not_latest() -> None:
    stages = {stage.name for stage in STAGES if stage.name}
    for stage in STAGES:
        if stage.image not in stages:
            name = re.fullmatch(r"\$\{(\w+)\}", stage.image)
            assert name, f"FROM {stage.image}: make it an argument"
            assert re.search(r":(?!latest)[\w.${}-]+$", DEFAULTS[name.group(1)]), DEFAULTS[name.group(1)]
    assert "latest" not in (ROOT / "Dockerfile").read_text()


def test_it_runs_as_a_number_that_is_not_root() -> None:
    users = [found.text for found in FINAL.of("USER")]
    assert users == ["65532:65532"]
    last = [found.keyword for found in FINAL.instructions]
    assert "RUN" not in last[last.index("USER") :]


def test_its_user_has_a_name_which_pulumi_asks_for() -> None:
    base = next(stage for stage in STAGES if stage.name == "base")
    assert any("useradd --uid 65532 --gid 65532" in found.text for found in base.of("RUN"))


def test_the_first_process_is_tini_and_the_operator_runs() -> None:
    (entry,), (command,) = FINAL.of("ENTRYPOINT"), FINAL.of("CMD")
    assert json.loads(entry.text) == ["/usr/bin/tini", "--", "ingestion-operator"]
    assert json.loads(command.text) == ["run"]


def test_nothing_is_fetched_without_its_checksum() -> None:
    for stage, found in EVERYTHING:
        assert found.keyword != "ADD" or "--checksum=" in found.text, f"{stage.name}: ADD {found.text}"
        assert not re.search(r"\b(curl|wget)\b|https?://", found.text) or found.keyword == "LABEL", found.text


def test_no_argument_and_no_variable_is_a_secret() -> None:
    for _, found in [*EVERYTHING, *[(FINAL, argument) for argument in ARGUMENTS]]:
        if found.keyword in ("ARG", "ENV"):
            assert not [name for name in found.assignments if SECRET.search(name)]


def test_the_final_stage_has_neither_compilers_nor_installers() -> None:
    base = next(stage for stage in STAGES if stage.name == "base")
    for stage in (base, FINAL):
        for found in stage.of("RUN", "COPY"):
            assert not re.search(r"\b(uv|pip|venv|gcc|make|build-essential|golang|git)\b", found.text), found.text


def test_what_is_copied_from_the_context_is_what_dockerignore_lets_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for _, found in EVERYTHING
        if found.keyword == "COPY" and not found.text.startswith("--from")
        for word in found.text.split()[:-1]
    }
    assert copied == let_in
    assert "deploy" not in copied  # the stand-in for the AWS plugin is never in the image


def test_the_versions_are_those_of_the_package() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert DEFAULTS["PULUMI_VERSION"] == PULUMI_VERSION == locked("pulumi") == toolchain.TOOLS["pulumi"].version
    assert "${PULUMI_VERSION}" in DEFAULTS["PULUMI_IMAGE"]
    assert arguments_of("plugin")["AWS_PLUGIN_VERSION"] == locked("pulumi-aws")
    assert arguments_of("dependencies")["UV_VERSION"] in re.findall(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)


def test_the_labels_version_is_given_and_compared_with_the_packages() -> None:
    labels = {name: value for found in FINAL.of("LABEL") for name, value in found.assignments.items()}
    assert labels["org.opencontainers.image.version"] == "${VERSION}"
    assert {name.rpartition(".")[2] for name in labels} >= {"title", "description", "version", "revision", "licenses"}
    assert any("ingestion-operator --version | grep" in found.text for found in FINAL.of("RUN"))


def test_what_the_image_holds_is_where_the_settings_look_for_it() -> None:
    targets = {found.text.split()[-1] for found in FINAL.of("COPY")}
    settings = Settings.model_fields
    assert str(settings["pulumi"].default) in targets
    assert f"{settings['pulumi_home'].default}/plugins" in targets


def test_what_the_chart_mounts_is_there_for_its_user() -> None:
    golden = [*yaml.safe_load_all((ROOT / "tests" / "golden" / "chart-defaults.yaml").read_text())]
    pod = next(document for document in golden if document["kind"] == "Deployment")["spec"]["template"]["spec"]
    mounts = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"] if not mount.get("readOnly")]
    (made,) = [found.text for found in FINAL.of("RUN") if "install -d" in found.text]
    assert {mount for mount in mounts if mount not in made.split()} == {"/tmp"}  # noqa: S108 - in the pod
    assert FINAL.of("USER")[0].text.split(":") == [
        str(pod["securityContext"][key]) for key in ("runAsUser", "runAsGroup")
    ]


BAD: dict[str, tuple[str, Any]] = {
    "a comment between lines": ("FROM ${A} AS a\nRUN one \\\n# why\n  && two\n", [Instruction("RUN", "one && two")]),
    "lower case": ("FROM ${A}\nrun x\n", [Instruction("RUN", "x")]),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_the_reader_reads(text: str, expected: list[Instruction]) -> None:
    _, stages = read(text)
    assert stages == [Stage("${A}", stages[0].name, expected)]


LOCKED = {
    "bomFormat": "CycloneDX",
    "metadata": {"component": {"bom-ref": "ingestion-operator-1", "name": "ingestion-operator", "type": "library"}},
    "components": [{"type": "library", "bom-ref": "pulumi-2", "name": "pulumi", "version": "3.255.0"}],
    "dependencies": [{"ref": "ingestion-operator-1", "dependsOn": ["pulumi-2"]}, {"ref": "pulumi-2"}],
}


def test_the_bill_of_materials_has_what_uv_does_not_know_of() -> None:
    bill = bill_of_materials(LOCKED, ["tini 0.19.0-3+b1 amd64"], ["resource-aws-v7.51.1"])
    assert [found.get("purl", found["name"]) for found in bill["components"]] == [
        "pulumi",
        "pkg:deb/debian/tini@0.19.0-3%2Bb1?arch=amd64",
        "pkg:golang/github.com/pulumi/pulumi@v3.255.0",
        "pkg:golang/github.com/pulumi/pulumi-aws@v7.51.1",
    ]
    assert bill["metadata"]["component"]["version"] == __version__
    assert bill["dependencies"][0] == {"ref": "ingestion-operator", "dependsOn": ["pulumi-2"]}
