"""What the handlers of pipelines, ConfigMaps and accounts share: passes in the worker threads, and what Kopf learns if one fails.

Every error becomes a `kopf.TemporaryError`, and no handler limits its retries or its time. Kopf drops the finalizer of a deletion
that fails permanently, and then nothing would point to the AWS resources that stay behind.

Kopf's retries serve deletions, and passes for which Kubernetes did not answer. The core retries live pipelines and accounts
itself, through the status and a timer. A retry by Kopf would go on sleeping after the user has corrected the spec.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import kopf

from ingestion_handlers.services import Services
from ingestion_handlers.workers import Workers
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.reconcile.reconciler import StillThere

logger = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 5.0

T = TypeVar("T")


async def in_workers(workers: Workers, work: Callable[[T], None], items: Iterable[T]) -> None:
    """Do the work for each item in a worker thread, and wait for all of it."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(workers, work, item) for item in items))


async def reconcile_in_workers(services: Services, keys: Iterable[PipelineKey]) -> None:
    """Reconcile these pipelines in the worker threads. Raises kopf.TemporaryError if Kubernetes does not answer."""
    await in_workers(services.workers, partial(reconcile_pipeline, services), keys)


def reconcile_pipeline(services: Services, key: PipelineKey) -> None:
    """Reconcile one pipeline. Raises kopf.TemporaryError if Kubernetes does not answer."""
    with trying_again(str(key), namespace=key.namespace, pipeline=key.name):
        services.reconciler.reconcile(key)


@contextmanager
def trying_again(subject: str, **log_fields: str) -> Iterator[None]:
    """Log an error of the core and have Kopf call the handler again. Raises kopf.TemporaryError.

    The status shows what AWS answers. An error that gets here means that the status could not be read or written.
    """
    try:
        yield
    except PipelineError as error:
        logger.warning("%s: %s", subject, error, extra=log_fields | {"reason": error.reason.value})
        raise kopf.TemporaryError(str(error), delay=ASK_AGAIN_SECONDS) from error


@contextmanager
def keeping_the_finalizer() -> Iterator[None]:
    """Keep an object whose deletion is not finished. Raises kopf.TemporaryError for whatever the block raises."""
    try:
        yield
    except StillThere as held:
        raise kopf.TemporaryError(str(held), delay=held.delay_seconds) from held
    except Exception as error:
        # After an unexpected error it is unknown what is left in AWS.
        raise kopf.TemporaryError(f"unexpected: {error!r}", delay=ASK_AGAIN_SECONDS) from error
