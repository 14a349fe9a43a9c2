"""The node: containerd, kubelet and kube-proxy in their own namespaces.

Its first process is `unshare`, which the kernel ends together with this process. The first process inside the namespaces is
tini. When tini ends, the kernel ends all other processes of the node, and removes its mounts, interfaces and rules. Only the
cgroups are the machine's. The node has one cgroup for all of them, and `stop` removes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from ingestion_local.cluster.cgroups import make_cgroups, remove_cgroups
from ingestion_local.cluster.network import Network
from ingestion_local.cluster.node_configuration import CONTAINERD_SOCKET, NAME, NodeConfiguration
from ingestion_local.files import files_below
from ingestion_local.lifecycle import Startable
from ingestion_local.processes import LocalEnvironmentError, Process, output_of, wait_until

COMMAND_TIMEOUT_SECONDS = 300.0
START_TIMEOUT_SECONDS = 60.0
KUBELET_ROOT = "/run/kubelet"
NETWORK_INTERFACE_DIRECTORY = Path("/var/lib/cni")


class Node(Startable):
    """One node of a cluster. It reaches the API server at the machine's end of the network.

    `unpacked`: folder of the unpacked packages (`packages.ensure`). `kubeconfig`: the administrator's, which the node copies.
    """

    def __init__(
        self, directory: Path, *, tools: Mapping[str, Path], unpacked: Path, network: Network, kubeconfig: Path
    ) -> None:
        super().__init__()
        self.directory = directory.absolute()
        self.log_dir = self.directory / "logs"
        self._tools = tools
        self._unpacked = unpacked
        self._network = network
        self._configuration = NodeConfiguration(self.directory, unpacked, network, self.cgroup, kubeconfig)
        self._processes: list[Process] = []
        self._init_pid = 0

    @property
    def cgroup(self) -> str:
        """The cgroup that has the cgroups of all pods, in each hierarchy."""
        return f"/ingestion-{self._network.index}"

    def import_image(self, archive: Path) -> None:
        """Import the images of an archive, so that the kubelet finds them. Raises LocalEnvironmentError."""
        self.run("ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import", str(archive))

    def run(self, *command: str) -> str:
        """Run a command on the node, and return what it prints. Raises LocalEnvironmentError with its error message when it fails."""
        return _run(*self._on_node(command), env=self._environment())

    def pids(self, *words: str) -> list[int]:
        """The pids of the containers' processes whose command line has all of the words. They are this machine's pids."""
        return [process.pid for process in _below(self._init_pid) if set(words) <= set(_command_line(process))]

    def pids_in_container(self, pid: int) -> list[int]:
        """The pids of all processes in the same container as this one."""
        own = _pid_namespace(pid)
        return [other for other in psutil.pids() if _pid_namespace(other) == own]

    def send(self, number: signal.Signals, pids: Iterable[int]) -> None:
        """Send a signal to the processes. A process that has ended is skipped."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def files(self, directory: str) -> Mapping[str, bytes]:
        """The content of each file below one of its directories, by its path there. The node has this machine's files."""
        return files_below(Path(directory))

    def _start(self) -> None:
        self._configuration.write()
        self._started.callback(remove_cgroups, self.cgroup)
        make_cgroups(self.cgroup)
        self._started.callback(self._stop_processes)
        self._start_init()
        self._mount()
        self._connect()
        self._launch(
            "containerd",
            [str(self._unpacked / "usr/bin/containerd"), "--config", str(self._configuration.containerd_file)],
        )
        wait_until(
            "containerd's answer",
            self._containerd_answers,
            timeout_seconds=START_TIMEOUT_SECONDS,
            process=self._processes[-1],
        )
        self._launch("kubelet", [str(self._tools["kubelet"]), *self._kubelet_arguments()])
        self._launch("kube-proxy", [str(self._tools["kube-proxy"]), f"--config={self._configuration.proxy_file}"])

    def _stop_processes(self) -> None:
        # The first process stops first, because the kernel ends the others with it.
        for process in self._processes:
            process.stop()
        self._processes.clear()
        self._init_pid = 0

    def _start_init(self) -> None:
        """Start the first process in new namespaces. It only waits, and reaps ended processes."""
        tini = shutil.which("tini") or "tini"
        namespaces = ["--net", "--mount", "--pid", "--uts", "--ipc"]
        command = ["unshare", *namespaces, "--fork", "--kill-child=KILL", "--mount-proc"]
        init = Process.start(
            "node",
            [*command, tini, "--", "sleep", "infinity"],
            log=self.log_dir / "node.log",
            env=self._environment(),
            death_signal=signal.SIGKILL,
        )
        self._processes.append(init)

        def child() -> int:
            # Before it executes tini, some of its namespaces may be missing.
            return next((process.pid for process in _below(init.pid) if _command_line(process)[:1] == [tini]), 0)

        self._init_pid = wait_until(
            "the node's first process", child, timeout_seconds=START_TIMEOUT_SECONDS, process=init
        )

    def _mount(self) -> None:
        """Give the node its own directories where programs write to fixed paths, and show containers the kubelet's later mounts."""
        for place in ("/run", "/var/log"):
            self.run("mount", "-t", "tmpfs", "tmpfs", place)
        if NETWORK_INTERFACE_DIRECTORY.is_dir():
            self.run("mount", "-t", "tmpfs", "tmpfs", str(NETWORK_INTERFACE_DIRECTORY))
        # The kubelet creates sockets below this directory, and their paths may have only 107 characters (unix(7)).
        self.run("mkdir", KUBELET_ROOT)
        self.run("mount", "--bind", str(self.directory / "kubelet"), KUBELET_ROOT)
        self.run("mount", "--make-rshared", "/")
        self.run("hostname", NAME)

    def _connect(self) -> None:
        network = self._network
        peer = ["peer", "name", "eth0", "netns", str(self._init_pid)]
        _run("ip", "link", "add", network.interface, "type", "veth", *peer)
        _run("ip", "address", "add", f"{network.machine}/30", "dev", network.interface)
        _run("ip", "link", "set", network.interface, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{network.node}/30", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        # Routes between pods and the machine. There is no default route, so nothing leaves the machine.
        self.run("sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")
        _run("ip", "route", "add", str(network.pods), "via", network.node)

    def _launch(self, name: str, command: Sequence[str]) -> None:
        self._processes.append(
            Process.start(
                name,
                self._on_node(command),
                log=self.log_dir / f"{name}.log",
                env=self._environment(),
                cwd=self.directory,
                death_signal=signal.SIGKILL,
            )
        )

    def _on_node(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", f"--target={self._init_pid}", "--net", "--mount", "--pid", "--uts", "--ipc", "--", *command]

    def _environment(self) -> dict[str, str]:
        own = [self._unpacked / "usr/bin", self._unpacked / "usr/sbin"]
        return {
            "PATH": ":".join([*map(str, own), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]),
            "HOME": str(self.directory),
        }

    def _containerd_answers(self) -> bool:
        with contextlib.suppress(LocalEnvironmentError):
            self.run("ctr", "--address", CONTAINERD_SOCKET, "version")
            return True
        return False

    def _kubelet_arguments(self) -> list[str]:
        return [
            f"--config={self._configuration.kubelet_file}",
            f"--kubeconfig={self._configuration.kubeconfig}",
            f"--root-dir={KUBELET_ROOT}",
            f"--cert-dir={self.directory / 'certificates'}",
            f"--hostname-override={NAME}",
            f"--node-ip={self._network.node}",
        ]


def _below(pid: int) -> list[psutil.Process]:
    """All processes that descend from this one; none when it has ended."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _command_line(process: psutil.Process) -> list[str]:
    """The words of the command line; none when the process has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _pid_namespace(pid: int) -> str:
    """The process's pid namespace; empty when it has ended. psutil does not know namespaces."""
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    return ""


def _run(*command: str, env: Mapping[str, str] | None = None) -> str:
    return output_of(*command, timeout_seconds=COMMAND_TIMEOUT_SECONDS, env=env)
