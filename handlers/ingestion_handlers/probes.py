"""The liveness probe, as Kopf serves it under `/healthz`. `server.py` answers the readiness probe."""

from __future__ import annotations

from typing import Any

import kopf


async def pipelines(memo: kopf.Memo, **_: Any) -> str:
    """The event loop and the workers run, and no work hangs. Kopf answers a failed probe with status 500."""
    if "services" not in memo:
        return "starting"
    if faults := memo.services.hanging():
        raise kopf.PermanentError("; ".join(faults))
    return "ready"
