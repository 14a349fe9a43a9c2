"""Compilers of C and C++ for the tools that need them: the machine's own, or Zig from PyPI. Nobody has to install one.

Zig is a compiler of both languages in a Python wheel. It is unpacked for one build and deleted after it: it takes 440 MB, and
a tool is built only once for each of its versions.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingestion_local.processes import LocalEnvironmentError
from ingestion_local.progress import Reporter

REQUIREMENTS = Path(__file__).resolve().parents[1] / "tools" / "c-compiler" / "requirements.txt"
COMPILE_TIMEOUT_SECONDS = 60.0
INSTALL_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True)
class Language:
    """A language that Go leaves to another compiler."""

    variable: str  # of Go: the command of the compiler
    name: str  # for the compiler's option -x
    zig: str  # the subcommand of Zig
    program: bytes  # compiles and links where the headers and the library of the language are installed


LANGUAGES = (
    Language("CC", "c", "cc", b"#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n"),
    Language("CXX", "c++", "c++", b"#include <string>\nint main() { return std::string().size(); }\n"),
)


@contextlib.contextmanager
def settings_for_go(go: str, tool: str, folder: Path, reporter: Reporter) -> Iterator[Mapping[str, str]]:
    """The environment variables with which Go compiles C and C++. They hold until the block ends.

    `folder` is where the compiler is unpacked if the machine has none. Raises LocalEnvironmentError with `tool`, its name and
    version, when a compiler can be neither found nor fetched.
    """
    with tempfile.TemporaryDirectory(prefix=".c-compiler-", dir=folder) as scratch:
        if all(_works(language, go, Path(scratch)) for language in LANGUAGES):
            yield {"CGO_ENABLED": "1"}
            return
        reporter.advance("this machine has no compiler of C and C++: fetching Zig from PyPI, 100 MB")
        yield _zig(Path(scratch), tool)


def _works(language: Language, go: str, scratch: Path) -> bool:
    """Whether Go's compiler of the language is on the machine, together with the headers and libraries that it needs."""
    # Go answers with a name even where no such program is installed.
    named = subprocess.run([go, "env", language.variable], capture_output=True, text=True, check=False)
    command = [*shlex.split(named.stdout), "-x", language.name, "-", "-o", str(scratch / "program")]
    try:
        ran = subprocess.run(
            command, input=language.program, capture_output=True, timeout=COMPILE_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def _zig(scratch: Path, tool: str) -> Mapping[str, str]:
    """Zig, unpacked below `scratch`."""
    packages = scratch / "packages"
    # `uv run` sets UV to its own path.
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise _no_compiler(tool, "there is no `uv`; the verbs of the Makefile bring their own")
    install = [uv, "pip", "install", "--quiet", f"--python={sys.executable}", f"--target={packages}"]
    _run([*install, "--no-deps", "--only-binary=:all:", "--require-hashes", f"--requirements={REQUIREMENTS}"], tool)
    zig = shlex.quote(str(packages / "ziglang" / "zig"))
    cache = str(scratch / "cache")
    return {
        "CGO_ENABLED": "1",
        **{language.variable: f"{zig} {language.zig}" for language in LANGUAGES},
        "ZIG_GLOBAL_CACHE_DIR": cache,
        "ZIG_LOCAL_CACHE_DIR": cache,
    }


def _run(command: list[str], tool: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_SECONDS, check=True)
    except subprocess.TimeoutExpired as error:
        raise _no_compiler(tool, f"it took longer than {INSTALL_TIMEOUT_SECONDS:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise _no_compiler(tool, error.stderr.strip()) from error


def _no_compiler(tool: str, reason: str) -> LocalEnvironmentError:
    return LocalEnvironmentError(
        f"{tool} is not on PATH, and building it needs a compiler of C and C++. This machine has none, and Zig could not be "
        f"fetched from PyPI: {reason}. Install gcc and g++, or put {tool} on PATH"
    )
