"""Objects of a cluster, read over one connection.

A test that waits reads the same object many times. Each call of kubectl is a process that uses about 40 ms of a core, which
the operator needs at that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes import client, config

GROUP, VERSION = "ingestion-operator.io", "v1alpha1"
PIPELINES, ACCOUNTS = "ingestionpipelines", "awsaccounts"
NOT_FOUND = 404

Object = dict[str, Any]


class ClusterReader:
    """Reads with the rights of `kubeconfig`. Raises ApiException when the API server refuses."""

    def __init__(self, kubeconfig: Path) -> None:
        api = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        self._core = client.CoreV1Api(api)
        self._objects = client.CustomObjectsApi(api)

    def pipeline(self, name: str, namespace: str) -> Object | None:
        """One pipeline; None when it does not exist."""
        get = self._objects.get_namespaced_custom_object
        return _if_there(lambda: get(GROUP, VERSION, namespace, PIPELINES, name))

    def pipelines(self) -> list[Object]:
        """The pipelines of all namespaces."""
        found: Any = self._objects.list_cluster_custom_object(GROUP, VERSION, PIPELINES)
        return list(found["items"])

    def account(self, name: str) -> Object | None:
        """One AWSAccount; None when it does not exist."""
        return _if_there(lambda: self._objects.get_cluster_custom_object(GROUP, VERSION, ACCOUNTS, name))

    def event_reasons(self, namespace: str) -> list[str]:
        """The reason of each Event of a namespace."""
        return [str(event.reason) for event in self._core.list_namespaced_event(namespace).items]


def _if_there(get: Callable[[], Any]) -> Object | None:
    try:
        return dict(get())
    except client.ApiException as error:
        if error.status != NOT_FOUND:
            raise
        return None
