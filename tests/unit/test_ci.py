"""`.ci/run`: which verbs of make it calls, and when it fails. Make and the virtual environment are stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ingestion_local.environment import ROOT

MAKE = """\
#!/bin/sh
echo "$*" >> "$CALLS"
echo "said by $1"
[ "$1" != "$FAILING" ] || exit 3
"""
PYTHON = """\
#!/bin/sh
[ -z "$NO_CLUSTER" ]
"""
# What the first run leaves out, the second one runs.
SIDE_BY_SIDE = {"venv", "test ARGS=--pods-elsewhere", "test-cluster"}


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    program(tmp_path / "bin" / "make", MAKE)
    program(tmp_path / ".venv" / "bin" / "python", PYTHON)
    return tmp_path


def run(checkout: Path, **variables: str) -> tuple[int, str, list[str]]:
    """The exit code, the output and the calls of make."""
    calls = checkout / "calls"
    path = f"{checkout / 'bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "CALLS": str(calls), "FAILING": "", "NO_CLUSTER": "", **variables}
    command = [str(checkout / ".ci" / "run")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return ran.returncode, ran.stdout, calls.read_text().splitlines()


def test_without_a_cluster_it_is_the_readmes_test_command(checkout: Path) -> None:
    code, _, calls = run(checkout, NO_CLUSTER="1")
    assert (code, calls) == (0, ["venv", "test"])


def test_with_a_cluster_both_runs_are_made_and_the_output_says_which_is_which(checkout: Path) -> None:
    code, said, calls = run(checkout)
    assert (code, set(calls), len(calls)) == (0, SIDE_BY_SIDE, 3)
    assert {"said by test", "cluster: said by test-cluster"} <= set(said.splitlines())


@pytest.mark.parametrize("failing", ["test", "test-cluster"])
def test_it_fails_when_one_of_the_runs_does_and_lets_the_other_finish(checkout: Path, failing: str) -> None:
    code, _, calls = run(checkout, FAILING=failing)
    assert (code, set(calls), len(calls)) == (3, SIDE_BY_SIDE, 3)


def test_it_fails_when_a_test_fails_without_a_cluster(checkout: Path) -> None:
    code, _, _ = run(checkout, NO_CLUSTER="1", FAILING="test")
    assert code == 3
