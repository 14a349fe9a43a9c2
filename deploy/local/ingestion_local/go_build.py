"""One build of a Go program from a module that pins it. It reports progress, and its errors say what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion_local.processes import LocalEnvironmentError, Process, wait_until
from ingestion_local.progress import Reporter

FAILURE_TAIL_LINES = 20


@dataclass(frozen=True)
class GoBuild:
    """What is built, and from which module."""

    tool: str  # its name and version, for messages
    module_directory: Path
    package: str
    ldflags: str
    log: Path

    def go(self) -> str:
        """The path of a Go that can build the tool. Raises LocalEnvironmentError when there is none."""
        minimum = self._minimum_go()
        advice = (
            f"{self.tool} is not on PATH, and building it needs Go {minimum} or newer: "
            f"install Go from https://go.dev/dl/, or put {self.tool} on PATH"
        )
        go = shutil.which("go")
        if go is None:
            raise LocalEnvironmentError(f"there is no `go` on PATH. {advice}")
        # In the module's folder, an older Go that may fetch a newer toolchain answers with the newer version.
        asked = subprocess.run(
            [go, "env", "GOVERSION"], cwd=self.module_directory, capture_output=True, text=True, check=False
        )
        version = asked.stdout.strip().removeprefix("go")
        if asked.returncode != 0 or _numbers(version) < _numbers(minimum):
            said = asked.stderr.strip() or f"it is version {version}"
            raise LocalEnvironmentError(f"{go} is not new enough: {said}. {advice}")
        return go

    def run(
        self, go: str, output: Path, reporter: Reporter, *, settings: Mapping[str, str], timeout_seconds: float
    ) -> None:
        """Build into the file `output`, with the environment variables `settings`.

        Raises LocalEnvironmentError with the end of Go's own output.
        """
        self.log.unlink(missing_ok=True)
        listing = [
            go,
            "list",
            "-deps",
            *self._flags,
            "-f",
            "{{if .Stale}}{{.ImportPath}}{{end}}",
            self.package,
        ]
        code = self._watch(listing, settings, lambda log: _show_downloads(log, reporter), timeout_seconds)
        # If this fails, the build fails too, and the build explains it better.
        total = len(_packages(self._output())) if code == 0 else None
        self.log.unlink(missing_ok=True)
        build: list[str | Path] = [go, "build", "-v", *self._flags, "-o", output, self.package]
        code = self._watch(build, settings, lambda log: _show_compiled(log, total, reporter), timeout_seconds)
        if code != 0:
            tail = "\n".join(self._output().splitlines()[-FAILURE_TAIL_LINES:])
            raise LocalEnvironmentError(
                f"building {self.tool} failed (go ended with code {code}). "
                f"The full log is {self.log}; it ends with:\n{tail}"
            )

    def _watch(
        self,
        argv: Sequence[str | Path],
        settings: Mapping[str, str],
        show: Callable[[str], None],
        timeout_seconds: float,
    ) -> int:
        """Run `argv` to its end and return its exit code. Meanwhile `show` gets the output again and again."""
        environment = {**build_environment(os.environ), **settings}
        process = Process.start(f"go for {self.tool}", argv, log=self.log, env=environment, cwd=self.module_directory)

        def ended() -> bool:
            show(self._output())
            return not process.running

        try:
            wait_until(f"the build of {self.tool}", ended, timeout_seconds=timeout_seconds, interval_seconds=0.1)
        finally:
            process.stop()
        return process.popen.wait()

    def _output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def _flags(self) -> list[str]:
        return ["-mod=readonly", "-buildvcs=false", "-ldflags", self.ldflags]

    def _minimum_go(self) -> str:
        go_mod = (self.module_directory / "go.mod").read_text()
        match = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
        return match.group(1) if match else "1"


def _packages(log: str) -> list[str]:
    return [line for line in log.splitlines() if line and not line.startswith("go: ")]


def _show_downloads(log: str, reporter: Reporter) -> None:
    reporter.advance(f"{log.count('go: downloading ')} modules downloaded")


def _show_compiled(log: str, total: int | None, reporter: Reporter) -> None:
    compiled = len(_packages(log))
    if total is None:
        reporter.advance(f"{compiled} packages compiled")
    else:
        compiled = min(compiled, total)
        reporter.advance(f"{compiled} of {total} packages compiled", compiled, total)


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def build_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment without the variables that would build for another machine or in another workspace."""
    kept = {name: value for name, value in environment.items() if name not in ("GOOS", "GOARCH")}
    return {**kept, "GOWORK": "off"}
