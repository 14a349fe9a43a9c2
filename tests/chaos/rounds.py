"""Carries out one round: the user's act, the kills, and the wait until the pipeline is as asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from chaos.leftovers import left_of
from chaos.plan import Act, Kill, Round, Victim, Wanted
from chaos.victims import Victims
from e2e.world import Operator, World, copying
from ingestion_local.processes import LocalEnvironmentError, wait_until

logger = logging.getLogger(__name__)

RECOVERY_SECONDS = 150.0
# How long a kill waits for its victim, in parts of an undisturbed update. Some rounds start no further process.
PATIENCE = 2.0
# How long the CLI and its provider live, in parts of an undisturbed update. The operator does the rest.
LIFE = 0.6
# A look at all processes costs about 10 ms of a core.
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Recovery:
    """How long it took from the last kill of a round until the pipeline was as asked, in seconds.

    `in_time`: whether the pipeline was not yet as asked when that kill came. Otherwise it had nothing to recover from.
    """

    round: Round
    killed: int
    in_time: bool
    seconds: float


@dataclass
class Chaos:
    """A user and a killer at work. `undisturbed`: how long an update takes that nobody disturbs, in seconds."""

    world: World
    operator: Operator
    victims: Victims
    undisturbed: float

    def carry_out(self, todo: Round) -> Recovery:
        """Do a round. Raises AssertionError if the pipeline is not as asked in time."""
        logger.info("%s", todo)
        request(self.world, todo.act, todo.name, todo.wanted)
        anchor = time.monotonic()
        killed = 0
        for kill in todo.kills:
            killed += self._kill(kill, anchor, lambda: as_asked(self.world, todo.name, todo.wanted))
            anchor = time.monotonic()
        in_time = killed > 0 and not as_asked(self.world, todo.name, todo.wanted)
        wait_as_asked(self.world, todo.name, todo.wanted)
        seconds = time.monotonic() - anchor
        logger.info("as asked %.1f s after the last of %d kills", seconds, killed)
        return Recovery(todo, killed, in_time, seconds)

    def _kill(self, kill: Kill, anchor: float, is_over: Callable[[], bool]) -> int:
        """Kill the victim at its moment, and return how many processes that ended."""
        if kill.victim is Victim.OPERATOR:
            wait_for_moment(anchor + kill.moment * self.undisturbed)
            self.operator.kill()
            self.operator.start()
            return 1
        if not self._appears(kill.victim, is_over):
            return 0
        wait_for_moment(time.monotonic() + kill.moment * LIFE * self.undisturbed)
        return self.victims.kill(kill.victim)

    def _appears(self, victim: Victim, is_over: Callable[[], bool]) -> bool:
        """Wait for a process to kill. Returns False if the round is over without one."""
        deadline = time.monotonic() + PATIENCE * self.undisturbed
        wait_until(
            f"a {victim} to kill",
            lambda: bool(self.victims.pids(victim)) or time.monotonic() > deadline or is_over(),
            timeout_seconds=RECOVERY_SECONDS,
            interval_seconds=LOOK_SECONDS,
        )
        return bool(self.victims.pids(victim))


def request(world: World, act: Act, name: str, wanted: Wanted | None) -> None:
    """Do what a user does with kubectl."""
    if act is Act.DELETE or wanted is None:
        world.delete(name)
    else:
        world.apply(name, spec_of(wanted))


def spec_of(wanted: Wanted) -> dict[str, Any]:
    """The spec that asks for it. Nothing is retained, so that a deletion has to delete everything."""
    results: dict[str, Any] = {"bucket": {}, **({"table": {}} if wanted.table else {})}
    spec = copying(results=results, deletion={"policy": "Delete"})
    spec["processor"]["memoryMiB"] = wanted.memory_mib
    return spec


def wait_as_asked(world: World, name: str, wanted: Wanted | None) -> None:
    """Wait until a pipeline is as asked, and check in AWS that it is. Raises AssertionError if it is not."""
    try:
        world.wait(f"{name} as asked", lambda: as_asked(world, name, wanted), RECOVERY_SECONDS)
    except LocalEnvironmentError as error:
        raise AssertionError(f"{error}: {summary(world.get(name))}") from error
    check(world, name, wanted)


def as_asked(world: World, name: str, wanted: Wanted | None) -> bool:
    """Whether the cluster says that the pipeline is as asked."""
    found = world.get(name)
    if found is None or wanted is None:
        return found is None and wanted is None
    status = found.get("status") or {}
    ready: dict[str, Any] = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), {})
    current = ready.get("observedGeneration") == found["metadata"]["generation"]
    return ready.get("status") == "True" and current and "operation" not in status


def check(world: World, name: str, wanted: Wanted | None) -> None:
    """Check in AWS and in the state that what the cluster says is true."""
    if wanted is None:
        left = left_of(world, name)
        assert left == [], f"{name} is gone, but this is left: {left}"
        return
    memory = world.function(name)["MemorySize"]
    assert memory == wanted.memory_mib, f"{name} has {memory} MiB, but {wanted.memory_mib} were asked for"
    outputs = world.status(name)["outputs"]
    for bucket in (outputs["bucketName"], outputs["resultsBucket"]):
        assert world.bucket_exists(bucket), f"{name} is ready, but the bucket {bucket} is not there"
    tables = world.listed("dynamodb", "list_tables", "TableNames")
    assert (outputs.get("resultsTable") in tables) == wanted.table, f"{name} asks for a table: {wanted.table}; {tables}"


def wait_for_moment(moment: float) -> None:
    """Wait until a time of the monotonic clock."""
    wait_until(
        "the moment", lambda: time.monotonic() >= moment, timeout_seconds=RECOVERY_SECONDS, interval_seconds=0.01
    )


def summary(found: dict[str, Any] | None) -> str:
    """The conditions of a pipeline, on one line each."""
    if found is None:
        return "it does not exist"
    conditions = (found.get("status") or {}).get("conditions") or []
    lines = (f"{c['type']}={c['status']} {c['reason']}: {c.get('message', '')}" for c in conditions)
    return "\n".join((f"generation {found['metadata']['generation']}", *lines))


def report(recoveries: list[Recovery], undisturbed: float, seed: int) -> str:
    """The figures of a run."""
    killed = sum(recovery.killed for recovery in recoveries)
    run = f"seed {seed}: {len(recoveries)} rounds, {killed} processes killed; an undisturbed update took {undisturbed:.1f} s"
    recovered = [recovery for recovery in recoveries if recovery.in_time]
    if not recovered:
        return f"{run}; nothing had to recover"
    ratios = [recovery.seconds / undisturbed for recovery in recovered]
    worst = max(recovered, key=lambda recovery: recovery.seconds)
    return (
        f"{run}; {len(recovered)} recoveries took {median(ratios):.1f} times as long in the median and "
        f"{max(ratios):.1f} times at worst ({worst.round})"
    )
