"""On a machine that cannot run a cluster, the reason comes before anything is built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingestion_local.cluster import packages


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with root, apt-get and namespaces; returns the folder with its programs."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "apt-get", "exit 0")
    program(tmp_path, "unshare", "exit 0")
    return tmp_path


@pytest.mark.usefixtures("machine")
def test_such_a_machine_can_have_one() -> None:
    assert packages.missing() == ""


@pytest.mark.usefixtures("machine")
def test_it_takes_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "needs root" in packages.missing()


def test_it_takes_the_packages_of_debian(machine: Path) -> None:
    (machine / "apt-get").unlink()
    assert "there is no apt-get" in packages.missing()


def test_it_takes_namespaces(machine: Path) -> None:
    program(machine, "unshare", "echo 'unshare failed: Operation not permitted' >&2; exit 1")
    assert packages.missing().endswith("unshare failed: Operation not permitted")
