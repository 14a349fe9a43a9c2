"""Each tool is built once, trusted only when it is recognised, and a failure says what to do."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from ingestion_local import toolchain
from ingestion_local.go_build import build_environment
from ingestion_local.processes import LocalEnvironmentError, wait_until
from ingestion_local.progress import LineReporter, TerminalReporter

ROOT = Path(__file__).resolve().parents[2]
ETCD = "etcd Version: 3.7.3"
# Replaces Go. It logs each build, waits at the gate if there is one, and "builds" a script that prints a version.
FAKE_GO = """#!{python}
import os, pathlib, shlex, subprocess, sys
command, *arguments = sys.argv[1:]
if arguments == ["CC"] or arguments == ["CXX"]:
    print("gcc" if arguments == ["CC"] else "g++")
elif command == "env":
    print(os.environ.get("FAKE_GO_VERSION", "go1.26.8"))
elif command == "list":
    print("example.org/a", "example.org/b", sep="\\n")
elif command == "build":
    with open(os.environ["FAKE_GO_BUILDS"], "a") as builds:
        builds.write(arguments[-1] + "\\n")
    progress = "go: downloading example.org/a v1.0.0", "example.org/a", "example.org/b"
    print(*progress, sep="\\n", file=sys.stderr)
    if gate := os.environ.get("FAKE_GO_GATE"):
        pathlib.Path(gate).read_text()
    for compiler in filter(None, (os.environ.get("CC"), os.environ.get("CXX"))):
        subprocess.run([*shlex.split(compiler), "part"], check=True)
    if "FAKE_GO_FAILS" in os.environ:
        sys.exit("example.org/a: undefined: b")
    output = pathlib.Path(arguments[arguments.index("-o") + 1])
    output.write_text("#!/bin/sh\\necho '" + os.environ["FAKE_GO_OUTPUT"] + "'\\n")
    output.chmod(0o755)
"""
# Stands for uv: instead of Zig, it installs a script that notes how it is run.
FAKE_UV = """#!{python}
import os, pathlib, sys
if "FAKE_UV_FAILS" in os.environ:
    sys.exit("no such host")
(target,) = (argument.removeprefix("--target=") for argument in sys.argv if argument.startswith("--target="))
zig = pathlib.Path(target, "ziglang", "zig")
zig.parent.mkdir(parents=True)
zig.write_text("#!/bin/sh\\necho $* >> $FAKE_ZIG_RUNS\\n")
zig.chmod(0o755)
"""


@dataclass(frozen=True)
class GoMachine:
    """A machine whose PATH and caches are the test's own."""

    bin: Path
    builds_log: Path

    @property
    def builds(self) -> list[str]:
        """The packages that were built, in order."""
        return self.builds_log.read_text().split() if self.builds_log.exists() else []

    def put(self, folder: Path, name: str, prints: str) -> Path:
        """Install a program that prints something."""
        return script(folder / name, f"#!/bin/sh\necho '{prints}'\n")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoMachine:
    made = GoMachine(tmp_path / "bin", tmp_path / "builds")
    script(made.bin / "go", FAKE_GO.format(python=sys.executable))
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("INGESTION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_GO_BUILDS", str(made.builds_log))
    monkeypatch.setenv("FAKE_GO_OUTPUT", ETCD)
    return made


