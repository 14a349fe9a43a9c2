"""The use case against the fakes: what fails is retried, waited for or reported."""

from __future__ import annotations

from datetime import timedelta

from fakes import Announcement
from ingestion_operator.errors import (
    CredentialsMissing,
    LockHeld,
    UpdateFailed,
)
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.reasons import Reason
from unit.reconcile_fixtures import built, world
from unit.reconcile_world import BACKOFF, LONGEST_BACKOFF, World

__all__ = ["built", "world"]


def test_a_failure_is_tried_again_at_the_time_that_it_says(world: World) -> None:
    world.create()
    world.engine.failures.append(UpdateFailed("role: Throttling"))
    world.reconcile()

    assert world.conditions == {"Ready": ("False", "Failed"), "Reconciling": ("True", "RetryingAfterFailure")}
    due = world.status.next_check_time
    assert due is not None
    assert timedelta(seconds=6) <= due - world.now <= timedelta(seconds=8)
    with world.no_engine_call():
        world.reconcile()
        world.tick(timedelta(seconds=5))
    world.tick(due - world.now)
    assert world.conditions["Ready"] == ("True", "Provisioned")
    assert world.last_call.update.refresh, "a creation that failed may have left what the state does not know"
    assert world.last_call.update.create


def test_a_failure_is_announced_once_however_often_it_comes(world: World) -> None:
    world.create()
    world.engine.failures += [UpdateFailed("role: Throttling"), UpdateFailed("role: Throttling")]
    world.reconcile()
    world.tick(LONGEST_BACKOFF)
    world.tick(LONGEST_BACKOFF)
    assert world.events == [Reason.RETRYING_AFTER_FAILURE, Reason.CREATED]
    assert world.cluster.events[0] == Announcement(Reason.RETRYING_AFTER_FAILURE, "role: Throttling", warning=True)


def test_retries_end_and_begin_again_when_somebody_asks(world: World) -> None:
    world.create()
    world.engine.failures += [UpdateFailed("no")] * BACKOFF.maximum
    world.reconcile()
    for _ in range(BACKOFF.maximum - 1):
        world.tick(LONGEST_BACKOFF)

    assert world.conditions["Stalled"] == ("True", "RetriesExhausted")
    with world.no_engine_call():
        world.tick(timedelta(days=1))
        world.reconcile()
    world.annotate(RECONCILE_REQUESTED_AT, "now")
    world.reconcile()
    assert world.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_does_not_wait_for_the_time_of_a_retry(world: World) -> None:
    world.create()
    world.engine.failures.append(UpdateFailed("no"))
    world.reconcile()
    world.change(tags={"team": "search"})
    world.reconcile()
    assert world.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_that_failed_and_is_taken_back_is_looked_after(built: World) -> None:
    built.engine.failures.append(UpdateFailed("no"))
    built.change(tags={"team": "search"})
    built.reconcile()
    built.change(tags={})
    built.reconcile()
    assert built.last_call.update.refresh
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_a_held_lock_is_waited_for(built: World) -> None:
    built.engine.failures.append(LockHeld("somebody else"))
    built.change(tags={"team": "search"})
    built.reconcile()
    assert built.conditions["Reconciling"] == ("True", "LockHeld")
    built.tick(timedelta(seconds=15))
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_what_is_applied_but_not_yet_to_be_seen_is_not_ready(world: World) -> None:
    world.create()
    world.cloud.faults.append(("rule r is not enabled",))
    world.reconcile()
    assert world.conditions["Reconciling"] == ("True", "Propagating")
    assert world.conditions["Ready"][0] == "False"
    world.tick(timedelta(seconds=15))
    assert world.conditions["Ready"] == ("True", "Provisioned")


def test_missing_credentials_are_reported_and_asked_for_again(world: World) -> None:
    world.create()
    world.cloud.failures.append(CredentialsMissing("no credentials"))
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "CredentialsMissing")
    world.tick(timedelta(seconds=15))
    assert world.conditions["Ready"] == ("True", "Provisioned")
