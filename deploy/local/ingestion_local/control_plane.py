"""A Kubernetes control plane for one machine: a real etcd and a real kube-apiserver with RBAC, on loopback.

It differs from a cluster in these points. No controller-manager runs. So nothing creates the `default` ServiceAccount of a
namespace, and the ServiceAccount admission plugin is off. Nothing finalizes a deleted namespace: it stays `Terminating`, so
delete the objects in it instead. Nothing collects objects whose owner is gone. No scheduler and no kubelet run, so a Pod stays
`Pending`.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import shutil
import signal
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingestion_local.files import write_private
from ingestion_local.kubectl import Kubectl
from ingestion_local.lifecycle import Startable
from ingestion_local.processes import LocalEnvironmentError, Process, free_ports, wait_until

READY_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 5.0
SERVICE_ACCOUNT_TOKEN_DURATION = "8760h"  # noqa: S105 - how long, not what
TOOLS = ("etcd", "kube-apiserver", "kubectl")
PORT_TAKEN = "address already in use"


class ControlPlane(Kubectl, Startable):
    """One etcd and one kube-apiserver. Their data, keys, kubeconfig and logs are under `directory`.

    A later start in the same directory finds the stored objects again, at another port. `tools` are the paths of etcd,
    kube-apiserver and kubectl (`toolchain.ensure`). With `outlive_parent` both processes keep running when the process that
    started them ends, until `stop` or until somebody stops the recorded processes.
    """

    def __init__(self, directory: Path, tools: Mapping[str, Path], *, outlive_parent: bool = False) -> None:
        Kubectl.__init__(self, tools["kubectl"], directory.absolute() / "kubeconfig")
        Startable.__init__(self)
        self.directory = directory.absolute()
        self.log_dir = self.directory / "logs"
        self.admin_token = secrets.token_urlsafe(32)
        self._tools = tools
        self._outlive_parent = outlive_parent
        self._processes: list[Process] = []
        self._etcd_port = self._port = 0

    @property
    def url(self) -> str:
        """URL of the API server. The authority in the kubeconfig signed its certificate."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def etcd_url(self) -> str:
        """URL of etcd for its clients."""
        return f"http://127.0.0.1:{self._etcd_port}"

    @property
    def processes(self) -> tuple[Process, ...]:
        """The running processes: etcd, then kube-apiserver. Empty when it is stopped."""
        return tuple(self._processes)

    def start(self) -> None:
        """Start both and wait until the API server is ready.

        Raises LocalEnvironmentError with the folder of the logs when the API server does not become ready.
        """
        try:
            super().start()
        except LocalEnvironmentError as error:
            raise LocalEnvironmentError(
                f"the control plane did not start; its logs are in {self.log_dir}: {error}"
            ) from error

    def service_account_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig with the identity of an existing ServiceAccount to `path`, and return `path`.

        The API server issues the token (TokenRequest). It is valid for a year.
        """
        created = self.run_kubectl(
            "create", "token", name, "--namespace", namespace, "--duration", SERVICE_ACCOUNT_TOKEN_DURATION
        )
        self._write_kubeconfig(path, user=name, token=created.stdout.strip(), namespace=namespace)
        return path

    @property
    def certificate(self) -> Path:
        """The certificate of the API server, with the authority that signed it."""
        return self.directory / "certificates" / "apiserver.crt"

    def _start(self) -> None:
        self._prepare()
        self._etcd_port, peer_port, self._port = free_ports(3)
        self._started.callback(self._processes.clear)
        etcd = self._launch("etcd", self._etcd_arguments(peer_port))
        server = self._launch("kube-apiserver", self._apiserver_arguments())
        wait_until(
            "readiness of kube-apiserver",
            lambda: self._ready(etcd),
            timeout_seconds=READY_TIMEOUT_SECONDS,
            process=server,
        )
        self._write_kubeconfig(self.kubeconfig, user="admin", token=self.admin_token, namespace="default")

    def _is_worth_another_start(self) -> bool:
        """Whether another program took a port between its choice and its use."""
        return any(PORT_TAKEN in log.read_text(errors="replace") for log in self.log_dir.glob("*.log"))

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Only the logs of this start, and a new certificate, because the old one may have expired.
        for folder in (self.log_dir, self.certificate.parent):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        if not self._key.exists():
            write_private(self._key, _new_signing_key())
        write_private(self._tokens, f"{self.admin_token},admin,admin,system:masters\n")

    @property
    def _key(self) -> Path:
        return self.directory / "service-account.key"

    @property
    def _tokens(self) -> Path:
        return self.directory / "tokens.csv"

    def _launch(self, name: str, arguments: list[str]) -> Process:
        process = Process.start(
            name,
            [self._tools[name], *arguments],
            log=self.log_dir / f"{name}.log",
            env=self.environment(),
            outlive_parent=self._outlive_parent,
            # Nobody needs their data without their parent. After SIGTERM they would take ten seconds to end.
            death_signal=signal.SIGKILL,
        )
        # The API server stops before etcd, because without etcd it would not end in time.
        self._started.callback(process.stop, STOP_TIMEOUT_SECONDS)
        self._processes.append(process)
        return process

    def _etcd_arguments(self, peer_port: int) -> list[str]:
        client, peer = self.etcd_url, f"http://127.0.0.1:{peer_port}"
        return [
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # There is one member, and its data may be lost with the machine: no wait for the disk, no long election.
            "--unsafe-no-fsync",
            "--heartbeat-interval=10",
            "--election-timeout=100",
            "--log-level=warn",
        ]

    def _apiserver_arguments(self) -> list[str]:
        return [
            f"--etcd-servers={self.etcd_url}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            *self._network_arguments(),
            # The API server is not registered as an endpoint, because an endpoint may not be on loopback.
            "--endpoint-reconciler-type=none",
            # The API server creates its own authority and serving certificate in this directory.
            f"--cert-dir={self.certificate.parent}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._tokens}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._key}",
            f"--service-account-signing-key-file={self._key}",
            "--profiling=false",
        ]

    def _network_arguments(self) -> list[str]:
        """How pods reach the API server. This control plane has no pods, and nothing creates ServiceAccounts for them."""
        return [
            # Without this argument it would look for a network interface with a default route.
            "--advertise-address=127.0.0.1",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
        ]

    def _ready(self, etcd: Process) -> bool:
        if not etcd.running:  # the API server would try to reach it for 20 s
            raise LocalEnvironmentError(f"etcd ended; its log is {etcd.log}:\n{etcd.log_tail()}")
        try:
            # This also fails while the certificate is half-written, and when another server answers.
            trust = ssl.create_default_context(cafile=str(self.certificate))
            connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=5, context=trust)
            connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {self.admin_token}"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def _write_kubeconfig(self, path: Path, *, user: str, token: str, namespace: str) -> None:
        authority = base64.b64encode(self.certificate.read_bytes()).decode()
        cluster = {"server": self.url, "certificate-authority-data": authority}
        document: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": user, "namespace": namespace}}],
            "current-context": "local",
        }
        # JSON is YAML too, and needs no quoting rules.
        write_private(path, json.dumps(document, indent=2) + "\n")


def _new_signing_key() -> str:
    """A fresh P-256 private key in PEM."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )
