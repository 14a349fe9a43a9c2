"""Everything real: API server, emulator with IAM enforced, Pulumi engine, the operator under its own ServiceAccount."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from canary import CANARY, everything_of_the_cluster, places_with, recording_arguments
from cluster_reader import ClusterReader
from e2e.world import Operator, World
from ingestion_local.cluster.operator_pod import OperatorPod
from ingestion_local.cluster.ports import PodCluster
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import EmulatedAws
from ingestion_local.environment import SERVICE_ACCOUNT, SYSTEM_NAMESPACE, operator_identity
from ingestion_local.kubectl import Kubectl
from ingestion_local.operator_process import OperatorProcess
from ingestion_local.processes import wait_until

# Each test leaves its pipelines to be deleted behind it; all of them must be gone at the end.
GONE_TIMEOUT_SECONDS = 120.0
# What the documentation calls the bucket with Pulumi's state.
STATE_BUCKET = "acme-pulumi-state"
SETTINGS = {
    "INGESTION_WAITING_SECONDS": "3",
    "INGESTION_POLL_SECONDS": "2",
    "INGESTION_RETRY_BASE_SECONDS": "1",
    "INGESTION_CLUSTER_ID": "e2e",
    "INGESTION_LOG_LEVEL": "INFO",
}


# The name of the role of each AWSAccount.
ACCOUNT_ROLE = "ingestion"

# What an administrator lets functions have at most: here everything but this, so that it can be seen to hold.
BOUNDED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "sns:*", "Resource": "*"},
    ],
}


@pytest.fixture(scope="session")
def bounds(emulator: EmulatedAws) -> str:
    """ARN of the permissions boundary that every role must have."""
    made = emulator.client("iam").create_policy(PolicyName="bounds", PolicyDocument=json.dumps(BOUNDED))
    arn: str = made["Policy"]["Arn"]
    return arn


@pytest.fixture(scope="session")
def identity(emulator: EmulatedAws, bounds: str) -> dict[str, str]:
    """The operator's: an IAM user with the generated policy and nothing else."""
    return operator_identity(
        emulator,
        boundary=bounds,
        code_buckets=["builds-*"],
        state_bucket=STATE_BUCKET,
        account_roles=[f"arn:aws:iam::*:role/{ACCOUNT_ROLE}"],
    )


@pytest.fixture(scope="session")
def namespaces() -> list[str]:
    """Those of all tests that are over."""
    return []


@pytest.fixture(scope="session")
def operator(
    workdir: Path,
    tools: Mapping[str, Path],
    pod_cluster: PodCluster | None,
    control_plane: Kubectl,
    identity: Mapping[str, str],
    bounds: str,
    namespaces: list[str],
) -> Iterator[Operator]:
    """One operator for all tests, a process or a pod; a test that ends it starts it again."""
    settings = SETTINGS | {"INGESTION_PERMISSIONS_BOUNDARY": bounds}
    running: Operator
    if pod_cluster is not None:
        running = OperatorPod(pod_cluster, workdir / "operator", aws=identity, settings=settings)
    else:
        assert isinstance(control_plane, ControlPlane)
        running = OperatorProcess(
            workdir / "operator",
            kubeconfig=control_plane.service_account_kubeconfig(
                SYSTEM_NAMESPACE, SERVICE_ACCOUNT, workdir / "operator.kubeconfig"
            ),
            pulumi=recording_arguments(tools["pulumi"], workdir / "cli"),
            aws=identity,
            settings=settings,
        )
    if pod_cluster is None:
        # The control plane has served tests of other levels: what they left is not for this operator to build.
        control_plane.run_kubectl("delete", "ipl", "--all", "--all-namespaces", "--wait=false")
    running.start()
    with everything_of_the_cluster(control_plane.kubeconfig, workdir / "versions.jsonl"):
        yield running
        wait_until(
            "the end of every pipeline",
            lambda: not left_in(control_plane, namespaces),
            timeout_seconds=GONE_TIMEOUT_SECONDS,
            interval_seconds=0.5,
        )
    places = written_by(running, workdir)
    running.stop()
    assert places_with(CANARY, places) == [], "a secret is in what the operator wrote"


def written_by(operator: Operator, workdir: Path) -> dict[str, bytes]:
    """Everything that the operator wrote: its log, its metrics, its state, its files, arguments, and objects of the cluster."""
    local = {
        str(path): path.read_bytes() for path in (workdir / "versions.jsonl", *(workdir / "cli").glob("arguments"))
    }
    files = {str(path): path.read_bytes() for path in (workdir / "operator").rglob("*") if path.is_file()}
    said = {"its log": operator.output().encode(), "its metrics": operator.metrics().encode()}
    return {**operator.state_files(), **local, **files, **said}


def left_in(control_plane: Kubectl, namespaces: Iterable[str]) -> list[str]:
    """The pipelines that are still there of those that the tests made."""
    listed = ClusterReader(control_plane.kubeconfig).pipelines()
    return [item["metadata"]["name"] for item in listed if item["metadata"]["namespace"] in namespaces]


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    control_plane: Kubectl,
    emulator: EmulatedAws,
    operator: Operator,
    namespaces: list[str],
) -> Iterator[World]:
    """The user's view, in a namespace of the test's own; whatever a test leaves is taken down again."""
    made = World(control_plane, emulator, operator)
    made.new_namespace(request.node.name)
    yield made
    namespaces += made.namespaces
    made.clean_up()
