"""Finds the programs of the local environment on the machine, or builds them from pinned Go modules.

A program that is already installed is used only if it has exactly the pinned version. Any other program is built once, into
a cache outside the checkout. All checkouts share the cache:

    <cache>/tools/<name>-<version>-<os>-<arch>-<hash of the recipe>/<name>
                                                                  /stamp.json   size, time and hash of <name>

`python -m ingestion_local.toolchain [NAME ...]` finds or builds the named programs and prints their paths. Without names, it
does so for the programs that the local environment itself runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion_local import c_compiler
from ingestion_local.go_build import GoBuild
from ingestion_local.processes import LocalEnvironmentError, wait_until
from ingestion_local.progress import Reporter, default_reporter

TOOLS_DIRECTORY = Path(__file__).resolve().parents[1] / "tools"
BUILD_TIMEOUT_SECONDS = 3600.0
VERSION_TIMEOUT_SECONDS = 30.0
STAMP = "stamp.json"

KUBERNETES_VERSION = "1.37.2"
_KUBERNETES_FLAGS = (
    f"-s -w -X k8s.io/component-base/version.gitVersion=v{KUBERNETES_VERSION} "
    "-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37 "
    f"-X k8s.io/client-go/pkg/version.gitVersion=v{KUBERNETES_VERSION}"
)
# The programs that, with a control plane, make a cluster whose pods run.
NODE = ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")


@dataclass(frozen=True)
class Tool:
    """How one program is built, and how its version is recognised."""

    name: str
    version: str
    module: str  # folder under TOOLS_DIRECTORY whose go.mod pins it
    package: str
    ldflags: str
    version_arguments: tuple[str, ...]
    version_pattern: str  # its group 1 is the version in the program's output
    cgo: bool = False  # whether parts of it are written in C

    @property
    def module_directory(self) -> Path:
        """The folder of the go.mod that pins the tool."""
        return TOOLS_DIRECTORY / self.module


def _kubernetes(name: str, module: str) -> Tool:
    """One of Kubernetes' servers. All of them are built and recognised in the same way."""
    return Tool(
        name=name,
        version=KUBERNETES_VERSION,
        module=module,
        package=f"k8s.io/kubernetes/cmd/{name}",
        ldflags=_KUBERNETES_FLAGS,
        version_arguments=("--version",),
        version_pattern=r"Kubernetes v(\S+)",
    )


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            name="etcd",
            version="3.7.3",
            module="kubernetes",
            package="go.etcd.io/etcd/server/v3",
            ldflags="-s -w",
            version_arguments=("--version",),
            version_pattern=r"etcd Version: (\S+)",
        ),
        _kubernetes("kube-apiserver", "kubernetes"),
        Tool(
            name="kubectl",
            version=KUBERNETES_VERSION,
            module="kubernetes",
            package="k8s.io/kubernetes/cmd/kubectl",
            ldflags=_KUBERNETES_FLAGS,
            version_arguments=("version", "--client"),
            version_pattern=r"Client Version: v(\S+)",
        ),
        Tool(
            name="pulumi",
            version="3.255.0",
            module="pulumi",
            package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            ldflags="-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.255.0",
            version_arguments=("version",),
            version_pattern=r"^v(\S+)$",
        ),
        Tool(
            name="kind",
            version="0.33.0",
            module="kind",
            package="sigs.k8s.io/kind",
            ldflags="-s -w",
            version_arguments=("version",),
            version_pattern=r"^kind v(\S+)",
        ),
        Tool(
            name="helm",
            version="4.3.1",
            module="helm",
            package="helm.sh/helm/v4/cmd/helm",
            ldflags="-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1",
            version_arguments=("version", "--template", "{{.Version}}"),
            version_pattern=r"^v(\S+)$",
        ),
        Tool(
            name="vale",
            version="3.22.0",
            module="vale",
            package="github.com/vale-cli/vale/v3/cmd/vale",
            ldflags="-s -w -X main.version=3.22.0",
            version_arguments=("--version",),
            version_pattern=r"^vale version (\S+)$",
            cgo=True,
        ),
        *(_kubernetes(name, "node") for name in NODE),
    )
}
ALL: tuple[str, ...] = tuple(TOOLS)
# The programs that the local environment itself runs. Only the tests of the image and the chart need the others.
LOCAL: tuple[str, ...] = ("etcd", "kube-apiserver", "kubectl", "pulumi")


def ensure(names: Iterable[str] = LOCAL, *, reporter: Reporter | None = None) -> Mapping[str, Path]:
    """The paths of the named tools, each in its pinned version. Missing tools are built first.

    Several processes may call this at once: one builds, and the others wait for it. Raises LocalEnvironmentError for an unknown
    name, without a Go that is new enough, or when a build fails (with the path of the full log).
    """
    wanted = [_tool(name) for name in dict.fromkeys(names)]
    paths = {tool.name: path for tool in wanted if (path := _installed(tool) or _cached(tool))}
    missing = [tool for tool in wanted if tool.name not in paths]
    with contextlib.closing(reporter or default_reporter()) as report:
        for index, tool in enumerate(missing, start=1):
            report.begin(f"{tool.name} {tool.version} ({index} of {len(missing)})")
            paths[tool.name] = _build_once(tool, report)
    return {tool.name: paths[tool.name] for tool in wanted}


def cache_directory() -> Path:
    """The directory for files that outlive one run: INGESTION_CACHE_DIR, or a folder in the user's cache."""
    if explicit := os.environ.get("INGESTION_CACHE_DIR"):
        return Path(explicit).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "ingestion-operator"


