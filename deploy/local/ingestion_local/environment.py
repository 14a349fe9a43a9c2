"""Everything on one machine: a real control plane, the AWS emulator and the operator, started and stopped together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ingestion_local import toolchain
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import EmulatedAws, Emulator
from ingestion_local.operator_process import OperatorProcess
from ingestion_operator.offline.operator_policy import Reach, operator_policies

ROOT = Path(__file__).resolve().parents[3]
CRDS = ROOT / "crds"
RBAC = ROOT / "deploy" / "rbac.yaml"
SYSTEM_NAMESPACE = "ingestion-system"
SERVICE_ACCOUNT = "ingestion-operator"


class LocalEnvironment:
    """Control plane with the CRD and RBAC installed, emulator, and an operator under its own ServiceAccount and IAM policy."""

    def __init__(self, directory: Path, *, auth: bool = True, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self._auth = auth
        self._settings = settings
        self._stack = ExitStack()
        self.control_plane: ControlPlane
        self.emulator: Emulator
        self.operator: OperatorProcess

    def start(self) -> None:
        """Start everything. Raises LocalEnvironmentError; whatever was started is stopped again."""
        tools = toolchain.ensure()
        with ExitStack() as starting:
            self.control_plane = starting.enter_context(ControlPlane(self.directory / "control-plane", tools))
            self.emulator = starting.enter_context(Emulator(self.directory / "aws", auth=self._auth))
            install_into(self.control_plane)
            self.operator = OperatorProcess(
                self.directory / "operator",
                kubeconfig=self.control_plane.service_account_kubeconfig(
                    SYSTEM_NAMESPACE, SERVICE_ACCOUNT, self.directory / "operator.kubeconfig"
                ),
                pulumi=tools["pulumi"],
                aws=operator_identity(self.emulator),
                settings=self._settings,
            )
            starting.callback(self.operator.stop)
            self.operator.start()
            self._stack = starting.pop_all()

    def stop(self) -> None:
        """Stop everything, the operator first. Stopping a stopped one succeeds."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def install_into(control_plane: ControlPlane) -> None:
    """Install what an administrator installs: the CRD and the operator's rights."""
    control_plane.run_kubectl("apply", "--server-side", "-f", str(CRDS), "-f", str(RBAC))
    control_plane.run_kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


def operator_identity(
    emulator: EmulatedAws,
    name: str = SERVICE_ACCOUNT,
    *,
    boundary: str = "",
    code_buckets: Sequence[str] = (),
    state_bucket: str = "",
    account_roles: Sequence[str] = (),
) -> dict[str, str]:
    """The environment of an operator that may do what the policy generated for it says, all features on, and no more.

    `boundary`: ARN of the permissions boundary that its roles must have. `code_buckets`: those that it may read code from.
    `state_bucket`: that of its state, if it is not on a volume. `account_roles`: ARNs, or patterns, of AWSAccounts' roles.
    """
    reach = Reach(
        emulator.account_id,
        (emulator.region,),
        code_buckets=tuple(code_buckets),
        state_bucket=state_bucket,
        boundary=boundary,
        account_roles=tuple(account_roles),
    )
    return emulator.restricted_env(name, operator_policies(reach))
