"""A small web server in the operator's event loop. It serves `/metrics` to Prometheus and `/readyz` to the readiness probe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

# The probe asks every few seconds. Anybody who reaches the port may ask more often, and each check costs API calls.
ANSWER_SECONDS = 5.0


@dataclass
class Readiness:
    """Whether the operator can work. An answer is reused for ANSWER_SECONDS, and only one check runs at a time."""

    faults: Callable[[], Awaitable[Sequence[str]]]
    clock: Callable[[], float] = time.monotonic
    _kept: tuple[float, Sequence[str]] | None = field(default=None, init=False)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def ask(self) -> Sequence[str]:
        """What keeps the operator from working, one message each. Empty if it is ready."""
        async with self._one:
            # Whoever waited here gets the answer of the check that ran meanwhile.
            if self._kept is None or self.clock() - self._kept[0] >= ANSWER_SECONDS:
                faults = await self.faults()
                self._kept = (self.clock(), faults)
            return self._kept[1]


@dataclass(frozen=True)
class Server:
    """The running server."""

    runner: web.AppRunner

    @classmethod
    async def start(cls, address: str, metrics: Callable[[], bytes], readiness: Readiness) -> Self:
        """Listen at `host:port`. Raises OSError if the address is taken or does not exist."""

        async def show_metrics(_: web.Request) -> web.Response:
            return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

        async def show_readiness(_: web.Request) -> web.Response:
            faults = await readiness.ask()
            return web.Response(text="\n".join(faults) or "ready", status=503 if faults else 200)

        app = web.Application()
        app.add_routes([web.get("/metrics", show_metrics), web.get("/readyz", show_readiness)])
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        host, _, port = address.rpartition(":")
        await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()
        return cls(runner)

    async def stop(self) -> None:
        """Stop listening."""
        await self.runner.cleanup()
