"""The Kubernetes adapter: the core's `Cluster` port on the official client."""

from __future__ import annotations

import base64
import binascii
import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, cast
from uuid import uuid4

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from ingestion_operator.blueprint.resources import Sensitive
from ingestion_operator.errors import AccessDenied, CredentialsMissing, UpdateFailed
from ingestion_operator.model.account import ACCOUNTS
from ingestion_operator.model.finalizer import Patch, holding, releasing
from ingestion_operator.model.pipeline import GROUP, KIND, PLURAL, VERSION, PipelineKey, PipelineRecord
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason
from ingestion_operator.wording import shorten

logger = logging.getLogger(__name__)

COMPONENT = "ingestion-operator"
EVENT_MESSAGE_LIMIT = 1024
CLUSTER_ID_LENGTH = 8
ENDED = ("Succeeded", "Failed")
NOT_FOUND = 404
JSON_PATCH = "application/json-patch+json"
PAGE = 500
REQUEST_TIMEOUT_SECONDS = (5, 30)


def load_configuration() -> None:
    """Use the pod's ServiceAccount or, outside of a cluster, the kubeconfig. Raises CredentialsMissing if there is neither."""
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except config.ConfigException:
        _load_kubeconfig()


def _load_kubeconfig() -> None:
    try:
        config.load_kube_config(os.environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise CredentialsMissing(
            f"the operator has neither a ServiceAccount nor a usable kubeconfig: {error}"
        ) from error


class KubernetesCluster:
    """The `Cluster` port on the Kubernetes API."""

    def __init__(self, cluster_id: str = "", namespaces: Sequence[str] = (), *, accounts: bool = True) -> None:
        self._cluster_id = cluster_id
        self._namespaces = tuple(namespaces)
        self._knows_accounts = accounts
        self._guard = threading.Lock()
        self._objects = client.CustomObjectsApi()
        self._core = client.CoreV1Api()

    def cluster_id(self) -> str:
        """See the port. If no id is configured, the id is the beginning of the uid of the namespace kube-system.

        That namespace exists as long as the cluster.
        """
        with self._guard:
            if not self._cluster_id:
                with _translated("reading the namespace kube-system"):
                    namespace = self._core.read_namespace("kube-system", _request_timeout=REQUEST_TIMEOUT_SECONDS)
                    self._cluster_id = str(namespace.metadata and namespace.metadata.uid)[:CLUSTER_ID_LENGTH]
            return self._cluster_id

    def check(self) -> None:
        """Check that the API server answers and that pipelines can be listed. Raises UpdateFailed.

        The readiness probe calls this. It is not part of the port.
        """
        namespace = self._namespaces[0] if self._namespaces else ""
        with _translated("listing IngestionPipelines"):
            self._page(namespace, "", 1)

    def pipeline(self, key: PipelineKey) -> Mapping[str, Any] | None:
        """See the port."""
        with _translated(f"reading IngestionPipeline {key}"), _allowing_absence:
            pipeline = self._objects.get_namespaced_custom_object(
                GROUP, VERSION, key.namespace, PLURAL, key.name, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
            return cast("Mapping[str, Any]", pipeline)
        return None

    def patch_status(self, key: PipelineKey, patch: Mapping[str, Any]) -> None:
        """See the port."""
        body = {"status": patch}
        with _translated(f"writing the status of {key}"), _allowing_absence:
            self._objects.patch_namespaced_custom_object_status(
                GROUP, VERSION, key.namespace, PLURAL, key.name, body, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )

    def hold(self, body: Mapping[str, Any]) -> None:
        """See the port."""
        self._patch_metadata(body, holding(body))

    def release(self, body: Mapping[str, Any]) -> None:
        """See the port."""
        self._patch_metadata(body, releasing(body))

    def _patch_metadata(self, body: Mapping[str, Any], patch: Patch) -> None:
        if not patch:
            return
        name, namespace = body["metadata"]["name"], body["metadata"].get("namespace")
        how: Any = {"_content_type": JSON_PATCH, "_request_timeout": REQUEST_TIMEOUT_SECONDS}
        with _translated(f"patching the finalizers of {name}"), _allowing_absence:
            if namespace:
                self._objects.patch_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name, patch, **how)
            else:
                self._objects.patch_cluster_custom_object(GROUP, VERSION, ACCOUNTS, name, patch, **how)

    def account(self, name: str) -> Mapping[str, Any] | None:
        """See the port."""
        if not self._knows_accounts:
            raise AccessDenied(
                f"spec.accountRef names {name}, but this operator does not build in other accounts: leave accountRef out, or ask an "
                "administrator to switch accounts.enabled on"
            )
        with _translated(f"reading AWSAccount {name}"), _allowing_absence:
            account = self._objects.get_cluster_custom_object(
                GROUP, VERSION, ACCOUNTS, name, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
            return cast("Mapping[str, Any]", account)
        return None

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        """See the port. If the CRD of AWSAccounts is not installed, for example after an upgrade without it, the result is empty."""
        if not self._knows_accounts:
            return ()
        with _translated("listing AWSAccounts"), _allowing_absence:
            answer = self._objects.list_cluster_custom_object(
                GROUP, VERSION, ACCOUNTS, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
            return list(cast("dict[str, Any]", answer)["items"])
        return ()

    def patch_account_status(self, name: str, patch: Mapping[str, Any]) -> None:
        """See the port."""
        with _translated(f"writing the status of AWSAccount {name}"), _allowing_absence:
            self._objects.patch_cluster_custom_object_status(
                GROUP, VERSION, ACCOUNTS, name, {"status": patch}, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """See the port."""
        with _translated(f"reading ConfigMap {namespace}/{name}"), _allowing_absence:
            config_map = self._core.read_namespaced_config_map(
                name, namespace, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
            return dict(config_map.data or {})
        return None

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        """See the port."""
        # No message may contain the body of an answer, or of an error, about a Secret.
        with _translated(f"reading Secret {namespace}/{name}", with_body=False), _allowing_absence:
            secret = self._core.read_namespaced_secret(name, namespace, _request_timeout=REQUEST_TIMEOUT_SECONDS)
            metadata = secret.metadata
            version = f"{name}/{metadata.uid}/{metadata.resource_version}" if metadata else name
            texts = {key: _text(value) for key, value in (secret.data or {}).items()}
            return {key: Sensitive(text, f"{version}/{key}") for key, text in texts.items() if text is not None}
        return None

    def pod_exists(self, pod: Pod) -> bool | None:
        """See the port.

        A pod that no longer exists has ended on its node, or an administrator has deleted it by force and so confirmed
        that it has ended. StatefulSets rely on the same rule.
        (https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/)
        """
        try:
            current = self._core.read_namespaced_pod(pod.name, pod.namespace, _request_timeout=REQUEST_TIMEOUT_SECONDS)
        except ApiException as error:
            if error.status != NOT_FOUND:
                logger.warning("cannot find out whether pod %s/%s is gone: %s", pod.namespace, pod.name, error.body)
            return False if error.status == NOT_FOUND else None
        except (OSError, HTTPError) as error:
            logger.warning("cannot find out whether pod %s/%s is gone: %s", pod.namespace, pod.name, error)
            return None
        ended = current.status is not None and current.status.phase in ENDED
        return not ended and current.metadata is not None and current.metadata.uid == pod.uid

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        """See the port."""
        with _translated("listing IngestionPipelines"):
            return [pipeline for namespace in self._namespaces or ("",) for pipeline in self._listed(namespace)]

    def _listed(self, namespace: str) -> Iterator[Mapping[str, Any]]:
        more = ""
        while True:
            page = cast("dict[str, Any]", self._page(namespace, more, PAGE))
            yield from page["items"]
            more = page["metadata"].get("continue", "")
            if not more:
                return

    def _page(self, namespace: str, more: str, limit: int) -> object:
        """One page of the pipelines of a namespace, or of all namespaces if it is empty."""
        timeout = REQUEST_TIMEOUT_SECONDS
        if namespace:
            return self._objects.list_namespaced_custom_object(
                GROUP, VERSION, namespace, PLURAL, limit=limit, _continue=more, _request_timeout=timeout
            )
        return self._objects.list_cluster_custom_object(
            GROUP, VERSION, PLURAL, limit=limit, _continue=more, _request_timeout=timeout
        )

    def announce(self, record: PipelineRecord, reason: Reason, message: str, *, warning: bool = False) -> None:
        """See the port."""
        now = datetime.now(UTC)
        event = client.CoreV1Event(
            metadata=client.V1ObjectMeta(name=f"{record.key.name}.{uuid4().hex[:16]}", namespace=record.key.namespace),
            involved_object=client.V1ObjectReference(
                api_version=f"{GROUP}/{VERSION}",
                kind=KIND,
                namespace=record.key.namespace,
                name=record.key.name,
                uid=record.uid,
            ),
            reason=reason.value,
            message=shorten(message)[:EVENT_MESSAGE_LIMIT],
            type="Warning" if warning else "Normal",
            first_timestamp=now,
            last_timestamp=now,
            count=1,
            source=client.V1EventSource(component=COMPONENT),
        )
        with _translated(f"publishing an Event about {record.key}"):
            try:
                self._core.create_namespaced_event(
                    record.key.namespace, event, _request_timeout=REQUEST_TIMEOUT_SECONDS
                )
            except ApiException as error:
                # In a namespace that is being deleted, no Event can be created, and nobody would read it.
                if not (error.status in (403, NOT_FOUND) and "terminat" in str(error.body)):
                    raise


def _text(encoded: bytes | str) -> str | None:
    """The text of one entry of a Secret; None if the entry is not text."""
    try:
        return base64.b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


class _AllowingAbsence:
    """Ends the block quietly if the API server answers that the object does not exist, as `contextlib.suppress` would."""

    def __enter__(self) -> None:
        """Nothing is needed."""

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        """Whether the error is that answer."""
        return isinstance(error, ApiException) and error.status == NOT_FOUND


_allowing_absence = _AllowingAbsence()


@contextmanager
def _translated(doing: str, *, with_body: bool = True) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        body = f": {error.body}" if with_body else ""
        raise UpdateFailed(f"{doing}: {error.status} {error.reason}{body}") from (error if with_body else None)
    except (OSError, HTTPError) as error:
        raise UpdateFailed(f"{doing}: {error}") from error