@contextlib.contextmanager
def exclusive(lock: Path, what: str, *, timeout_seconds: float, reporter: Reporter | None = None) -> Iterator[None]:
    """Hold the file lock `lock`. The kernel frees it when the holder ends, however it ends.

    Raises LocalEnvironmentError with `what` when another process holds the lock for longer than the time.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as handle:

        def acquired() -> bool:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if reporter is not None:
                    reporter.advance("waiting for another process that holds the lock")
                return False
            return True

        wait_until(what, acquired, timeout_seconds=timeout_seconds)
        yield


def _tool(name: str) -> Tool:
    if name not in TOOLS:
        raise LocalEnvironmentError(f"there is no tool {name!r}; the tools are {', '.join(ALL)}")
    return TOOLS[name]


def _installed(tool: Tool) -> Path | None:
    """The tool in KUBEBUILDER_ASSETS or on PATH, if it has exactly the pinned version."""
    for folders in (os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH")):
        path = shutil.which(tool.name, path=folders) if folders else None
        if path and _version_of(tool, Path(path)) == tool.version:
            return Path(path)
    return None


def _version_of(tool: Tool, binary: Path) -> str | None:
    try:
        ran = subprocess.run(
            [binary, *tool.version_arguments],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_SECONDS,
            check=False,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(tool.version_pattern, ran.stdout, re.MULTILINE)
    return match.group(1) if match else None


def _entry(tool: Tool) -> Path:
    recipe = hashlib.sha256(_go_mod(tool).encode())
    recipe.update(repr((tool.package, tool.ldflags)).encode())
    system, machine = platform.system().lower(), platform.machine().lower()
    folder = f"{tool.name}-{tool.version}-{system}-{machine}-{recipe.hexdigest()[:12]}"
    return cache_directory() / "tools" / folder


def _go_mod(tool: Tool) -> str:
    try:
        return (tool.module_directory / "go.mod").read_text()
    except FileNotFoundError as error:
        raise LocalEnvironmentError(
            f"{tool.name} is built from {tool.module_directory}/go.mod, which does not exist: "
            f"run this from a checkout, or put {tool.name} {tool.version} on PATH"
        ) from error


def _cached(tool: Tool) -> Path | None:
    """The built tool, if its file is unchanged since the build."""
    binary = _entry(tool) / tool.name
    try:
        stamp = json.loads((binary.parent / STAMP).read_text())
        status = binary.stat()
        if (status.st_size, status.st_mtime_ns) == (stamp["size"], stamp["mtime_ns"]):
            return binary
        # A copied or restored file has another time. Its content decides, and a new stamp keeps the answer.
        if status.st_size != stamp["size"] or _sha256(binary) != stamp["sha256"]:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    _write_stamp(binary)
    return binary


def _write_stamp(binary: Path) -> None:
    status = binary.stat()
    stamp = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": _sha256(binary)}
    partial = binary.parent / f".{STAMP}.{os.getpid()}"
    partial.write_text(json.dumps(stamp))
    partial.replace(binary.parent / STAMP)


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _build_once(tool: Tool, reporter: Reporter) -> Path:
    entry = _entry(tool)
    lock = entry.with_name(f".{entry.name}.lock")
    with exclusive(lock, f"the build of {tool.name}", timeout_seconds=BUILD_TIMEOUT_SECONDS, reporter=reporter):
        if built := _cached(tool):
            reporter.end("another process built it")
            return built
        started = time.monotonic()
        binary = _build(tool, entry, reporter)
        reporter.end(f"built in {time.monotonic() - started:.0f} s")
        return binary


def _build(tool: Tool, entry: Path, reporter: Reporter) -> Path:
    recipe = GoBuild(
        tool=f"{tool.name} {tool.version}",
        module_directory=tool.module_directory,
        package=tool.package,
        ldflags=tool.ldflags,
        log=cache_directory() / "tools" / "logs" / f"{tool.name}-{tool.version}.log",
    )
    go = recipe.go()
    if entry.exists():
        reporter.advance("the cached file is damaged or half-written, building it again")
        shutil.rmtree(entry)
    entry.mkdir(parents=True)
    partial = entry / f".{tool.name}.partial"
    with _c_settings(tool, go, entry, reporter) as settings:
        recipe.run(go, partial, reporter, settings=settings, timeout_seconds=BUILD_TIMEOUT_SECONDS)
    if (version := _version_of(tool, partial)) != tool.version:
        raise LocalEnvironmentError(
            f"{tool.name} built from {tool.module_directory} says it is version {version}, not {tool.version}"
        )
    binary = partial.replace(entry / tool.name)
    # The stamp comes last: an entry without a stamp is unfinished.
    _write_stamp(binary)
    return binary


def _c_settings(
    tool: Tool, go: str, entry: Path, reporter: Reporter
) -> contextlib.AbstractContextManager[Mapping[str, str]]:
    if not tool.cgo:
        return contextlib.nullcontext({})
    return c_compiler.settings_for_go(go, f"{tool.name} {tool.version}", entry, reporter)


def main(names: Sequence[str]) -> None:
    """Find or build the named tools, or those of the local environment, and print `<name> <path>` lines."""
    try:
        paths = ensure(names or LOCAL)
    except LocalEnvironmentError as error:
        sys.exit(f"error: {error}")
    for name, path in paths.items():
        sys.stdout.write(f"{name} {path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
