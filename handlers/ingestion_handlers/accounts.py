"""The handlers of AWSAccounts. They are registered if INGESTION_ACCOUNTS is true."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import kopf

from ingestion_handlers.keys import UNDECIDED
from ingestion_handlers.passes import in_workers, keeping_the_finalizer, reconcile_in_workers, trying_again
from ingestion_handlers.services import Services
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.reconcile.reconciler import is_due


def resume_account(name: str, memo: kopf.Memo, **_: Any) -> None:
    """Check whether the role can be assumed."""
    _check(memo.services, name)


async def account_changed(name: str, memo: kopf.Memo, **indices: Any) -> None:
    """Check whether the role can be assumed, and reconcile the pipelines that may be built with the account."""
    pipelines_by_account: kopf.Index[str, PipelineKey] = indices["pipelines_by_account"]
    await in_workers(memo.services.workers, partial(_check_changed, memo.services), [name])
    keys = [key for account in (name, UNDECIDED) for key in pipelines_by_account.get(account, [])]
    await reconcile_in_workers(memo.services, keys)


async def tick_account(name: str, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Check again when the status says that it is time."""
    if is_due(body, datetime.now(UTC)):
        await in_workers(memo.services.workers, partial(_check, memo.services), [name])


def release_account(name: str, memo: kopf.Memo, **_: Any) -> None:
    """Return once no pipeline needs the account any more. Kopf then removes the finalizer.

    Without the account, the operator could not take down the pipelines that were built with it.
    """
    with keeping_the_finalizer():
        memo.services.accounts.release(name)


def _check(services: Services, name: str) -> None:
    with trying_again(f"AWSAccount {name}"):
        services.accounts.check(name)


def _check_changed(services: Services, name: str) -> None:
    with trying_again(f"AWSAccount {name}"):
        services.accounts.changed(name)
