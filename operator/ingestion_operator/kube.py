"""The Kubernetes adapter: the core's `Cluster` port on the official client."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from ingestion_operator.conditions import shorten
from ingestion_operator.errors import UpdateFailed
from ingestion_operator.model.pipeline import GROUP, KIND, PLURAL, VERSION, Identity, PipelineKey
from ingestion_operator.reasons import Reason

COMPONENT = "ingestion-operator"
EVENT_MESSAGE_LIMIT = 1024
CLUSTER_ID_LENGTH = 8
NOT_FOUND = 404
REQUEST_TIMEOUT_SECONDS = (5, 30)


def load_configuration() -> None:
    """Use the pod's ServiceAccount, or outside of a cluster the kubeconfig. Raises kubernetes.config.ConfigException."""
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except config.ConfigException:
        config.load_kube_config(os.environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]


class KubernetesCluster:
    """The `Cluster` port on the Kubernetes API."""

    def __init__(self, cluster_id: str = "") -> None:
        self._cluster_id = cluster_id
        self._guard = threading.Lock()
        self._objects = client.CustomObjectsApi()
        self._core = client.CoreV1Api()

    def cluster_id(self) -> str:
        """See the port: as configured, else the beginning of the uid of the namespace kube-system, which lives as long."""
        with self._guard:
            if not self._cluster_id:
                with _translated("reading the namespace kube-system"):
                    found = self._core.read_namespace("kube-system", _request_timeout=REQUEST_TIMEOUT_SECONDS)
                    self._cluster_id = str(found.metadata and found.metadata.uid)[:CLUSTER_ID_LENGTH]
            return self._cluster_id

    def pipeline(self, key: PipelineKey) -> Mapping[str, Any] | None:
        """See the port."""
        with _translated(f"reading IngestionPipeline {key}"):
            try:
                found = self._objects.get_namespaced_custom_object(
                    GROUP, VERSION, key.namespace, PLURAL, key.name, _request_timeout=REQUEST_TIMEOUT_SECONDS
                )
            except ApiException as error:
                if error.status == NOT_FOUND:
                    return None
                raise
            return cast("Mapping[str, Any]", found)

    def patch_status(self, key: PipelineKey, patch: Mapping[str, Any]) -> None:
        """See the port."""
        with _translated(f"writing the status of {key}"):
            try:
                self._objects.patch_namespaced_custom_object_status(
                    GROUP,
                    VERSION,
                    key.namespace,
                    PLURAL,
                    key.name,
                    {"status": patch},
                    _request_timeout=REQUEST_TIMEOUT_SECONDS,
                )
            except ApiException as error:
                if error.status != NOT_FOUND:
                    raise

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """See the port."""
        with _translated(f"reading ConfigMap {namespace}/{name}"):
            try:
                found = self._core.read_namespaced_config_map(name, namespace, _request_timeout=REQUEST_TIMEOUT_SECONDS)
            except ApiException as error:
                if error.status == NOT_FOUND:
                    return None
                raise
            return dict(found.data or {})

    def announce(self, identity: Identity, reason: Reason, message: str, *, warning: bool = False) -> None:
        """See the port."""
        now = datetime.now(UTC)
        event = client.CoreV1Event(
            metadata=client.V1ObjectMeta(
                name=f"{identity.key.name}.{uuid4().hex[:16]}", namespace=identity.key.namespace
            ),
            involved_object=client.V1ObjectReference(
                api_version=f"{GROUP}/{VERSION}",
                kind=KIND,
                namespace=identity.key.namespace,
                name=identity.key.name,
                uid=identity.uid,
            ),
            reason=reason.value,
            message=shorten(message)[:EVENT_MESSAGE_LIMIT],
            type="Warning" if warning else "Normal",
            first_timestamp=now,
            last_timestamp=now,
            count=1,
            source=client.V1EventSource(component=COMPONENT),
        )
        with _translated(f"publishing an Event about {identity.key}"):
            try:
                self._core.create_namespaced_event(
                    identity.key.namespace, event, _request_timeout=REQUEST_TIMEOUT_SECONDS
                )
            except ApiException as error:
                # In a namespace that is going away no Event can be made, and none would be read.
                if not (error.status in (403, NOT_FOUND) and "terminat" in str(error.body)):
                    raise


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        raise UpdateFailed(f"{doing}: {error.status} {error.reason}: {error.body}") from error
    except OSError as error:
        raise UpdateFailed(f"{doing}: {error}") from error
