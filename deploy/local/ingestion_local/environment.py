"""The whole local environment: a real control plane, the AWS emulator and the operator start and stop together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ingestion_local import toolchain
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import EmulatedAws, Emulator
from ingestion_local.lifecycle import Startable
from ingestion_local.operator_process import OperatorProcess
from ingestion_operator.offline.operator_policy import Reach, operator_policies

ROOT = Path(__file__).resolve().parents[3]
CRDS = ROOT / "crds"
RBAC = ROOT / "deploy" / "rbac.yaml"
SYSTEM_NAMESPACE = "ingestion-system"
SERVICE_ACCOUNT = "ingestion-operator"


class LocalEnvironment(Startable):
    """A control plane with CRDs and RBAC, an emulator, and an operator with its own ServiceAccount and IAM policy."""

    def __init__(self, directory: Path, *, auth: bool = True, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.directory = directory
        self.logs = directory / "logs"
        self._auth = auth
        self._settings = settings
        self.control_plane: ControlPlane
        self.emulator: Emulator
        self.operator: OperatorProcess

    def _start(self) -> None:
        tools = toolchain.ensure()
        self.control_plane = self._started.enter_context(ControlPlane(self.directory / "control-plane", tools))
        self.emulator = self._started.enter_context(Emulator(self.directory / "aws", auth=self._auth))
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
        self._started.enter_context(self.operator)


def install_into(control_plane: ControlPlane) -> None:
    """Install what an administrator installs: the CRDs and the operator's rights."""
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
    """The environment of an operator that may do exactly what its generated policy allows, with all features on.

    `boundary`: ARN of the permissions boundary that its roles must have. `code_buckets`: buckets from which it may read code.
    `state_bucket`: the bucket of its state, if the state is not on a volume. `account_roles`: ARNs or patterns of AWSAccounts'
    roles.
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
