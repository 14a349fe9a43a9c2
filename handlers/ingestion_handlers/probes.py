"""The liveness probe, as Kopf serves it under `/healthz`. `server.py` answers the readiness probe."""

from __future__ import annotations

from typing import Any

import kopf


async def pipelines(memo: kopf.Memo, **_: Any) -> str:
    """The event loop runs, and no operation exceeds its time limit. Kopf answers a failed probe with status 500."""
    if "services" not in memo:
        return "starting"
    if overdue := memo.services.exporter.overdue():
        raise kopf.PermanentError(f"operations exceed their time limit: {', '.join(map(str, overdue))}")
    return "ready"
