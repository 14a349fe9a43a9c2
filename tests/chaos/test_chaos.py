"""Whatever is killed at whatever moment, each pipeline is as asked in the end, and nothing is left of those deleted.

`make chaos SEED=n ROUNDS=n` runs this test longer. Without a seed, each run has a new one.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.leftovers import locks
from chaos.plan import Act, Wanted, asked_for, plan
from chaos.rounds import Chaos, check, report, request, wait_as_asked
from chaos.victims import victims_of
from e2e.world import Operator, World

logger = logging.getLogger(__name__)

ROUNDS = int(os.environ.get("CHAOS_ROUNDS") or 4)
SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
SECONDS_PER_ROUND = 200
BYSTANDER = "bystander"


@pytest.mark.timeout(300 + ROUNDS * SECONDS_PER_ROUND)
def test_every_pipeline_is_as_asked_whatever_is_killed(world: World, operator: Operator, workdir: Path) -> None:
    logger.info("to repeat this: make chaos SEED=%d ROUNDS=%d", SEED, ROUNDS)
    with evidence(world, workdir):
        before, undisturbed = undisturbed_update(world)
        chaos = Chaos(world, operator, victims_of(operator), undisturbed)
        recoveries = [chaos.carry_out(todo) for todo in plan(SEED, ROUNDS)]

        for name, wanted in asked_for(plan(SEED, ROUNDS)).items():
            wait_as_asked(world, name, wanted)
        check(world, BYSTANDER, before)
        assert world.process(BYSTANDER) == b"hello"
        assert locks(world) == []
        logger.info("%s", report(recoveries, undisturbed, SEED))


def undisturbed_update(world: World) -> tuple[Wanted, float]:
    """Make a pipeline that no round touches, and change it once. Returns what was asked, and how long the change took."""
    request(world, Act.CREATE, BYSTANDER, Wanted(128, table=True))
    wait_as_asked(world, BYSTANDER, Wanted(128, table=True))
    wanted = Wanted(256, table=True)
    began = time.monotonic()
    request(world, Act.CHANGE, BYSTANDER, wanted)
    wait_as_asked(world, BYSTANDER, wanted)
    return wanted, time.monotonic() - began


@contextmanager
def evidence(world: World, workdir: Path) -> Iterator[None]:
    """On a failure, keep what is needed to find the cause: the pipelines, their Events, the state and the log."""
    try:
        yield
    except BaseException as error:
        kept = workdir / f"chaos-{SEED}"
        for path, content in world.operator.state_files().items():
            file = kept / "state" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        (kept / "pipelines.json").write_text(json.dumps(world.reader.pipelines(), indent=1))
        events = world.control_plane.run_kubectl("get", "events", "-n", world.namespace, "--sort-by=.lastTimestamp")
        (kept / "events.txt").write_text(events.stdout)
        (kept / "operator.log").write_text(world.operator.output())
        error.add_note(f"repeat it by `make chaos SEED={SEED} ROUNDS={ROUNDS}`; the evidence is in {kept}")
        raise
