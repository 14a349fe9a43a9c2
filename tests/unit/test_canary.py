"""The search for the canary finds it in every form that a program would write it in."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from canary import CANARY, places_with, recording_arguments

SECRET = f"{CANARY}-first"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(f"token={SECRET}".encode(), id="as it is"),
        pytest.param(SECRET.encode().hex().encode(), id="hexadecimal"),
        pytest.param(quote(f"a b {SECRET}").encode(), id="in a URL"),
        *(
            pytest.param(
                base64.b64encode(b"x" * before + SECRET.encode() + b"y" * after), id=f"base64 {before} {after}"
            )
            for before in range(4)
            for after in range(3)
        ),
    ],
)
def test_it_is_found(written: bytes) -> None:
    places = {"the log": b"\x00..." + written + b"...", "the metrics": b"nothing"}
    assert places_with(CANARY, places) == ["the log"]


def test_nothing_is_found_where_nothing_is() -> None:
    assert places_with(CANARY, {"the log": b"a canary sings", "the state": b'{"ciphertext": "djE6abc"}'}) == []


def test_the_arguments_of_a_program_are_written_down_and_its_answer_is_its_own(tmp_path: Path) -> None:
    wrapper = recording_arguments(Path(sys.executable), tmp_path / "cli")

    ran = subprocess.run([wrapper, "-c", "print(6 * 7)", SECRET], capture_output=True, text=True, check=True)

    assert ran.stdout == "42\n"
    written = (tmp_path / "cli" / "arguments").read_bytes()
    assert written.decode().splitlines() == ["-c", "print(6 * 7)", SECRET]
    assert places_with(CANARY, {"the arguments": written}) == ["the arguments"]
