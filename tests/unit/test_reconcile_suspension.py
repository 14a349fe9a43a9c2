"""The use case against the fakes: a suspended pipeline is left alone until it is resumed."""

from __future__ import annotations

from datetime import timedelta

from ingestion_operator.errors import (
    UpdateFailed,
)
from unit.reconcile_fixtures import built, world
from unit.reconcile_world import World

__all__ = ["built", "world"]


def test_a_suspended_pipeline_is_left_alone_until_it_is_resumed(world: World) -> None:
    world.create(reconcile={"suspend": True})
    with world.no_engine_call():
        world.reconcile()
        world.tick(timedelta(days=1))
    assert world.conditions == {"Ready": ("False", "Suspended")}
    world.change(reconcile={"suspend": False})
    world.reconcile()
    assert world.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_made_while_suspended_is_applied_when_resumed(built: World) -> None:
    built.change(reconcile={"suspend": True})
    built.reconcile()
    built.change(tags={"team": "search"})
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Ready"] == ("False", "Suspended")
    built.change(reconcile={})
    built.reconcile()
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.verbs == ["update", "update"]


def test_an_unchanged_pipeline_that_is_resumed_is_ready_without_an_engine_call(built: World) -> None:
    built.change(reconcile={"suspend": True})
    built.reconcile()
    built.change(reconcile={})
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.status.next_check_time is not None


def test_a_pipeline_suspended_while_it_backs_off_goes_on_when_it_is_resumed(world: World) -> None:
    world.create()
    world.engine.failures.append(UpdateFailed("no"))
    world.reconcile()
    world.change(reconcile={"suspend": True})
    world.reconcile()
    world.change(reconcile={})
    world.reconcile(timedelta(seconds=1))
    assert world.conditions["Ready"] == ("False", "Failed")
    world.tick(timedelta(hours=2))
    assert world.conditions["Ready"] == ("True", "Provisioned")
