"""The commands of docs/install.md work in their order, as the page has them. Those that say what they need are left out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ingestion_local.control_plane import ControlPlane
from ingestion_local.environment import ROOT
from integration.helm_user import take_definitions_away

PAGE = ROOT / "docs" / "install.md"
NEEDS = re.compile(r"  # \(needs (AWS|a container engine|kind|nodes)\)$")


def commands() -> list[str]:
    """The page's commands, each with its here-document."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [command.strip() for block in blocks for command in re.split(r"^\$ ", block, flags=re.MULTILINE) if command]


@pytest.fixture
def shell(
    tools: Mapping[str, Path], helm_binary: Path, empty_plane: ControlPlane, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The environment of an administrator in a checkout, with a cluster that has nothing installed."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    folders = [
        str(helm_binary.parent),
        str(tools["kubectl"].parent),
        str(Path(sys.executable).parent),
        os.environ["PATH"],
    ]
    yield {"PATH": ":".join(folders), "HOME": str(tmp_path), "KUBECONFIG": str(empty_plane.kubeconfig)}
    take_definitions_away(empty_plane)


def test_the_commands_of_the_page_work_as_they_stand(shell: dict[str, str], tmp_path: Path) -> None:
    here = [command for command in commands() if not NEEDS.search(command)]
    script = "set -eu -o pipefail\n" + "".join(f"echo '+++ {n}' >&2\n{command}\n" for n, command in enumerate(here))

    ran = subprocess.run(
        ["bash", "-c", script], check=False, cwd=tmp_path, env=shell, capture_output=True, text=True, timeout=120
    )

    assert ran.returncode == 0, ran.stderr[-2000:]
    assert len(here) >= 15
    assert "BEFORE `helm uninstall`" in ran.stdout


def test_what_is_not_run_says_why() -> None:
    for command in commands():
        program = command.split()[0]
        assert program in {"helm", "kubectl", "ingestion-operator", "cat", "export"} or NEEDS.search(command), command
