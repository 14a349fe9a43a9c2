"""What the core asks of the Kubernetes API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ingestion_operator.blueprint.resources import Sensitive
from ingestion_operator.model.pipeline import PipelineKey, PipelineRecord
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason


class Accounts(Protocol):
    """What is read of the cluster: see `Cluster`."""

    def cluster_id(self) -> str:
        """See `Cluster`."""

    def account(self, name: str) -> Mapping[str, Any] | None:
        """See `Cluster`."""

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        """See `Cluster`."""


class Cluster(Protocol):
    """What is asked of the Kubernetes API."""

    def account(self, name: str) -> Mapping[str, Any] | None:
        """The AWSAccount as it is now; None if there is none. Raises AccessDenied if the operator is to know of none."""

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        """Every AWSAccount; none if the operator is to know of none."""

    def patch_account_status(self, name: str, patch: Mapping[str, Any]) -> None:
        """Merge a patch into the status of an AWSAccount; one that is gone is success."""

    def cluster_id(self) -> str:
        """What tells this cluster from others that share the AWS account."""

    def pipeline(self, key: PipelineKey) -> Mapping[str, Any] | None:
        """The object as it is now; None if it is gone."""

    def patch_status(self, key: PipelineKey, patch: Mapping[str, Any]) -> None:
        """Merge a patch into the status; a pipeline that is gone is success."""

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The text entries of a ConfigMap; None if it is absent."""

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        """The entries of a Secret that are text; None if it is absent."""

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        """Every pipeline that the operator looks after."""

    def pod_is_gone(self, pod: Pod) -> bool:
        """Whether it is certain that none of the pod's processes runs any more. False where that cannot be looked up."""

    def announce(self, record: PipelineRecord, reason: Reason, message: str, *, warning: bool = False) -> None:
        """Publish a Kubernetes Event about the pipeline."""


class Objects(Accounts, Protocol):
    """What is read of the cluster: see `Cluster`."""

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """See `Cluster`."""

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        """See `Cluster`."""

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        """See `Cluster`."""
