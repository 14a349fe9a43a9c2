"""The handler of AWSAccounts. It is registered if INGESTION_ACCOUNTS is true."""

from __future__ import annotations

from typing import Any

import kopf

from ingestion_handlers.keys import UNDECIDED, AccountKey
from ingestion_handlers.passes import notice
from ingestion_operator.model.pipeline import PipelineKey


async def account_event(name: str, event: kopf.RawEvent, memo: kopf.Memo, **indices: Any) -> None:
    """The account is due, and if it changed, so are the pipelines that are built with it or may be."""
    pipelines_by_account: kopf.Index[str, PipelineKey] = indices["pipelines_by_account"]
    if notice(memo.services, AccountKey(name), event):
        for account in (name, UNDECIDED):
            for key in pipelines_by_account.get(account, []):
                memo.services.workers.mark(key)
