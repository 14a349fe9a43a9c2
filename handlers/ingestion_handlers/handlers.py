"""The Kopf handlers: each names its pipeline, calls the use case once and maps what it raises.

Deletion raises nothing but `kopf.TemporaryError`: any other error, a limit on retries or a timeout would make Kopf drop the
finalizer and leave AWS resources behind that nobody knows of. Retries of a live pipeline are the core's own, driven by its
status and the timer: Kopf's would not notice that the spec was mended while they sleep.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import kopf

from ingestion_handlers.exporter import ConditionKey, Live
from ingestion_handlers.server import Readiness, Server
from ingestion_handlers.wiring import Wiring, wire
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import GROUP, PLURAL, VERSION, PipelineKey
from ingestion_operator.reconcile.reconciler import StillThere, is_due
from ingestion_operator.settings import Settings

logger = logging.getLogger(__name__)

PIPELINES = (GROUP, VERSION, PLURAL)
ASK_AGAIN_SECONDS = 5.0
TICK_SECONDS = Settings().tick_seconds

ConfigMapName = tuple[str, str]


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **indices: Any) -> None:
    """Connect the ports to the world and tell Kopf how to behave."""
    try:
        wiring = await asyncio.to_thread(wire, Settings())
        wiring.configure(settings)
        memo.server = await _serve(wiring, indices["conditions_of"])
    except (PipelineError, OSError) as error:
        # Without its tools or its cluster an operator is of no use: end it with the message, for whoever looks at the pod.
        raise kopf.PermanentError(str(error)) from error
    memo.wiring = wiring


async def _serve(wiring: Wiring, conditions_of: kopf.Index[PipelineKey, tuple[ConditionKey, ...]]) -> Server | None:
    """Answer Prometheus and the readiness probe."""
    exporter = wiring.exporter
    exporter.registry.register(Live(wiring.workers, wiring.engine.cli_processes, lambda: exporter.tally(conditions_of)))
    if not wiring.settings.metrics_address:
        return None
    readiness = Readiness(lambda: asyncio.to_thread(wiring.faults))
    return await Server.start(wiring.settings.metrics_address, exporter.text, readiness)


@kopf.on.login()
def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """The pod's ServiceAccount, whose token is read anew when it expires; outside of a cluster the kubeconfig."""
    found = kopf.login_with_service_account(**kwargs)
    return at_its_address(found, os.environ) if found else kopf.login_with_kubeconfig(**kwargs)


def at_its_address(found: kopf.ConnectionInfo, environment: Mapping[str, str]) -> kopf.ConnectionInfo:
    """The same, by the address that every pod is given, which is also what the Kubernetes client uses.

    Kopf's own takes the name `kubernetes.default.svc`: without the cluster's DNS the operator would be deaf, and its readiness
    probe, which goes by the address, would say that all is well. (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/)
    """
    host, port = (environment.get(f"KUBERNETES_SERVICE_{what}", "") for what in ("HOST", "PORT"))
    if not host or not port:
        return found
    return dataclasses.replace(found, server=f"https://{f'[{host}]' if ':' in host else host}:{port}")


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Let each update under way write its state and end."""
    memo.wiring.engine.interrupt()
    if memo.server is not None:
        await memo.server.stop()


@kopf.on.create(*PIPELINES)
@kopf.on.update(*PIPELINES)
@kopf.on.resume(*PIPELINES)
def reconcile(namespace: str | None, name: str, memo: kopf.Memo, **_: Any) -> None:
    """Make AWS what the pipeline says."""
    reconcile_pipeline(memo.wiring, key_of(namespace, name))


@kopf.timer(*PIPELINES, interval=TICK_SECONDS)
async def tick(namespace: str | None, name: str, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Look again when the status says so: a retry, something that was missing, or drift."""
    if is_due(body, datetime.now(UTC)):
        await asyncio.get_running_loop().run_in_executor(
            memo.wiring.workers, reconcile_pipeline, memo.wiring, key_of(namespace, name)
        )


@kopf.on.delete(*PIPELINES)
def remove(namespace: str | None, name: str, memo: kopf.Memo, **_: Any) -> None:
    """Take the pipeline down; the finalizer is released only when this returns."""
    try:
        memo.wiring.reconciler.remove(key_of(namespace, name))
    except StillThere as held:
        raise kopf.TemporaryError(str(held), delay=held.delay_seconds) from held
    except Exception as error:
        # Whatever it is: not knowing is no reason to let go of what may still be in AWS.
        raise kopf.TemporaryError(f"unexpected: {error!r}", delay=ASK_AGAIN_SECONDS) from error
    memo.wiring.exporter.forget(key_of(namespace, name))


# Indexing takes no worker: where all are busy, it would wait for one, and tell of a world that was.
@kopf.index(*PIPELINES)
async def conditions_of(
    namespace: str | None, name: str, status: kopf.Status, **_: Any
) -> dict[PipelineKey, tuple[ConditionKey, ...]]:
    """The pipelines that there are, and their conditions."""
    conditions = status.get("conditions") or []
    return {key_of(namespace, name): tuple((c["type"], c["status"], c["reason"]) for c in conditions)}


@kopf.index(*PIPELINES)
async def users_of(namespace: str | None, name: str, spec: kopf.Spec, **_: Any) -> dict[ConfigMapName, str]:
    """Which pipelines take their code from a ConfigMap."""
    code = (spec.get("processor") or {}).get("code") or {}
    reference = (code.get("configMapRef") or {}).get("name")
    return {(namespace or "", reference): name} if reference else {}


@kopf.on.event("", "v1", "configmaps")
async def config_map_changed(namespace: str | None, name: str | None, memo: kopf.Memo, **indices: Any) -> None:
    """Deploy changed code to every pipeline that takes it from this ConfigMap."""
    users_of: kopf.Index[ConfigMapName, str] = indices["users_of"]
    loop = asyncio.get_running_loop()
    keys = [key_of(namespace, user) for user in users_of.get((namespace or "", name or ""), [])]
    await asyncio.gather(
        *(loop.run_in_executor(memo.wiring.workers, reconcile_pipeline, memo.wiring, key) for key in keys)
    )


@kopf.on.probe(id="pipelines")
async def pipelines(memo: kopf.Memo, **_: Any) -> str:
    """Liveness: the event loop turns, and no operation takes longer than it can. A failed probe is an answer of status 500."""
    if overdue := memo.wiring.exporter.overdue() if "wiring" in memo else []:
        raise kopf.PermanentError(f"hanging for longer than the time limit: {', '.join(map(str, overdue))}")
    return "ready" if "wiring" in memo else "starting"


def key_of(namespace: str | None, name: str) -> PipelineKey:
    """The key of a namespaced object."""
    return PipelineKey(namespace or "", name)


def reconcile_pipeline(wiring: Wiring, key: PipelineKey) -> None:
    """Reconcile one. Raises kopf.TemporaryError if Kubernetes does not let it."""
    try:
        wiring.reconciler.reconcile(key)
    except PipelineError as error:
        # The status itself could not be read or written; Kubernetes is asked again at the next event or tick.
        fields = {"namespace": key.namespace, "pipeline": key.name, "reason": error.reason.value}
        logger.warning("%s: %s", key, error, extra=fields)
        raise kopf.TemporaryError(str(error), delay=ASK_AGAIN_SECONDS) from error