@pytest.fixture
def builds_vale(machine: GoMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoMachine:
    """The machine where Go builds a tool with parts in C, and where a fake uv installs a fake Zig."""
    monkeypatch.setenv("FAKE_GO_OUTPUT", "vale version 3.22.0")
    monkeypatch.setenv("UV", str(script(tmp_path / "uv", FAKE_UV.format(python=sys.executable))))
    monkeypatch.setenv("FAKE_ZIG_RUNS", str(tmp_path / "runs"))
    return machine


def ensure_etcd() -> Path:
    return toolchain.ensure(["etcd"])["etcd"]


def test_a_tool_is_built_once_and_then_found_in_the_cache(machine: GoMachine, tmp_path: Path) -> None:
    first = ensure_etcd()
    assert first == ensure_etcd()
    assert first.is_relative_to(tmp_path / "cache" / "tools")
    assert machine.builds == ["go.etcd.io/etcd/server/v3"]


def truncate(binary: Path) -> None:
    binary.write_bytes(binary.read_bytes()[:10])


def change_one_byte(binary: Path) -> None:
    binary.write_bytes(binary.read_bytes()[:-2] + b"#\n")


def remove_the_binary(binary: Path) -> None:
    binary.unlink()


def remove_the_stamp(binary: Path) -> None:
    (binary.parent / toolchain.STAMP).unlink()


def cut_the_stamp_short(binary: Path) -> None:
    (binary.parent / toolchain.STAMP).write_text('{"size": 1')


@pytest.mark.parametrize(
    "damage", [truncate, change_one_byte, remove_the_binary, remove_the_stamp, cut_the_stamp_short]
)
def test_a_damaged_cache_entry_is_built_again(machine: GoMachine, damage: Callable[[Path], None]) -> None:
    binary = ensure_etcd()
    intact = binary.read_bytes()
    damage(binary)
    assert ensure_etcd().read_bytes() == intact
    assert len(machine.builds) == 2


def test_a_cache_entry_that_was_only_copied_is_not_built_again(machine: GoMachine) -> None:
    os.utime(ensure_etcd(), (0, 0))
    ensure_etcd()
    assert len(machine.builds) == 1


def test_a_build_that_prints_another_version_is_refused(machine: GoMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_OUTPUT", "etcd Version: 3.7.4")
    with pytest.raises(LocalEnvironmentError, match=r"says it is version 3\.7\.4, not 3\.7\.3"):
        ensure_etcd()


def test_two_callers_at_once_build_once(machine: GoMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    monkeypatch.setenv("FAKE_GO_GATE", str(gate))
    program = (
        "import pathlib, sys; from ingestion_local import toolchain\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "print(toolchain.ensure(['etcd'])['etcd'])"
    )
    arrivals = [tmp_path / "first", tmp_path / "second"]
    callers = [
        subprocess.Popen([sys.executable, "-c", program, arrived], stdout=subprocess.PIPE, text=True)
        for arrived in arrivals
    ]
    wait_until(
        "both callers and a build",
        lambda: all(arrived.exists() for arrived in arrivals) and machine.builds,
        timeout_seconds=30,
    )
    gate.write_text("go on")
    answers = {caller.communicate(timeout=30)[0] for caller in callers}
    assert len(answers) == 1
    assert "etcd-3.7.3" in answers.pop()
    assert len(machine.builds) == 1


def test_without_go_the_error_says_what_to_install(machine: GoMachine) -> None:
    (machine.bin / "go").unlink()
    with pytest.raises(LocalEnvironmentError, match=r"no `go` on PATH.*etcd 3\.7\.3.*Go 1\.26.*go\.dev/dl"):
        ensure_etcd()


def test_a_go_that_is_too_old_is_named_with_its_version(machine: GoMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.25.9")
    with pytest.raises(LocalEnvironmentError, match=r"bin/go is not new enough: it is version 1\.25\.9.*Go 1\.26"):
        ensure_etcd()
    assert machine.builds == []


def test_a_failed_build_shows_the_end_of_its_log_and_where_it_is(
    machine: GoMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_FAILS", "yes")
    with pytest.raises(LocalEnvironmentError, match="undefined: b") as failure:
        ensure_etcd()
    path = re.search(r"The full log is (\S+);", str(failure.value))
    assert path is not None
    assert "undefined: b" in Path(path.group(1)).read_text()


def test_a_build_that_failed_is_tried_again(machine: GoMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_FAILS", "yes")
    with pytest.raises(LocalEnvironmentError):
        ensure_etcd()
    monkeypatch.delenv("FAKE_GO_FAILS")
    assert ensure_etcd().exists()


def test_compilers_on_the_machine_compile_the_parts_in_c(builds_vale: GoMachine, tmp_path: Path) -> None:
    for compiler in ("gcc", "g++"):
        script(builds_vale.bin / compiler, "#!/bin/sh\n")
    toolchain.ensure(["vale"])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "compilers",
    [
        {},
        {"gcc": "exit 0"},
        {"gcc": "exit 0", "g++": "echo 'string: No such file or directory'; exit 1"},
    ],
    ids=["none", "one of C alone", "one without headers"],
)
def test_without_compilers_that_work_zig_compiles_the_parts_in_c(
    compilers: Mapping[str, str], builds_vale: GoMachine, tmp_path: Path
) -> None:
    for name, does in compilers.items():
        script(builds_vale.bin / name, f"#!/bin/sh\n{does}\n")
    built = toolchain.ensure(["vale"])["vale"]
    assert (tmp_path / "runs").read_text().splitlines() == ["cc part", "c++ part"]
    assert {path.name for path in built.parent.iterdir()} == {"vale", toolchain.STAMP}


def test_without_a_compiler_and_without_zig_the_error_says_what_to_install(
    builds_vale: GoMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_UV_FAILS", "yes")
    with pytest.raises(
        LocalEnvironmentError,
        match=r"^vale 3\.22\.0 is not on PATH.*: no such host\. Install gcc and g\+\+, or put vale",
    ):
        toolchain.ensure(["vale"])
    assert builds_vale.builds == []


def test_a_program_on_path_with_the_pinned_version_is_used(machine: GoMachine) -> None:
    installed = machine.put(machine.bin, "etcd", ETCD)
    assert ensure_etcd() == installed
    assert machine.builds == []


@pytest.mark.parametrize("prints", ["etcd Version: 3.7.2", "etcd Version: 3.7.3-rc.1", "etcd Version: 3.7.30", ""])
def test_a_program_on_path_with_another_version_is_not_used(machine: GoMachine, prints: str) -> None:
    installed = machine.put(machine.bin, "etcd", prints)
    assert ensure_etcd() != installed
    assert len(machine.builds) == 1


def test_kubebuilder_assets_come_before_path(
    machine: GoMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.put(machine.bin, "etcd", ETCD)
    asset = machine.put(tmp_path / "assets", "etcd", ETCD)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    assert ensure_etcd() == asset


def test_progress_says_which_tool_of_how_many_and_how_long_it_took(machine: GoMachine) -> None:
    written = io.StringIO()
    toolchain.ensure(["etcd"], reporter=LineReporter(written, every_seconds=0))
    lines = written.getvalue().splitlines()
    assert lines[0] == "etcd 3.7.3 (1 of 1): started"
    assert any(re.fullmatch(r"etcd 3\.7\.3 \(1 of 1\): 2 of 2 packages compiled, \d s so far", line) for line in lines)
    assert re.fullmatch(r"etcd 3\.7\.3 \(1 of 1\): built in \d s", lines[-1])


def test_progress_on_a_pipe_is_a_line_now_and_then(machine: GoMachine) -> None:
    written = io.StringIO()
    toolchain.ensure(["etcd"], reporter=LineReporter(written, every_seconds=3600))
    assert len(written.getvalue().splitlines()) == 2


def test_progress_on_a_terminal_ends_with_a_line_for_each_tool(machine: GoMachine) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=120)
    toolchain.ensure(["etcd"], reporter=TerminalReporter(console))
    assert re.search(r"etcd 3\.7\.3 \(1 of 1\): built in \d s", written.getvalue())


def test_an_unknown_tool_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(
        LocalEnvironmentError, match="no tool 'minikube'; the tools are etcd, kube-apiserver, kubectl, pulumi"
    ):
        toolchain.ensure(["minikube"])


def test_the_local_environment_does_not_wait_for_the_tools_of_tests() -> None:
    assert {*toolchain.LOCAL} == {"etcd", "kube-apiserver", "kubectl", "pulumi"}


@pytest.mark.parametrize("tool", toolchain.TOOLS.values(), ids=lambda tool: tool.name)
def test_the_version_of_a_tool_is_the_one_its_module_pins(tool: toolchain.Tool) -> None:
    go_mod = (tool.module_directory / "go.mod").read_text()
    modules = re.findall(r"^(?:require|\t)\s*(\S+) v(\S+)", go_mod, re.MULTILINE)
    pinned = [version for module, version in modules if tool.package.startswith(module)]
    assert pinned == [tool.version]


def test_the_pulumi_command_and_its_sdk_are_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"pulumi=={toolchain.TOOLS['pulumi'].version}" in project["dependencies"]


def test_a_users_workspace_or_target_does_not_change_what_is_built() -> None:
    found = build_environment({"GOOS": "darwin", "GOARCH": "arm64", "GOPROXY": "off", "GOWORK": "/work/go.work"})
    assert found == {"GOPROXY": "off", "GOWORK": "off"}
