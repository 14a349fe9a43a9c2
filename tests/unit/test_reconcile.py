"""The use case against the fakes: what one pipeline goes through, from its creation to its deletion."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from builders import CODE, KEY, NOW, OWNER
from fakes import Announcement, Crash, FakeBucket
from ingestion_operator.conclude import CONFIRMATION_SECONDS
from ingestion_operator.disposal import COUNT_LIMIT
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    CredentialsMissing,
    LockHeld,
    PipelineError,
    StateUnreadable,
    UpdateFailed,
    UpdateTimedOut,
)
from ingestion_operator.model.pipeline import CONFIRM_PURGE, RECONCILE_REQUESTED_AT
from ingestion_operator.model.status import Status
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile import is_due
from unit.reconcile_world import BACKOFF, DATA_BUCKET, INLINE, LONGEST_BACKOFF, World, files

FROM_CONFIG_MAP = {"code": {"configMapRef": {"name": "code"}}}
ENGINE_ERRORS = [UpdateFailed, UpdateTimedOut, LockHeld, AccessDenied, StateUnreadable, BucketNameTaken]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def built(world: World) -> World:
    """A world in which the pipeline is provisioned."""
    world.create()
    world.reconcile()
    assert world.conditions["Ready"] == ("True", "Provisioned")
    return world


# Creation, and doing nothing.


def test_a_new_pipeline_is_built_and_says_so(world: World) -> None:
    world.create()
    world.reconcile()

    assert world.conditions == {"Ready": ("True", "Provisioned"), "Synced": ("True", "InSync")}
    assert world.events == [Reason.CREATED]
    assert (world.last_call.update.create, world.last_call.update.refresh) == (True, False)
    status = world.status
    assert status.observed_generation == 1
    assert status.operation is None
    assert status.outputs is not None
    assert status.outputs.bucket_name == DATA_BUCKET
    assert [r.name for r in status.resources] == [r.name for r in world.last_call.update.blueprint.resources]
    assert world.cloud.buckets[DATA_BUCKET].tags == OWNER.tags()


def test_what_a_deletion_needs_is_written_before_the_engine_is_first_called(world: World) -> None:
    seen: list[Status] = []
    world.engine.during = lambda: seen.append(world.status)
    world.create()
    world.reconcile()

    assert seen[0].stack is not None
    assert (seen[0].stack.name, seen[0].stack.data_buckets) == (world.last_call.stack.name, (DATA_BUCKET,))
    assert seen[0].operation is not None


def test_progress_is_written_while_it_goes_on(world: World) -> None:
    world.create()
    world.reconcile()
    progress = [p["operation"].get("progress") for p in world.cluster.patches if p.get("operation")]
    total = len(world.last_call.update.blueprint.resources)
    assert (progress[1], progress[-1]) == (f"0/{total}", f"{total}/{total}")


def test_an_unchanged_pipeline_costs_no_engine_call_and_no_write(built: World) -> None:
    patches = len(built.cluster.patches)
    with built.no_engine_call():
        for _ in range(3):
            built.reconcile(timedelta(seconds=60))
    assert len(built.cluster.patches) == patches


def test_a_pipeline_that_is_gone_is_nothing_to_do(world: World) -> None:
    with world.no_engine_call():
        world.reconciler.reconcile(KEY)
        world.reconciler.remove(KEY)


def test_a_pipeline_that_is_being_deleted_is_left_to_its_removal(built: World) -> None:
    built.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    built.change(tags={"team": "search"})
    with built.no_engine_call():
        built.reconcile()


def test_an_event_and_a_timer_never_work_on_one_pipeline_at_the_same_time(world: World) -> None:
    second = threading.Thread(target=world.reconciler.reconcile, args=(KEY,))

    def arrive() -> None:
        second.start()
        second.join(timeout=0.1)
        assert second.is_alive(), "it was not made to wait"

    world.engine.during = arrive
    world.create()
    world.reconcile()
    second.join(timeout=10)
    assert not second.is_alive()
    assert world.verbs == ["update"], "the second finds that nothing is left to do"


# Change.


def test_a_change_is_applied(built: World) -> None:
    built.change(tags={"team": "search"})
    built.reconcile()

    assert (built.last_call.update.create, built.last_call.update.refresh) == (False, False)
    assert built.events[-1] is Reason.UPDATED
    assert built.conditions["Ready"] == ("True", "Provisioned")
    assert built.status.observed_generation == 2
    assert built.cloud.buckets.keys() == {DATA_BUCKET}


def test_a_change_that_does_not_reach_aws_costs_no_engine_call(built: World) -> None:
    built.change(deletion={"policy": "Delete"})
    with built.no_engine_call():
        built.reconcile()
    assert built.status.observed_generation == 2
    assert {c.observed_generation for c in built.status.conditions if c.type == "Ready"} == {2}


def test_the_stack_keeps_the_name_that_the_status_says(built: World) -> None:
    built.body["status"]["stack"]["name"] = "as-an-older-version-named-it"
    built.engine.stacks["as-an-older-version-named-it"] = built.engine.stacks.popitem()[1]
    built.change(tags={"team": "search"})
    built.reconcile()
    assert built.last_call.stack.name == "as-an-older-version-named-it"


def test_a_bucket_once_made_is_remembered_when_the_spec_no_longer_names_it(world: World) -> None:
    world.create(results={"bucket": {}})
    world.reconcile()
    assert world.status.stack is not None
    both = world.status.stack.data_buckets
    world.body["spec"].pop("results")
    world.change()
    world.reconcile()
    assert len(both) == 2
    assert world.status.stack.data_buckets == both


def test_a_lost_state_is_never_taken_for_a_new_stack(built: World) -> None:
    built.engine.stacks.clear()
    built.change(tags={"team": "search"})
    built.reconcile()
    assert built.conditions["Stalled"] == ("True", "StateUnreadable")
    assert not built.engine.stacks


# Failure.


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


# Suspension.


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


# Whose bucket.


def test_a_bucket_of_somebody_else_is_not_touched_and_the_engine_is_never_called(world: World) -> None:
    theirs = FakeBucket({"owner": "somebody"}, objects=7)
    world.cloud.buckets["shared"] = theirs
    world.create(source={"bucket": {"name": "shared"}})
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "BucketNameTaken")
    assert "choose another source.bucket.name" in world.message("Stalled")
    assert theirs == FakeBucket({"owner": "somebody"}, objects=7)


def test_a_bucket_kept_from_an_earlier_life_is_taken_over_with_its_objects(world: World) -> None:
    world.cloud.buckets[DATA_BUCKET] = FakeBucket({**OWNER.tags(), "ingestion-operator.io/uid": "uid-0"}, objects=3)
    world.create()
    world.reconcile()
    assert world.last_call.update.adopt == {"source-bucket": DATA_BUCKET}
    assert world.cloud.buckets[DATA_BUCKET] == FakeBucket(OWNER.tags(), objects=3)
    assert world.conditions["Ready"] == ("True", "Provisioned")


# Interruption.


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


# Drift and requests.


def test_drift_is_looked_for_when_it_is_time_and_put_back(built: World) -> None:
    built.engine.drifted = {"rule"}
    with built.no_engine_call():
        built.tick(timedelta(seconds=3599))
    built.tick(timedelta(seconds=1))
    assert built.last_call.update.refresh
    assert built.events[-1] is Reason.DRIFT_CORRECTED
    assert built.status.drift is not None
    assert built.status.drift.resources == ("rule",)
    assert built.message("Synced") == "drift was corrected"


def test_a_look_that_finds_nothing_is_not_announced_and_does_not_make_a_pipeline_unready(built: World) -> None:
    seen: list[dict[str, tuple[str, str]]] = []
    built.engine.during = lambda: seen.append(built.conditions)
    built.tick(timedelta(hours=1))
    assert seen[0]["Ready"] == ("True", "Provisioned")
    assert seen[0]["Reconciling"] == ("True", "Refreshing")
    assert built.events == [Reason.CREATED]


def test_drift_that_is_to_be_ignored_is_not_looked_for(world: World) -> None:
    world.create(reconcile={"drift": {"mode": "Ignore"}})
    world.reconcile()
    with world.no_engine_call():
        world.tick(timedelta(days=30))


def test_a_request_is_followed_once(built: World) -> None:
    built.annotate(RECONCILE_REQUESTED_AT, "now")
    built.reconcile()
    assert built.last_call.update.refresh
    with built.no_engine_call():
        built.reconcile()


# Deletion.


@pytest.mark.parametrize(
    ("policy", "objects", "verbs", "buckets_left", "event"),
    [
        pytest.param("RetainData", 0, ["destroy"], 1, Reason.DESTROYED, id="RetainData keeps an empty bucket"),
        pytest.param("RetainData", 9, ["destroy"], 1, Reason.DESTROYED, id="RetainData keeps a full bucket"),
        pytest.param("Delete", 0, ["destroy"], 0, Reason.DESTROYED, id="Delete takes an empty bucket"),
        pytest.param("Retain", 0, ["forget"], 1, Reason.RETAINED, id="Retain leaves everything"),
        pytest.param("Retain", 9, ["forget"], 1, Reason.RETAINED, id="Retain leaves everything and its objects"),
        pytest.param("nonsense", 9, ["destroy"], 1, Reason.DESTROYED, id="an unreadable policy is the careful one"),
    ],
)
def test_a_deletion_does_what_its_policy_says(
    built: World, policy: str, objects: int, verbs: list[str], buckets_left: int, event: Reason
) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = objects
    built.change(deletion={"policy": policy})
    built.remove()
    assert built.verbs[1:] == verbs
    assert len(built.cloud.buckets) == buckets_left
    assert built.events[-1] is event
    assert not built.engine.stacks


def test_what_is_kept_is_said(built: World) -> None:
    built.remove()
    assert built.cluster.events[-1].message.endswith(f"kept with their data: {DATA_BUCKET}")


def test_delete_takes_nothing_down_while_a_bucket_holds_objects(built: World) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.change(deletion={"policy": "Delete"})
    with built.no_engine_call():
        refusal = built.refused_removal()
    assert f"{DATA_BUCKET} holds 3 objects and versions" in str(refusal)
    assert f"{CONFIRM_PURGE}={DATA_BUCKET}" in str(refusal)
    assert refusal.delay_seconds == CONFIRMATION_SECONDS
    assert built.conditions["Stalled"] == ("True", "BucketNotEmpty")
    assert built.conditions["Ready"] == ("False", "Deleting")


@pytest.mark.parametrize(
    ("objects", "said"),
    [(1, "1 object or version:"), (COUNT_LIMIT + 1, f"{COUNT_LIMIT} or more objects and versions:")],
)
def test_a_count_reads_well(built: World, objects: int, said: str) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = objects
    built.change(deletion={"policy": "Delete"})
    assert said in str(built.refused_removal())


def test_a_confirmed_purge_deletes_the_objects_and_the_bucket(built: World) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.change(deletion={"policy": "Delete"})
    built.refused_removal()
    built.annotate(CONFIRM_PURGE, f" other, {DATA_BUCKET} ")
    built.remove()
    assert built.cloud.buckets == {}


def test_the_confirmation_of_another_bucket_confirms_nothing(built: World) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.change(deletion={"policy": "Delete"})
    built.annotate(CONFIRM_PURGE, "other")
    with built.no_engine_call():
        built.refused_removal()
    assert built.cloud.buckets[DATA_BUCKET].objects == 3


def test_a_confirmation_does_not_delete_data_that_the_policy_keeps(built: World) -> None:
    built.cloud.buckets[DATA_BUCKET].objects = 3
    built.annotate(CONFIRM_PURGE, DATA_BUCKET)
    built.remove()
    assert built.cloud.buckets[DATA_BUCKET].objects == 3


def test_objects_that_arrive_during_a_deletion_are_kept_until_it_is_confirmed(built: World) -> None:
    def arrive() -> None:
        built.cloud.buckets[DATA_BUCKET].objects = 1

    built.change(deletion={"policy": "Delete"})
    built.engine.during = arrive
    assert "arrived" in str(built.refused_removal())
    assert DATA_BUCKET in built.cloud.buckets
    built.annotate(CONFIRM_PURGE, DATA_BUCKET)
    built.remove()
    assert built.cloud.buckets == {}


def test_a_bucket_that_is_no_longer_the_pipelines_is_never_purged(built: World) -> None:
    built.cloud.buckets[DATA_BUCKET] = FakeBucket({}, objects=3)
    built.change(deletion={"policy": "Delete"})
    built.annotate(CONFIRM_PURGE, DATA_BUCKET)
    built.remove()
    assert built.cloud.buckets[DATA_BUCKET].objects == 3
    assert "left alone, for they do not carry this pipeline's tags" in built.cluster.events[-1].message


def test_a_results_bucket_of_somebody_else_is_never_part_of_a_deletion(world: World) -> None:
    world.cloud.buckets["theirs"] = FakeBucket({}, objects=3)
    world.create(results={"bucket": {"name": "theirs"}}, deletion={"policy": "Delete"})
    world.reconcile()
    world.annotate(CONFIRM_PURGE, "theirs")
    world.remove()
    assert world.cloud.buckets == {"theirs": FakeBucket({}, objects=3)}


@pytest.mark.parametrize(
    "spec",
    [{}, {"processor": 3}, {"deletion": "x"}, {"deletion": {"policy": 3}}, {"source": {"bucket": {"name": 5}}}],
    ids=str,
)
def test_a_pipeline_with_an_invalid_spec_can_be_deleted(built: World, spec: dict[str, Any]) -> None:
    built.body["spec"] = spec
    built.remove()
    assert built.verbs[1:] == ["destroy"]
    assert built.cloud.buckets.keys() == {DATA_BUCKET}


@pytest.mark.parametrize("policy", ["RetainData", "Delete", "Retain"])
def test_a_pipeline_without_a_status_is_looked_for_by_its_deterministic_names(world: World, policy: str) -> None:
    world.create(deletion={"policy": policy})
    world.remove()
    assert world.verbs == ["forget" if policy == "Retain" else "destroy"], "the status may have been lost"


def test_a_pipeline_whose_status_was_lost_leaves_nothing_behind(built: World) -> None:
    built.change(deletion={"policy": "Delete"})
    built.body["status"] = {}
    built.remove()
    assert not built.engine.stacks
    assert not built.cloud.buckets


def test_a_status_of_another_version_still_names_the_stack(built: World) -> None:
    built.body["status"]["operation"] = {"type": "Nope"}
    built.remove()
    assert not built.engine.stacks


def test_a_pipeline_that_was_refused_a_foreign_bucket_can_be_deleted(world: World) -> None:
    world.cloud.buckets["shared"] = FakeBucket({"o": "x"}, objects=7)
    world.create(source={"bucket": {"name": "shared"}}, deletion={"policy": "Delete"})
    world.reconcile()
    world.annotate(CONFIRM_PURGE, "shared")
    world.remove()
    assert world.cloud.buckets["shared"].objects == 7


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


def test_an_interrupted_operation_is_remembered_while_the_spec_is_wrong(built: World) -> None:
    built.change(tags={"team": "search"})
    built.crash()
    built.change(tags={}, processor={**INLINE, "memoryMiB": 1})
    built.reconcile()
    built.change(processor=INLINE)
    built.reconcile()
    assert built.last_call.update is not None
    assert built.last_call.update.refresh


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


def test_a_suspended_pipeline_can_be_deleted(built: World) -> None:
    built.change(reconcile={"suspend": True})
    built.reconcile()
    built.remove()
    assert built.verbs[1:] == ["destroy"]


def test_a_creation_that_was_interrupted_can_be_deleted(world: World) -> None:
    world.create(deletion={"policy": "Delete"})
    world.crash()
    world.remove()
    assert world.cloud.buckets == {}
    assert not world.engine.stacks


@pytest.mark.parametrize("policy", ["RetainData", "Delete", "Retain"])
@pytest.mark.parametrize("error", ENGINE_ERRORS, ids=lambda e: e.__name__)
def test_whatever_the_engine_raises_a_deletion_is_only_still_under_way(
    built: World, error: type[PipelineError], policy: str
) -> None:
    built.change(deletion={"policy": policy})
    built.engine.failures.append(error("it did not work"))
    refusal = built.refused_removal()
    assert str(refusal) == "it did not work"
    assert refusal.delay_seconds > 0
    assert built.conditions["Ready"] == ("False", "Deleting")
    assert DATA_BUCKET in built.cloud.buckets
    built.remove()
    assert not built.engine.stacks


def test_a_deletion_that_goes_on_failing_is_never_given_up_and_announced_once(built: World) -> None:
    built.engine.failures += [UpdateFailed("no")] * (BACKOFF.maximum + 2)
    delays = [built.refused_removal().delay_seconds for _ in range(BACKOFF.maximum + 2)]
    assert delays == sorted(delays)
    assert built.events.count(Reason.RETRYING_AFTER_FAILURE) == 1
    assert built.status.last_operation is not None
    assert built.status.last_operation.failures == BACKOFF.maximum + 2
    built.remove()
    assert not built.engine.stacks


def test_a_deletion_that_was_interrupted_is_finished(built: World) -> None:
    built.engine.failures.append(Crash())
    with pytest.raises(Crash):
        built.remove()
    built.restart()
    built.remove()
    assert not built.engine.stacks


# The timer.


@pytest.mark.parametrize(
    ("due", "deleting", "expected"),
    [
        pytest.param(None, False, False, id="nothing to look at"),
        pytest.param("2026-11-24T11:59:59Z", False, True, id="time has come"),
        pytest.param("2026-11-24T12:00:00Z", False, True, id="to the second"),
        pytest.param("2026-11-24T12:00:01Z", False, False, id="not yet"),
        pytest.param("2026-11-24T11:59:59Z", True, False, id="not while it is deleted"),
    ],
)
def test_a_pipeline_is_looked_at_when_its_status_says_so(due: str | None, deleting: bool, expected: bool) -> None:
    metadata = {"deletionTimestamp": "2026-11-24T11:00:00Z"} if deleting else {}
    assert is_due({"metadata": metadata, "status": {"nextCheckTime": due}}, NOW) is expected
    assert not is_due({"metadata": {}}, NOW)
