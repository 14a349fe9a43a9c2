"""A kind cluster for the tests, with its own name and port. It is made as `make kind` makes one, and needs docker or podman.

A test installs the chart, so the operator is not in it at first. The emulated AWS is the same pod as in `make kind`.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ingestion_local import kind, toolchain
from ingestion_local.emulator import EmulatedAws
from ingestion_local.files import files_in
from ingestion_local.image import ContainerEngine
from ingestion_local.kubectl import Kubectl
from ingestion_local.lifecycle import Startable
from ingestion_local.processes import LocalEnvironmentError, free_port

NAME = "ingestion-test"
NODE = f"{NAME}-control-plane"
# This is not the image of `make kind`. It lacks the AWS plugin, because the stand-in replaces it.
IMAGE = "localhost/ingestion-operator:test"
BUILD_ARGUMENTS = ("--build-arg", "AWS_PLUGIN=none")
TOOLS = ("kind", "kubectl", "helm")
COMMAND_TIMEOUT_SECONDS = 300.0
# How long to wait for another test run on this machine.
TURN_TIMEOUT_SECONDS = 5.0
# Some tests end the operator again and again, and wait for its restart each time.
KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
}
# AWS would not stop with the node either.
DRAINED = (
    "--ignore-daemonsets",
    "--delete-emptydir-data",
    f"--pod-selector=app.kubernetes.io/name!={kind.EMULATOR_NAMESPACE}",
)
# This fails only if a process still exists and does not get the signal.
SEND = 'for pid; do kill -s "$0" "$pid" || [ ! -e "/proc/$pid" ] || exit 1; done'
# GNU tar's exit code for files that changed while it read them: the operator may write its state at any time.
CHANGED = 1


def missing() -> str:
    """Why this machine cannot have a kind cluster; empty if it can."""
    try:
        kind.find_engine()
    except LocalEnvironmentError as error:
        return str(error)
    return ""


class KindNode:
    """The only node: a container of the engine. The containers of the pods run in it."""

    def __init__(self, engine: ContainerEngine, name: str = NODE) -> None:
        self.name = name
        self._engine = engine

    def pids(self, *words: str) -> list[int]:
        """The pids, as the node counts them, of the processes whose command line has all of the words."""
        return [pid for pid, _, line in self._processes() if set(words) <= set(line)]

    def pids_in_container(self, pid: int) -> list[int]:
        """The pids of all processes of the container in which this one is."""
        spaces = {other: space for other, space, _ in self._processes()}
        return [other for other, space in spaces.items() if space == spaces.get(pid)]

    def send(self, number: signal.Signals, pids: Iterable[int]) -> None:
        """Send a signal to the processes, but skip those that have ended. Raises LocalEnvironmentError when it does not arrive."""
        self._run("sh", "-c", SEND, number.name.removeprefix("SIG"), *map(str, pids))

    def files(self, directory: str) -> Mapping[str, bytes]:
        """The content of each file below one of its directories, by its path in the directory."""
        return files_in(self._run("tar", "--create", "--directory", directory, ".", accepted=(0, CHANGED)))

    def _processes(self) -> list[tuple[int, str, list[str]]]:
        """Pid, pid namespace and command line of each of its processes."""
        listed = self._run("ps", "-ww", "-e", "-o", "pid=,pidns=,args=").decode(errors="replace")
        rows = (line.split() for line in listed.splitlines())
        return [(int(pid), space, words) for pid, space, *words in rows]

    def _run(self, *command: str, accepted: Sequence[int] = (0,)) -> bytes:
        """Run a command on the node, and return its output. Raises LocalEnvironmentError with its error message when it fails."""
        words = (self._engine.name, "exec", self.name, *command)
        ran = subprocess.run(words, capture_output=True, check=False, timeout=COMMAND_TIMEOUT_SECONDS)
        if ran.returncode not in accepted:
            said = ran.stderr.decode(errors="replace").strip()[-2000:]
            raise LocalEnvironmentError(f"`{' '.join(words)}` ended with code {ran.returncode}: {said}")
        return ran.stdout


class KindCluster(Startable):
    """One whole cluster. Its files on this machine are under `directory`. A machine has one at a time.

    `uv`: path of the program. `build_arguments`: for the engine, when it builds the operator's image. Raises LocalEnvironmentError
    without an engine.
    """

    def __init__(
        self, directory: Path, *, uv: str, node_image: str = kind.NODE_IMAGE, build_arguments: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.directory = directory.absolute()
        self._engine = kind.find_engine()
        self.node = KindNode(self._engine)
        self._uv = uv
        self._node_image = node_image
        self._build_arguments = (*BUILD_ARGUMENTS, *build_arguments)
        self._port = 0
        self._tag = ""
        self.tools: Mapping[str, Path]
        self.control_plane: Kubectl
        self._kind: kind.KindInstallation

    @property
    def values(self) -> Mapping[str, Any]:
        """The chart's values for this cluster: those of `make kind`, with the image that is loaded in it."""
        values: dict[str, Any] = yaml.safe_load((kind.FOLDER / "values.yaml").read_text())
        return {**values, "image": {**values["image"], "tag": self._tag}}

    @property
    def aws_endpoint(self) -> str:
        """URL of every AWS service, for pods."""
        return f"https://{kind.ADDRESSES[0]}"

    @contextlib.contextmanager
    def emulator(self, directory: Path) -> Iterator[EmulatedAws]:  # noqa: ARG002 - it writes nothing on this machine
        """The emulator in its pod. This machine reaches it at a port on loopback."""
        emulator = EmulatedAws(self._kind.certificate, f"https://127.0.0.1:{self._port}")
        emulator.wait_for_its_answer()
        try:
            yield emulator
        finally:
            emulator.close()

    def volume(self, name: str) -> None:
        """Do nothing: the cluster creates volumes for claims."""

    def drain(self) -> None:
        """Move every pod except the emulator's away from the node. No pod comes back until `uncordon`."""
        self.control_plane.run_kubectl("drain", self.node.name, *DRAINED, "--timeout=60s")

    def uncordon(self) -> None:
        """Let pods run on the node again."""
        self.control_plane.run_kubectl("uncordon", self.node.name)

    def name_services(self) -> None:
        """Do nothing: the cluster's own DNS knows the Services."""

    def _start(self) -> None:
        self.tools = toolchain.ensure(TOOLS)
        lock = toolchain.cache_directory() / "kind" / f".{NAME}.lock"
        what = "the end of the tests that use the kind cluster"
        self._started.enter_context(toolchain.exclusive(lock, what, timeout_seconds=TURN_TIMEOUT_SECONDS))
        self._port = free_port()
        self._kind = kind.KindInstallation(self._engine, self.tools, kind.to_stderr, NAME, self._write_configuration())
        self._kind.down()  # the rest of a run that was killed
        self._started.callback(self._kind.down)
        self._kind.create(self._node_image)
        self._started.callback(self._kind.export_logs, self.directory / "logs")
        self._furnish()

    def _furnish(self) -> None:
        tags = self._kind.build(self._uv, IMAGE, self._build_arguments)
        self._kind.load([f"{kind.STAGES[stage]}:{tag}" for stage, tag in tags.items()])
        self._kind.start_emulator(tags["emulator"])
        self._tag = tags["operator"]
        self.control_plane = Kubectl(self.tools["kubectl"], self._kind.kubeconfig)

    def _write_configuration(self) -> Path:
        path = self.directory / "cluster.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(configuration(self._port)))
        return path


def configuration(port: int) -> dict[str, Any]:
    """The configuration for kind: the cluster of `make kind` with another port, and a kubelet that restarts the operator at once."""
    cluster: dict[str, Any] = yaml.safe_load((kind.FOLDER / "cluster.yaml").read_text())
    cluster["nodes"][0]["extraPortMappings"][0]["hostPort"] = port
    return {**cluster, "kubeadmConfigPatches": [json.dumps(KUBELET)]}
