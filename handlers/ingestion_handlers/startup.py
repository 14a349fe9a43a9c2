"""How the operator starts, logs in to the API server, and stops."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import Mapping
from functools import partial
from typing import Any

import kopf

from ingestion_handlers.exporter import ConditionKey, Live, StateVolume
from ingestion_handlers.passes import work_on
from ingestion_handlers.server import Readiness, Server
from ingestion_handlers.services import Services, connect
from ingestion_handlers.watching import configure
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.settings import Settings


async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **indices: Any) -> None:
    """Connect the core to Kubernetes, AWS and Pulumi, configure Kopf, and answer Prometheus and the readiness probe."""
    try:
        services = await asyncio.to_thread(connect, Settings())
        configure(settings)
        memo.server = await _serve(services, indices["conditions_by_pipeline"])
    except (PipelineError, OSError) as error:
        # An operator without its tools or its cluster is useless. It ends, and its log says why.
        raise kopf.PermanentError(str(error)) from error
    memo.services = services
    services.workers.start(partial(work_on, services))
    if "stop_flag" in memo:
        stop_at_once(services, memo.stop_flag)


def stop_at_once(services: Services, stop_flag: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT reach the work before anything else. `stop_flag` then makes Kopf stop.

    Kopf's own handler of these signals, which this replaces, ends the watching first and calls `stop` last.
    """

    def begin() -> None:
        services.stop()
        stop_flag.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, begin)


async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Let each running update write its state and end, and wait for that."""
    memo.services.stop()
    await asyncio.to_thread(memo.services.workers.join)
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
