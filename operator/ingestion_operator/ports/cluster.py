"""What the core needs from the Kubernetes API: narrow ports for reading, and `Cluster` for everything.

Every method but `pod_exists` raises UpdateFailed if the API server does not answer or refuses the request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ingestion_operator.blueprint.resources import Sensitive
from ingestion_operator.model.pipeline import PipelineKey, PipelineRecord
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason


class Accounts(Protocol):
    """The AWSAccounts of the cluster. This is all that the choice of an account needs."""

    def cluster_id(self) -> str:
        """The id that distinguishes this cluster from others that share the AWS account."""

    def account(self, name: str) -> Mapping[str, Any] | None:
        """The AWSAccount as it is now; None if there is none. Raises AccessDenied if accounts are switched off."""

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        """Every AWSAccount; an empty sequence if accounts are switched off."""


class Objects(Accounts, Protocol):
    """What observing a pipeline reads from the cluster."""

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The text entries of a ConfigMap; None if it is absent."""

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        """The entries of a Secret that are text; None if it is absent."""

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        """Every pipeline that the operator watches."""


class Finalizers(Protocol):
    """Keeps objects until the operator lets them go. Both methods do nothing if the object is gone.

    Both raise UpdateFailed, as for an API server that does not answer, if the object has changed since it was read.
    """

    def hold(self, body: Mapping[str, Any]) -> None:
        """Put the operator's finalizer on a pipeline or an AWSAccount, given as it was read. Do nothing if it has it already."""

    def release(self, body: Mapping[str, Any]) -> None:
        """Take the finalizer off, so that Kubernetes may delete the object."""


class Cluster(Objects, Protocol):
    """Everything that the core needs from the Kubernetes API."""

    def pipeline(self, key: PipelineKey) -> Mapping[str, Any] | None:
        """The pipeline as it is now; None if it is gone."""

    def patch_status(self, key: PipelineKey, patch: Mapping[str, Any]) -> None:
        """Merge a patch into the status of a pipeline. If the pipeline is gone, do nothing."""

    def patch_account_status(self, name: str, patch: Mapping[str, Any]) -> None:
        """Merge a patch into the status of an AWSAccount. If the account is gone, do nothing."""

    def pod_exists(self, pod: Pod) -> bool | None:
        """Whether a process of the pod may still run. None if the pod cannot be looked up."""

    def announce(self, record: PipelineRecord, reason: Reason, message: str, *, warning: bool = False) -> None:
        """Publish a Kubernetes Event about the pipeline."""
