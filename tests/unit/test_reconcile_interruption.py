"""The use case against the fakes: the next operator finishes what the last one left half done when it died."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from unit.reconcile_fixtures import WITH_TABLE, built, world
from unit.reconcile_world import DATA_BUCKET, INLINE, World

__all__ = ["built", "world"]


def test_a_creation_that_the_operator_did_not_survive_is_finished_by_the_next(world: World) -> None:
    world.create()
    world.cloud.left = {"role": "r"}
    world.crash()
    assert world.status.operation is not None
    world.reconcile()
    request = world.last_call.update
    assert (request.create, request.refresh) == (True, True)
    assert request.adopt == {"source-bucket": DATA_BUCKET, "role": "r"}
    assert world.conditions["Ready"] == ("True", "Provisioned")
    assert world.status.operation is None


def test_a_change_that_the_operator_did_not_survive_is_finished_by_the_next(built: World) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.reconcile()
    assert (built.last_call.update.create, built.last_call.update.refresh) == (False, True)
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_a_change_that_was_interrupted_and_taken_back_is_looked_after(built: World) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.change(tags={})
    built.reconcile()
    assert built.last_call.update.refresh
    assert built.conditions["Ready"] == ("True", "Provisioned")


def test_an_interrupted_operation_is_remembered_while_the_spec_is_wrong(built: World) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.change(tags={}, processor={**INLINE, "memoryMiB": 1})
    built.reconcile()
    built.change(processor=INLINE)
    built.reconcile()
    assert built.last_call.update is not None
    assert built.last_call.update.refresh


# Interruption of what works.


def test_an_interrupted_look_at_a_working_pipeline_takes_nothing_over_and_drops_nothing(world: World) -> None:
    """A leftover function is deleted together with the events that wait for it. The function that works is not a leftover."""
    world.build()
    asked: list[tuple[str, ...]] = []
    leave = world.cloud.leftovers

    def record(blueprint: Any) -> Mapping[str, str]:
        asked.append(tuple(r.name for r in blueprint.resources))
        return leave(blueprint)

    world.cloud.leftovers = record  # type: ignore[method-assign]
    world.annotate(RECONCILE_REQUESTED_AT, "now")
    world.crash()
    world.reconcile()
    assert world.is_ready
    assert world.last_call.update.refresh
    (names,) = asked
    assert names == ()


def test_an_interrupted_exchange_of_the_code_may_have_left_another_function(world: World) -> None:
    world.build()
    asked: list[tuple[str, ...]] = []

    def record(blueprint: Any) -> Mapping[str, str]:
        asked.append(tuple(r.name for r in blueprint.resources))
        return {}

    world.cloud.leftovers = record  # type: ignore[method-assign]
    world.change(processor={"code": {"inline": "def handler(event, context): return 1"}}, **WITH_TABLE)
    world.crash()
    world.reconcile()
    assert world.is_ready
    assert asked == [("results-table", "function")]
