"""How the operator starts, logs in to the API server, and stops."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import kopf

from ingestion_handlers.exporter import ConditionKey, Live, StateVolume
from ingestion_handlers.server import Readiness, Server
from ingestion_handlers.services import Services, connect
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import GROUP, PipelineKey
from ingestion_operator.settings import Settings

# Kopf ignores changes of annotations under its own prefix. Users ask for reconciles and purges under the group's prefix.
KOPF_PREFIX = f"kopf.{GROUP}"
SERVER_TIMEOUT_SECONDS = 300
CLIENT_TIMEOUT_SECONDS = 330
CONNECT_TIMEOUT_SECONDS = 10


async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **indices: Any) -> None:
    """Connect the core to Kubernetes, AWS and Pulumi, configure Kopf, and answer Prometheus and the readiness probe."""
    try:
        services = await asyncio.to_thread(connect, Settings())
        configure(settings, services)
        memo.server = await _serve(services, indices["conditions_by_pipeline"])
    except (PipelineError, OSError) as error:
        # An operator without its tools or its cluster is useless. It ends, and its log says why.
        raise kopf.PermanentError(str(error)) from error
    memo.services = services


async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Let each running update write its state and end."""
    memo.services.reconciler.context.stopping.set()
    memo.services.engine.interrupt()
    if memo.server is not None:
        await memo.server.stop()


def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log in as the pod's ServiceAccount, or with the kubeconfig outside of a cluster. Kopf logs in again when the token expires."""
    connection = kopf.login_with_service_account(**kwargs)
    return at_its_address(connection, os.environ) if connection else kopf.login_with_kubeconfig(**kwargs)


def at_its_address(connection: kopf.ConnectionInfo, environment: Mapping[str, str]) -> kopf.ConnectionInfo:
    """The same connection, to the address that Kubernetes gives every pod. The Kubernetes client uses that address too.

    Kopf itself uses the name `kubernetes.default.svc`. If the cluster's DNS failed, the operator would miss every event, and its
    readiness probe, which uses the address, would still succeed.
    (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/)
    """
    host, port = (environment.get(f"KUBERNETES_SERVICE_{what}", "") for what in ("HOST", "PORT"))
    if not host or not port:
        return connection
    return dataclasses.replace(connection, server=f"https://{f'[{host}]' if ':' in host else host}:{port}")


def configure(settings: kopf.OperatorSettings, services: Services) -> None:
    """Set what Kopf's handlers run in, where Kopf keeps its notes, and how it watches."""
    settings.execution.executor = services.workers
    settings.execution.max_workers = services.settings.workers
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=KOPF_PREFIX)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=KOPF_PREFIX, key="last-handled")
    settings.posting.enabled = False  # the core publishes Events with its own reasons
    settings.watching.server_timeout = SERVER_TIMEOUT_SECONDS
    settings.watching.client_timeout = CLIENT_TIMEOUT_SECONDS
    settings.watching.connect_timeout = CONNECT_TIMEOUT_SECONDS
    settings.scanning.disabled = (
        True  # the CRDs exist before the operator starts; scanning would need a cluster-wide right
    )


async def _serve(
    services: Services, conditions_by_pipeline: kopf.Index[PipelineKey, tuple[ConditionKey, ...]]
) -> Server | None:
    exporter, settings = services.exporter, services.settings
    exporter.registry.register(
        Live(services.workers, services.engine.cli_processes, lambda: exporter.tally(conditions_by_pipeline))
    )
    exporter.registry.register(StateVolume(services.engine.space))
    if not settings.metrics_address:
        return None
    readiness = Readiness(lambda: asyncio.to_thread(services.faults))
    return await Server.start(settings.metrics_address, exporter.text, readiness)
