"""What a worker does with a key: read the object as it is, hold or release it, and call the use case once.

What was due stays due until it is done. If Kubernetes does not answer, or the status cannot be written, the key is put back, and
its pauses grow. The core itself plans the retries of what AWS answers, and the next look at a pipeline that works.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import kopf

from ingestion_handlers.due import Result, Work
from ingestion_handlers.keys import AccountKey, WorkKey
from ingestion_handlers.services import Services
from ingestion_operator.errors import Interrupted, PipelineError
from ingestion_operator.model.finalizer import is_held
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.reconcile.reconciler import StillThere

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

GONE = Result(None)


def notice(services: Services, key: WorkKey, event: kopf.RawEvent) -> bool:
    """Mark the key if the event says something new. Returns whether the object changed."""
    if event["type"] == "DELETED":
        services.seen.forget(key)
        urgent: bool | None = True
    else:
        urgent = services.seen.is_urgent(key, event["object"])
    if urgent is not None:
        services.workers.mark(key, urgent=urgent)
    return bool(urgent)


def work_on(services: Services, work: Work[WorkKey]) -> Result:
    """Work on one key. Every error becomes a result: the key is due again."""
    try:
        if isinstance(work.key, AccountKey):
            return _check_account(services, work.key, urgent=work.urgent)
        return _look_at(services, work.key)
    except StillThere as held:
        return Result(held.delay_seconds, failed=True)
    except Interrupted:
        # The workers have stopped. The next operator finds in the status what was under way.
        return Result(0.0, failed=True)
    except PipelineError as error:
        # The status shows what AWS answers. An error that gets here means that the status could not be read or written.
        logger.warning("%s: %s", work.key, error, extra=log_fields(work.key) | {"reason": error.reason.value})
    except Exception:
        logger.exception("%s: unexpected", work.key, extra=log_fields(work.key))
    return Result(pause_seconds(work.failures, random.random()), failed=True)  # noqa: S311 - spreads load, guards nothing


def pause_seconds(failures: int, jitter: float) -> float:
    """The pause after a failure that followed so many others. `jitter` in [0, 1) shortens it by up to a quarter."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 30)) * (1 - jitter / 4)


def log_fields(key: WorkKey) -> dict[str, str]:
    """The fields of a JSON log line that identify the object."""
    return {"account": key.name} if isinstance(key, AccountKey) else {"namespace": key.namespace, "pipeline": key.name}


def _look_at(services: Services, key: PipelineKey) -> Result:
    body = services.cluster.pipeline(key)
    if body is not None and not _is_deleting(body):
        # Nothing is built for an object that could go without it being taken down.
        services.cluster.hold(body)
        return _later(services.reconciler.reconcile(key))
    if body is not None and is_held(body):
        services.reconciler.remove(key, body["metadata"]["uid"])
        _release(services, services.cluster.pipeline(key), body)
    services.exporter.forget(key)
    return GONE


def _check_account(services: Services, key: AccountKey, *, urgent: bool) -> Result:
    body = services.cluster.account(key.name)
    if body is not None and not _is_deleting(body):
        services.cluster.hold(body)
        check = services.accounts.changed if urgent else services.accounts.check
        return _later(check(key.name))
    if body is not None and is_held(body):
        services.accounts.release(key.name)
        _release(services, services.cluster.account(key.name), body)
    return GONE


def _release(services: Services, now: Mapping[str, Any] | None, before: Mapping[str, Any]) -> None:
    """Let the object go whose deletion is done. An object that was created again with the same name has another uid."""
    if now is not None and now["metadata"]["uid"] == before["metadata"]["uid"]:
        services.cluster.release(now)


def _is_deleting(body: Mapping[str, Any]) -> bool:
    return "deletionTimestamp" in body["metadata"]


def _later(due: datetime | None) -> Result:
    return Result(None if due is None else max(0.0, (due - datetime.now(UTC)).total_seconds()))
