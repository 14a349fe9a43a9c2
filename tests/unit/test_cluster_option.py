"""`make test-cluster CLUSTER=...` chooses the cluster for the operator's pod, and says why where it cannot run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion_local.environment import ROOT

MAKE = ("/usr/bin/make", "--dry-run", "--always-make", "-C", str(ROOT), "test-cluster")


def words_of(*variables: str) -> list[str]:
    """The arguments that make passes to pytest."""
    environment = {"PATH": "/usr/bin:/bin"}
    printed = subprocess.run([*MAKE, *variables], capture_output=True, text=True, check=True, env=environment).stdout
    (line,) = [line for line in printed.splitlines() if " pytest " in line]
    return shlex.split(line.partition(" pytest ")[2])


def pytest_with(path: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *words, "-rs", "-p", "no:cacheprovider", "tests/cluster"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )


@pytest.mark.parametrize(
    ("variables", "cluster", "processes"),
    [((), "one-node", "2"), (("WORKERS=3",), "one-node", "3"), (("CLUSTER=kind", "WORKERS=3"), "kind", "0")],
    ids=["without a word", "with more processes", "of kind, which is one for all"],
)
def test_make_says_which_cluster_and_how_many_processes(
    variables: tuple[str, ...], cluster: str, processes: str
) -> None:
    words = words_of(*variables)
    assert f"--cluster={cluster}" in words
    assert words[words.index("--numprocesses") + 1] == processes
    assert words[-2:] == ["tests/e2e", "tests/cluster"]


def test_without_an_engine_each_test_is_skipped_with_what_is_missing(tmp_path: Path) -> None:
    ran = pytest_with(str(tmp_path), "--cluster=kind")
    assert ran.returncode == 0, ran.stdout
    assert "a kind cluster needs docker or podman: there is no `docker` on PATH; there is no `podman`" in ran.stdout
    assert "tests/cluster/test_node.py" not in ran.stdout, "which is about the one-node cluster"
    assert re.search(r"^=+ [1-9]\d* skipped, [1-9]\d* deselected in ", ran.stdout, re.MULTILINE)


def test_a_cluster_that_there_is_not_is_refused(tmp_path: Path) -> None:
    ran = pytest_with(str(tmp_path), "--cluster=another")
    assert ran.returncode != 0
    assert "argument --cluster: invalid choice: 'another' (choose from " in ran.stderr
