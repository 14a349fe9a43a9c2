"""Temporary files of an operator that was killed go at the next start, and those of a living one stay."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingestion_handlers.temporary import own_temporary_directory
from ingestion_operator.adapters.pulumi.locks import OPERATOR_VARIABLE, process_mark

OPERATOR = """
import os, sys, tempfile
from pathlib import Path
from ingestion_handlers.temporary import own_temporary_directory
with own_temporary_directory(Path(sys.argv[1])):
    tempfile.mkdtemp(prefix="stack-")
    print(tempfile.gettempdir(), flush=True)
    sys.stdin.read()
"""


@contextmanager
def running(*command: str | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_a_killed_operators_files_go_at_the_next_start_and_a_living_ones_stay(tmp_path: Path) -> None:
    with running("-c", OPERATOR, tmp_path) as alive, running("-c", OPERATOR, tmp_path) as killed:
        of_the_living, of_the_killed = first_line(alive), first_line(killed)
        killed.kill()
        killed.wait()
        assert of_the_killed.is_dir()
        with own_temporary_directory(tmp_path) as own:
            assert not of_the_killed.exists()
            assert [path.name[:6] for path in of_the_living.iterdir()] == ["stack-"]
            assert Path(tempfile.gettempdir()) == own == Path(os.environ["TMPDIR"])
    assert not own.exists()
    assert Path(tempfile.gettempdir()) != own


def test_files_that_an_orphaned_cli_still_reads_wait_for_its_end(tmp_path: Path) -> None:
    with running("-c", "") as ended:
        ended.wait()
    mark = f"{ended.pid}@1"
    directory = tmp_path / f"ingestion-operator-{os.getuid()}" / f"{socket.gethostname()}_{mark}"
    directory.mkdir(parents=True, mode=0o700)
    said = "import sys; print('here', flush=True); sys.stdin.read()"
    with running("-c", said, **{OPERATOR_VARIABLE: mark}) as orphan:
        first_line(orphan)
        with own_temporary_directory(tmp_path):
            assert directory.is_dir()
    with own_temporary_directory(tmp_path):
        assert not directory.exists()


def test_another_hosts_files_are_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / f"ingestion-operator-{os.getuid()}" / "elsewhere_1@1"
    elsewhere.mkdir(parents=True, mode=0o700)
    with own_temporary_directory(tmp_path) as own:
        assert own.name == f"{socket.gethostname()}_{process_mark(os.getpid())}"
    assert elsewhere.is_dir()


def test_a_directory_that_another_user_made_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / f"ingestion-operator-{os.getuid()}").symlink_to(tmp_path / "theirs")
    with pytest.raises(PermissionError, match="another user made"), own_temporary_directory(tmp_path):
        pytest.fail("it was used")
