"""The Kopf handlers of AWSAccounts, for an operator that is to know of them: importing this registers them.

As with pipelines, deletion raises nothing but `kopf.TemporaryError`: an account must not go before its pipelines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import kopf

from ingestion_handlers.handlers import (
    ASK_AGAIN_SECONDS,
    PIPELINES,
    TICK_SECONDS,
    key_of,
    reconcile_pipeline,
)
from ingestion_handlers.wiring import Wiring
from ingestion_operator.errors import PipelineError
from ingestion_operator.model.account import ACCOUNTS
from ingestion_operator.model.pipeline import GROUP, VERSION, PipelineKey
from ingestion_operator.reconcile.reconciler import StillThere, is_due

logger = logging.getLogger(__name__)

AWS_ACCOUNTS = (GROUP, VERSION, ACCOUNTS)
# Of those for which the default account is looked up: they name none, and were not begun to be built.
UNDECIDED = ""


@kopf.on.resume(*AWS_ACCOUNTS)
def resume_account(name: str, memo: kopf.Memo, **_: Any) -> None:
    """Try the role."""
    _check(memo.wiring, name)


@kopf.on.create(*AWS_ACCOUNTS)
@kopf.on.update(*AWS_ACCOUNTS)
async def account_changed(name: str, memo: kopf.Memo, **indices: Any) -> None:
    """Try the role, and reconcile the pipelines that it may matter to."""
    pipelines_of: kopf.Index[str, PipelineKey] = indices["pipelines_of"]
    wiring, loop = memo.wiring, asyncio.get_running_loop()
    await loop.run_in_executor(wiring.workers, _changed, wiring, name)
    keys = [key for account in (name, UNDECIDED) for key in pipelines_of.get(account, [])]
    await asyncio.gather(*(loop.run_in_executor(wiring.workers, reconcile_pipeline, wiring, key) for key in keys))


@kopf.timer(*AWS_ACCOUNTS, interval=TICK_SECONDS)
async def tick_account(name: str, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Try the role again when the status says so."""
    if is_due(body, datetime.now(UTC)):
        await asyncio.get_running_loop().run_in_executor(memo.wiring.workers, _check, memo.wiring, name)


@kopf.on.delete(*AWS_ACCOUNTS)
def release_account(name: str, memo: kopf.Memo, **_: Any) -> None:
    """Let the account go when no pipeline was built with it; the finalizer is released only when this returns."""
    try:
        memo.wiring.accounts.release(name)
    except StillThere as held:
        raise kopf.TemporaryError(str(held), delay=held.delay_seconds) from held
    except Exception as error:
        # Whatever it is: without the account nothing could take its pipelines down.
        raise kopf.TemporaryError(f"unexpected: {error!r}", delay=ASK_AGAIN_SECONDS) from error


@kopf.index(*PIPELINES)
async def pipelines_of(
    namespace: str | None, name: str, spec: kopf.Spec, status: kopf.Status, **_: Any
) -> dict[str, PipelineKey]:
    """The pipelines by their account: as recorded, else as named."""
    stack = status.get("stack")
    account = stack.get("account", "") if stack else (spec.get("accountRef") or {}).get("name", UNDECIDED)
    return {} if stack and not account else {account: key_of(namespace, name)}


def _check(wiring: Wiring, name: str) -> None:
    _tried(name, wiring.accounts.check)


def _changed(wiring: Wiring, name: str) -> None:
    _tried(name, wiring.accounts.changed)


def _tried(name: str, act: Callable[[str], None]) -> None:
    try:
        act(name)
    except PipelineError as error:
        # Kubernetes does not answer; what AWS says is in the status.
        logger.warning("AWSAccount %s: %s", name, error)
        raise kopf.TemporaryError(str(error), delay=ASK_AGAIN_SECONDS) from error
