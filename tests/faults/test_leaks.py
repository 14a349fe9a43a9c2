"""Real updates leave nothing behind in the operator's process. `make faults` runs this: sixty updates take minutes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from chaos.plan import Wanted
from chaos.rounds import spec_of
from faults.world import FaultyWorld

UPDATES, WARM_UP = 60, 20
NAME = "copy"
RSS_GROWTH_BYTES = 8_000_000
# Kopf and the clients close idle connections when they like.
DESCRIPTORS_MORE = 5


@dataclass(frozen=True)
class Held:
    """What the operator holds."""

    threads: int
    descriptors: int
    temporary_files: int
    state_files: int
    resident_bytes: int

    @classmethod
    def by(cls, faulty: FaultyWorld) -> Held:
        process, temporary = psutil.Process(faulty.operator.process.pid), Path(faulty.operator.settings["TMPDIR"])
        return cls(
            process.num_threads(),
            process.num_fds(),
            len(list(temporary.rglob("*"))),
            len(faulty.operator.state_files()),
            faulty.operator.resident_bytes(),
        )


@pytest.mark.timeout(900)
def test_sixty_updates_hold_no_more_than_twenty(faulty: FaultyWorld) -> None:
    faulty.world.apply(NAME, spec_of(Wanted(128, table=True)))
    faulty.wait_ready(NAME)
    for number in range(WARM_UP):
        update(faulty, number)
    before = Held.by(faulty)

    for number in range(WARM_UP, UPDATES):
        update(faulty, number)

    after = Held.by(faulty)
    assert after.threads <= before.threads
    assert after.descriptors <= before.descriptors + DESCRIPTORS_MORE
    assert after.temporary_files <= before.temporary_files
    assert after.state_files <= before.state_files
    assert after.resident_bytes - before.resident_bytes < RSS_GROWTH_BYTES


def update(faulty: FaultyWorld, number: int) -> None:
    faulty.world.apply(NAME, spec_of(Wanted(192 + number, table=True)))
    faulty.wait_ready(NAME)
    faulty.aws.rules.clear()
