"""Which commands `.ci/run` runs. The make and the Python that it finds only record how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = '#!/bin/sh\necho "make $*" >> "$CALLS"\necho "output of $1"\ncase " $FAILING " in *" $1 "*) exit 1;; esac\n'
ELSEWHERE = "make test LINTED=yes ARGS=--pods-elsewhere"
IN_THE_CLUSTER = "make test-cluster WORKERS=1"
PYTHON = '#!/bin/sh\necho "python $*" >> "$CALLS"\nexit "$NO_CLUSTER"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that holds only the script and the two programs that it calls."""
    for path, text in ((".venv/bin/python", PYTHON), ("path/make", MAKE)):
        program = tmp_path / path
        program.parent.mkdir(parents=True)
        program.write_text(text)
        program.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    return tmp_path


def run(checkout: Path, *, cluster: bool, failing: str = "") -> tuple[int, list[str]]:
    """Run the script. Returns its exit code and the calls of make."""
    calls = checkout / "calls"
    environment = {
        "PATH": f"{checkout / 'path'}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "NO_CLUSTER": str(int(not cluster)),
        "FAILING": failing,
    }
    done = subprocess.run([checkout / ".ci" / "run"], cwd="/", env=environment, check=False)
    assert "python -m ingestion_local.cluster" in calls.read_text().splitlines() or failing == "venv"
    return done.returncode, [line for line in calls.read_text().splitlines() if line.startswith("make ")]


def test_ci_runs_the_readmes_test_command(checkout: Path) -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert run(checkout, cluster=False) == (0, ["make venv", "make test"])


def test_where_a_cluster_can_be_had_what_the_first_run_leaves_out_runs_there(checkout: Path) -> None:
    code, commands = run(checkout, cluster=True)
    assert code == 0
    assert commands[:2] == ["make venv", "make lint"]
    assert sorted(commands[2:]) == [ELSEWHERE, IN_THE_CLUSTER], "side by side"


@pytest.mark.parametrize("cluster", [False, True], ids=["without a cluster", "with a cluster"])
def test_ci_fails_with_the_first_command_that_fails(checkout: Path, cluster: bool) -> None:
    code, commands = run(checkout, cluster=cluster, failing="venv")
    assert code != 0
    assert commands == ["make venv"]


def test_ci_starts_no_test_when_the_linters_find_something(checkout: Path) -> None:
    code, commands = run(checkout, cluster=True, failing="lint")
    assert code != 0
    assert commands == ["make venv", "make lint"]


def test_ci_fails_when_a_test_fails_where_no_cluster_can_be_had(checkout: Path) -> None:
    code, _ = run(checkout, cluster=False, failing="test")
    assert code != 0


@pytest.mark.parametrize("failing", ["test", "test-cluster"])
def test_ci_fails_with_either_run_and_lets_the_other_one_finish(checkout: Path, failing: str) -> None:
    code, commands = run(checkout, cluster=True, failing=failing)
    assert code != 0
    assert {ELSEWHERE, IN_THE_CLUSTER} <= set(commands)


def test_the_output_tells_the_two_runs_apart(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(checkout, cluster=True)
    assert {"output of test", "cluster: output of test-cluster"} <= set(capfd.readouterr().out.splitlines())
