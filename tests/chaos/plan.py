"""What one run of the chaos test does. The seed decides everything, and nothing that happens in the run changes it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

NAMES = ("ash", "birch", "cedar", "elm")
# Lambda accepts any size from 128 on. A change always takes another size, so that there is something to update.
SIZES_MIB = tuple(range(128, 1024, 64))
MOST_KILLS = 3
# A kill comes between the beginning of an update and a little after its end. 1 is the end.
LATEST = 1.2


class Act(StrEnum):
    """What a user does to a pipeline."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


class Victim(StrEnum):
    """A process that is killed."""

    OPERATOR = "operator"
    CLI = "CLI"
    PROVIDER = "provider"


@dataclass(frozen=True)
class Kill:
    """One SIGKILL.

    `moment`: how long to wait before it. For the operator, the wait begins with the request or with the previous kill, and 1
    is an undisturbed update. For another process, it begins when that process is there, and 1 is the life of such a process.
    """

    victim: Victim
    moment: float


@dataclass(frozen=True)
class Wanted:
    """What the user asks of a pipeline."""

    memory_mib: int
    table: bool


@dataclass(frozen=True)
class Round:
    """One act of the user, and the kills during it. A deletion wants nothing."""

    number: int
    act: Act
    name: str
    wanted: Wanted | None
    kills: tuple[Kill, ...]

    def __str__(self) -> str:
        kills = ", ".join(f"{kill.victim} at {kill.moment:.2f}" for kill in self.kills)
        asked = f" with {self.wanted.memory_mib} MiB{' and a table' * self.wanted.table}" if self.wanted else ""
        return f"round {self.number}: {self.act} {self.name}{asked}; kill {kills}"


def plan(seed: int, rounds: int) -> Iterator[Round]:
    """The rounds of a run. Each round acts on what the earlier rounds left."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    alive: dict[str, Wanted] = {}
    for number in range(1, rounds + 1):
        name, act = _choice(chance, alive)
        wanted = _wanted(chance, alive.get(name)) if act is not Act.DELETE else None
        alive = _after(alive, name, wanted)
        yield Round(number, act, name, wanted, tuple(_kills(chance)))


def asked_for(rounds: Iterator[Round]) -> dict[str, Wanted | None]:
    """What the user wants in the end of each pipeline that ever was."""
    return {done.name: done.wanted for done in rounds}


def _choice(chance: random.Random, alive: Mapping[str, Wanted]) -> tuple[str, Act]:
    name = chance.choice(NAMES)
    if name not in alive:
        return name, Act.CREATE
    return name, chance.choice((Act.CHANGE, Act.DELETE))


def _wanted(chance: random.Random, before: Wanted | None) -> Wanted:
    """Other memory than before. A table can be added, but the API does not let it be removed."""
    size = chance.choice([size for size in SIZES_MIB if before is None or size != before.memory_mib])
    return Wanted(size, table=(before is not None and before.table) or chance.random() < 0.5)


def _after(alive: Mapping[str, Wanted], name: str, wanted: Wanted | None) -> dict[str, Wanted]:
    others = {other: asked for other, asked in alive.items() if other != name}
    return others if wanted is None else {**others, name: wanted}


def _kills(chance: random.Random) -> Iterator[Kill]:
    for _ in range(chance.randint(1, MOST_KILLS)):
        yield Kill(chance.choice(list(Victim)), round(chance.uniform(0, LATEST), 2))
