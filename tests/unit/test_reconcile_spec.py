"""The use case against the fakes: a spec that cannot work, and the code that a spec names."""

from __future__ import annotations

from datetime import timedelta

from builders import CODE
from ingestion_operator.reasons import Reason
from unit.reconcile_fixtures import built, world
from unit.reconcile_world import DATA_BUCKET, INLINE, World, files

__all__ = ["built", "world"]


FROM_CONFIG_MAP = {"code": {"configMapRef": {"name": "code"}}}


# What the spec names.


def test_a_spec_that_cannot_work_is_refused_by_field_and_mended_by_a_change(world: World) -> None:
    world.create(processor={**INLINE, "memoryMiB": 1})
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions == {"Ready": ("False", "Failed"), "Stalled": ("True", "SpecInvalid")}
    assert "spec.processor.memoryMiB" in world.message("Stalled")
    assert world.status.next_check_time is None
    assert world.status.observed_generation == 1

    world.change(processor=INLINE)
    world.reconcile()
    assert world.conditions["Ready"] == ("True", "Provisioned")


def test_code_that_does_not_compile_never_reaches_the_engine(built: World) -> None:
    built.change(processor={"code": {"inline": "def handler(:"}})
    with built.no_engine_call():
        built.reconcile()
    assert built.conditions["Stalled"] == ("True", "SpecInvalid")


def test_results_inside_the_filter_of_the_generated_source_bucket_are_refused(world: World) -> None:
    world.create(
        source={"filter": {"prefixes": ["raw/"]}}, results={"bucket": {"name": DATA_BUCKET, "prefix": "raw/out/"}}
    )
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "SpecInvalid")
    assert "without end" in world.message("Stalled")


def test_a_config_map_that_is_missing_is_waited_for(world: World) -> None:
    world.create(processor=FROM_CONFIG_MAP)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions == {
        "Ready": ("False", "DependencyNotReady"),
        "Reconciling": ("True", "DependencyNotReady"),
    }
    assert "ConfigMap team-a/code" in world.message("Ready")

    world.cluster.config_maps["team-a", "code"] = {"index.py": CODE, "tool.py": "x = 1"}
    world.tick(timedelta(seconds=15))
    assert world.conditions["Ready"] == ("True", "Provisioned")
    assert files(world) == ["index.py", "tool.py"]


def test_a_key_that_is_missing_is_named_together_with_those_that_are_there(world: World) -> None:
    world.create(processor={"code": {"configMapRef": {"name": "code", "key": "main"}}})
    world.cluster.config_maps["team-a", "code"] = {"other": CODE}
    world.reconcile()
    assert "has no key 'main'; it has: other" in world.message("Ready")

    world.cluster.config_maps["team-a", "code"] = {"main": CODE}
    world.tick(timedelta(seconds=15))
    assert files(world) == ["index.py"]


def test_a_changed_config_map_is_deployed(world: World) -> None:
    world.create(processor=FROM_CONFIG_MAP)
    world.cluster.config_maps["team-a", "code"] = {"index.py": CODE}
    world.reconcile()
    before = world.status.code
    world.cluster.config_maps["team-a", "code"] = {"index.py": "def handler(event, context): return 1"}
    world.reconcile()
    assert world.verbs == ["update", "update"]
    assert world.status.code != before
    assert world.events[-1] is Reason.UPDATED
