"""The use case against the fakes: old runtimes and wide rights are reported as advice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fakes import Announcement
from ingestion_operator.errors import (
    UpdateFailed,
)
from ingestion_operator.reasons import Reason
from unit.reconcile_fixtures import HOUR, world
from unit.reconcile_world import INLINE, World

__all__ = ["world"]


def test_an_old_runtime_is_warned_of(world: World) -> None:
    world.create(processor={**INLINE, "runtime": "python3.10"})
    world.reconcile()
    old = (
        "processor.runtime python3.10 was deprecated by AWS on 2026-10-31, and its functions cannot be updated from 2027-03-03 on: "
        "move to python3.11"
    )
    assert Announcement(Reason.RUNTIME_DEPRECATED, old, warning=True) in world.cluster.events
    assert world.message("Ready").endswith(f"; note: {old}")
    assert world.conditions["Ready"] == ("True", "Provisioned")

    world.reconcile()
    assert world.events.count(Reason.RUNTIME_DEPRECATED) == 1
    assert world.message("Ready").endswith(f"; note: {old}")


# Runtimes.

OLD_RUNTIME = {**INLINE, "runtime": "python3.10"}
CREATION_BLOCKED, UPDATE_BLOCKED = datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 3, 3, tzinfo=UTC)


def test_a_runtime_that_aws_blocked_is_refused_for_a_new_pipeline(world: World) -> None:
    world.now = CREATION_BLOCKED
    world.create(processor=OLD_RUNTIME)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "SpecInvalid")
    assert world.message("Stalled") == (
        "processor.runtime python3.10 has been blocked by AWS since 2027-02-01: write python3.11"
    )
    world.change(processor=INLINE)
    world.reconcile()
    assert world.is_ready


@pytest.mark.parametrize(
    ("today", "allowed"),
    [(CREATION_BLOCKED, True), (UPDATE_BLOCKED - timedelta(seconds=1), True), (UPDATE_BLOCKED, False)],
    ids=["creations are blocked", "the last second of updates", "updates are blocked"],
)
def test_a_runtime_that_aws_blocked_is_taken_for_an_existing_pipeline_while_it_can_be_updated(
    world: World, today: datetime, allowed: bool
) -> None:
    world.build(processor=OLD_RUNTIME)
    world.now = today
    world.change(tags={"team": "search"})
    world.reconcile()
    assert world.verbs == ["update"] * (2 if allowed else 1)
    assert world.is_ready is allowed
    assert ("Stalled" in world.conditions) is not allowed


def test_a_first_creation_that_failed_does_not_make_a_pipeline_an_existing_one(world: World) -> None:
    world.engine.failures.append(UpdateFailed("no"))
    world.create(processor=OLD_RUNTIME)
    world.reconcile()
    world.now = CREATION_BLOCKED
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "SpecInvalid")


# Advice.


def test_a_right_on_everything_is_said_once_and_stays_in_the_condition_until_it_is_narrowed(world: World) -> None:
    wild = {**INLINE, "permissions": [{"actions": ["textract:DetectDocumentText"], "resources": ["*"]}]}
    said = "processor.permissions allows textract:DetectDocumentText on every resource: name the ARNs"
    world.build(processor=wild)
    assert [(e.message, e.warning) for e in world.cluster.events if e.reason is Reason.WILDCARD_PERMISSION] == [
        (said, True)
    ]
    world.tick(HOUR)
    world.reconcile()
    assert world.events.count(Reason.WILDCARD_PERMISSION) == 1
    assert world.message("Ready").endswith(f"; note: {said}")
    assert world.is_ready

    narrow = {"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:jobs"]}
    world.change(processor={**INLINE, "permissions": [narrow]})
    world.reconcile()
    assert "note" not in world.message("Ready")


def test_two_pieces_of_advice_stand_beside_each_other(world: World) -> None:
    wild = {"permissions": [{"actions": ["textract:DetectDocumentText"], "resources": ["*"]}]}
    world.build(processor={**OLD_RUNTIME, **wild})
    assert world.message("Ready").count("; note: ") == 2
    assert world.events == [Reason.CREATED, Reason.RUNTIME_DEPRECATED, Reason.WILDCARD_PERMISSION]
