"""The use case against the fakes, feature by feature: Secrets, code from elsewhere, shared buckets, triggers, tables."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builders import OWNER
from fakes import FakeBucket, FakeCloud, FakeEngine
from ingestion_operator.blueprint.function_code import ContainerImage, S3Package
from ingestion_operator.blueprint.names import BUCKET_LIMIT, TABLE_LIMIT, physical_name
from ingestion_operator.blueprint.ownership import Tag
from ingestion_operator.errors import AccessDenied, PipelineError, StateUnreadable, UpdateFailed
from ingestion_operator.model.pipeline import CONFIRM_PURGE, RECONCILE_REQUESTED_AT
from ingestion_operator.model.status import StackStatus
from ingestion_operator.ports.cloud import PackageObject, TrailView
from ingestion_operator.ports.engine import EngineResult, OnProgress, StackRef, UpdateRequest
from ingestion_operator.reasons import Reason
from unit.reconcile_world import BACKOFF, DATA_BUCKET, INLINE, POLL, WAITING, World

HOUR = timedelta(hours=1)
TABLE = physical_name(OWNER, "table", TABLE_LIMIT)
RESULTS_BUCKET = physical_name(OWNER, "results", BUCKET_LIMIT)
TRAIL_BUCKET = physical_name(OWNER, "trail", BUCKET_LIMIT)
VALUE, NEXT_VALUE = "s3cr3t-value-one", "s3cr3t-value-two!"
DELETE = {"policy": "Delete"}


class Account(FakeCloud):
    """An account that looks who listens to a bucket, as EventBridge's rules say."""

    engine: FakeEngine

    def switch_off_events(self, bucket: str, region: str) -> bool:
        rules = (state.get("rule", "") for state in self.engine.stacks.values())
        if any(f'"{bucket}"' in rule and "Object Created" in rule for rule in rules):
            return False
        return super().switch_off_events(bucket, region)


@pytest.fixture
def world() -> World:
    account = Account()
    found = World(cloud=account)
    account.engine = found.engine
    return found


def stack_of(world: World) -> StackStatus:
    assert world.status.stack is not None
    return world.status.stack


# Secrets.

TOKEN = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "api", "key": "token"}}}
WITH_TOKEN = {**INLINE, "environment": [TOKEN]}


def deployed_token(world: World) -> str:
    function = next(r for r in world.last_call.update.blueprint.resources if r.name == "function")
    value: str = function.inputs["environment"]["variables"]["TOKEN"].value
    return value


@pytest.fixture
def with_token(world: World) -> World:
    world.cluster.secrets["team-a", "api"] = {"token": VALUE}
    world.build(processor=WITH_TOKEN)
    return world


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param(None, "Secret team-a/api, named by processor.environment, does not exist", id="no Secret"),
        pytest.param({"tokens": "x"}, "Secret team-a/api has no key 'token' that is text; it has: tokens", id="no key"),
    ],
)
def test_a_secret_that_is_missing_is_named_and_waited_for(
    world: World, secret: dict[str, str] | None, said: str
) -> None:
    if secret is not None:
        world.cluster.secrets["team-a", "api"] = secret
    world.create(processor=WITH_TOKEN)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Ready"] == ("False", "DependencyNotReady")
    assert world.message("Ready") == said

    world.cluster.secrets["team-a", "api"] = {"token": VALUE}
    world.tick(WAITING)
    assert world.is_ready
    assert deployed_token(world) == VALUE


def test_a_changed_secret_is_deployed_by_the_next_poll(with_token: World) -> None:
    with with_token.no_engine_call():
        with_token.tick(POLL)
    with_token.cluster.secrets["team-a", "api"] = {"token": NEXT_VALUE}
    with with_token.no_engine_call():
        with_token.tick(POLL - timedelta(seconds=1))
    with_token.tick(timedelta(seconds=1))
    assert deployed_token(with_token) == NEXT_VALUE
    assert with_token.events[-1] is Reason.UPDATED


def test_a_secret_that_goes_away_is_said_and_what_is_deployed_stays(with_token: World) -> None:
    with_token.cluster.secrets.clear()
    with with_token.no_engine_call():
        with_token.tick(POLL)
    assert with_token.conditions["Ready"] == ("False", "DependencyNotReady")
    with_token.cluster.secrets["team-a", "api"] = {"token": VALUE}
    with with_token.no_engine_call():
        with_token.tick(WAITING)
    assert with_token.is_ready


def test_a_pipeline_without_anything_that_is_to_be_polled_is_looked_at_for_drift_only(world: World) -> None:
    world.build()
    assert world.status.next_check_time == world.now + HOUR


def test_a_value_too_large_for_the_environment_is_refused_and_a_smaller_one_heals_it(world: World) -> None:
    world.cluster.secrets["team-a", "api"] = {"token": "x" * 5000}
    world.create(processor=WITH_TOKEN)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "SpecInvalid")
    world.cluster.secrets["team-a", "api"] = {"token": VALUE}
    world.tick(POLL)
    assert world.is_ready


@pytest.mark.parametrize("failing", [False, True], ids=["it works", "it fails"])
def test_the_value_of_a_secret_is_in_no_patch_no_event_and_no_log_record(
    world: World, caplog: pytest.LogCaptureFixture, failing: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    world.cluster.secrets["team-a", "api"] = {"token": VALUE}
    if failing:
        world.engine.failures += [UpdateFailed("no"), AccessDenied("no")]
    world.create(processor=WITH_TOKEN, results={"bucket": {}, "table": {}}, deletion=DELETE)
    world.reconcile()
    world.tick(HOUR)
    world.cluster.secrets["team-a", "api"] = {"token": NEXT_VALUE}
    for _ in range(3):
        world.tick(HOUR)
    assert world.is_ready
    assert deployed_token(world) == NEXT_VALUE
    world.remove()

    written = json.dumps([world.cluster.patches, world.body], default=str)
    said = repr(world.cluster.events)
    logged = "\n".join(caplog.handler.format(record) + repr(record.__dict__) for record in caplog.records)
    assert logged
    for value in (VALUE, NEXT_VALUE):
        assert value not in written + said + logged


# Code from elsewhere.

FROM_S3 = {"code": {"s3": {"bucket": "builds", "key": "words.zip"}}}
PINNED = {"code": {"s3": {"bucket": "builds", "key": "words.zip", "versionId": "v1"}}}


def put(world: World, version: str, sha: str) -> None:
    world.cloud.packages["builds", "words.zip"] = PackageObject(version, sha * 32)


def test_a_zip_that_is_missing_is_named_and_waited_for(world: World) -> None:
    world.create(processor=FROM_S3)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Ready"] == ("False", "DependencyNotReady")
    assert "s3://builds/words.zip" in world.message("Ready")
    put(world, "v1", "aa")
    world.tick(WAITING)
    assert world.is_ready
    assert world.last_call.update.blueprint.code == S3Package("builds", "words.zip", "v1", "aa" * 32)
    assert world.status.code is not None
    assert world.status.code.sha256 == "aa" * 32


@pytest.mark.parametrize(("version", "sha"), [("v2", "bb"), ("", "bb")], ids=["a new version", "no versions"])
def test_a_zip_that_is_replaced_is_deployed_by_the_next_poll(world: World, version: str, sha: str) -> None:
    put(world, "v1" if version else "", "aa")
    world.build(processor=FROM_S3)
    with world.no_engine_call():
        world.tick(POLL)
    put(world, version, sha)
    world.tick(POLL)
    assert world.last_call.update.blueprint.code == S3Package("builds", "words.zip", version, sha * 32)
    assert world.is_ready


def test_a_pinned_zip_is_not_polled_and_a_newer_version_is_not_deployed(world: World) -> None:
    put(world, "v1", "aa")
    world.build(processor=PINNED)
    assert world.status.next_check_time == world.now + HOUR


def test_a_pinned_version_that_is_not_there_is_named(world: World) -> None:
    put(world, "v2", "aa")
    world.create(processor=PINNED)
    with world.no_engine_call():
        world.reconcile()
    assert "s3://builds/words.zip in version v1" in world.message("Ready")


def test_a_zip_that_lambda_refused_is_tried_again_as_soon_as_it_is_replaced(world: World) -> None:
    put(world, "v1", "aa")
    world.engine.failures += [UpdateFailed("function: could not unzip uploaded file")] * BACKOFF.maximum
    world.create(processor=FROM_S3)
    world.reconcile()
    for _ in range(BACKOFF.maximum - 1):
        world.tick(HOUR)
    assert world.conditions["Stalled"] == ("True", "RetriesExhausted")
    with world.no_engine_call():
        world.tick(POLL)
    put(world, "v2", "bb")
    world.tick(POLL)
    assert world.is_ready


def test_an_image_is_deployed_by_its_digest_and_not_looked_into(world: World) -> None:
    uris = [f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/words@sha256:{digit * 64}" for digit in "12"]
    world.build(processor={"code": {"image": {"uri": uris[0]}}, "handler": "is.not_looked_at"})
    assert world.last_call.update.blueprint.code == ContainerImage(uris[0])
    assert world.status.code is not None
    assert world.status.code.sha256 == "1" * 64
    assert world.status.next_check_time == world.now + HOUR, "a digest cannot be moved: nothing to poll"
    world.change(processor={"code": {"image": {"uri": uris[1]}}})
    world.reconcile()
    assert world.status.code.sha256 == "2" * 64


# A bucket of others.

SHARED = {"bucket": {"name": "shared", "management": "Existing"}}
RAW, IN = ({**SHARED, "filter": {"prefixes": [prefix]}} for prefix in ("raw/", "in/"))
OTHERS = {"owner": "somebody"}


@pytest.fixture
def shared(world: World) -> World:
    """A world with a bucket of others, full of objects, in the pipelines' region."""
    world.cloud.regions["shared"] = "eu-west-1"
    world.cloud.buckets["shared"] = FakeBucket(dict(OTHERS), objects=7)
    return world


def test_an_existing_bucket_that_is_missing_is_named_and_waited_for(world: World) -> None:
    world.create(source=SHARED)
    with world.no_engine_call():
        world.reconcile()
    assert world.message("Ready") == "bucket shared, named by source.bucket.name, does not exist"
    world.cloud.regions["shared"] = "eu-west-1"
    world.tick(WAITING)
    assert world.is_ready


def test_events_of_an_existing_bucket_are_switched_on_recorded_and_off_again(shared: World) -> None:
    shared.build(source=SHARED)
    assert shared.cloud.sending == {"shared"}
    assert stack_of(shared).switched_on == "shared"
    assert "shared" not in shared.cluster.patches[0].get("stack", {}).get("switchedOn", ""), "recorded when it is done"
    shared.remove()
    assert shared.cloud.sending == set()


def test_a_bucket_that_sent_its_events_before_goes_on_sending_them(shared: World) -> None:
    shared.cloud.sending.add("shared")
    shared.build(source=SHARED)
    assert stack_of(shared).switched_on == ""
    shared.remove()
    assert shared.cloud.sending == {"shared"}


def test_events_that_somebody_switched_off_are_switched_on_by_the_next_look_for_drift(shared: World) -> None:
    shared.build(source=SHARED)
    shared.cloud.sending.clear()
    shared.tick(HOUR)
    assert shared.cloud.sending == {"shared"}


def test_events_stay_on_while_a_rule_of_others_listens(shared: World) -> None:
    shared.build(source=SHARED)
    shared.cloud.listened_to.add("shared")
    shared.remove()
    assert shared.cloud.sending == {"shared"}


def test_events_stay_on_under_retain(shared: World) -> None:
    shared.build(source=SHARED, deletion={"policy": "Retain"})
    shared.remove()
    assert shared.verbs == ["update", "forget"]
    assert shared.cloud.sending == {"shared"}


@pytest.mark.parametrize("first", [0, 1], ids=["the one that switched on goes first", "the other one goes first"])
def test_the_last_of_two_pipelines_switches_off(shared: World, first: int) -> None:
    other = shared.neighbour("other")
    shared.build(source=RAW)
    other.build(source=IN)
    assert [stack_of(w).switched_on for w in (shared, other)] == ["shared", "shared"]
    going = [shared, other] if first == 0 else [other, shared]
    going[0].remove()
    assert shared.cloud.sending == {"shared"}
    del shared.cluster.pipelines_by_key[going[0].key]
    going[1].remove()
    assert shared.cloud.sending == set()


def test_neither_of_two_switches_off_what_was_on_before(shared: World) -> None:
    shared.cloud.sending.add("shared")
    other = shared.neighbour("other")
    shared.build(source=RAW)
    other.build(source=IN)
    shared.remove()
    other.remove()
    assert shared.cloud.sending == {"shared"}


@pytest.mark.parametrize("policy", ["RetainData", "Delete", "Retain"])
@pytest.mark.parametrize("status", ["kept", "lost"])
@pytest.mark.parametrize("objects", [0, 7], ids=["empty", "full"])
def test_an_existing_bucket_is_never_made_tagged_emptied_or_deleted(
    shared: World, policy: str, status: str, objects: int
) -> None:
    shared.cloud.buckets["shared"].objects = objects
    shared.build(source=SHARED, deletion={"policy": policy})
    shared.annotate(CONFIRM_PURGE, "shared")
    assert not any("s3/bucket" in r.type for r in shared.last_call.update.blueprint.resources)
    assert stack_of(shared).data_buckets == ()
    if status == "lost":
        shared.body["status"] = {}
    shared.remove()
    assert shared.cloud.buckets["shared"] == FakeBucket(OTHERS, objects=objects)


@pytest.mark.parametrize("status", ["known", "lost"])
def test_a_bucket_kept_from_an_earlier_life_and_used_as_existing_is_never_deleted(world: World, status: str) -> None:
    world.cloud.regions["docs"] = "eu-west-1"
    world.cloud.buckets["docs"] = FakeBucket({**OWNER.tags(), Tag.UID.value: "uid-0"}, objects=7)
    world.build(source={"bucket": {"name": "docs", "management": "Existing"}}, deletion=DELETE)
    world.annotate(CONFIRM_PURGE, "docs")
    if status == "lost":
        world.body["status"] = {}
    world.remove()
    assert world.cloud.buckets["docs"].objects == 7


OVERLAP = "some objects of bucket shared are processed by {} too: narrow source.filter if that is not meant"


def test_two_pipelines_that_share_objects_are_told_once_and_no_longer_when_the_filter_is_narrowed(
    shared: World,
) -> None:
    other = shared.neighbour("other")
    shared.build(source=SHARED)
    assert shared.events == [Reason.CREATED]
    other.build(source=RAW)
    assert shared.events.count(Reason.FILTER_OVERLAPS) == 1
    assert shared.cluster.events[-1].message == OVERLAP.format("team-a/words")
    assert other.message("Ready").endswith(f"; note: {OVERLAP.format('team-a/words')}")

    shared.reconcile()
    assert shared.message("Ready").endswith(f"; note: {OVERLAP.format('team-a/other')}")
    assert shared.events.count(Reason.FILTER_OVERLAPS) == 2, "each pipeline has its own Event"
    for _ in range(3):
        shared.reconcile()
        shared.tick(HOUR)
        other.reconcile()
    assert shared.events.count(Reason.FILTER_OVERLAPS) == 2

    shared.change(source=IN)
    shared.reconcile()
    other.reconcile()
    assert "note" not in shared.message("Ready") + other.message("Ready")
    assert shared.is_ready
    assert other.is_ready


def test_a_pipeline_that_is_going_is_no_longer_told_of(shared: World) -> None:
    other = shared.neighbour("other")
    shared.build(source=SHARED)
    other.build(source=SHARED)
    other.remove()
    shared.reconcile()
    assert "note" not in shared.message("Ready")


# Triggers.

CLOUD_TRAIL = {"trigger": "CloudTrail"}
TRAIL_ARN = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
ALL_BUCKETS = {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}


def built(world: World) -> set[str]:
    (state,) = world.engine.stacks.values()
    return set(state)


def test_switching_the_trigger_to_and_fro_loses_no_bucket_and_takes_the_log_of_the_trail_back(world: World) -> None:
    world.build(source={"trigger": "EventBridge"})
    world.cloud.buckets[DATA_BUCKET].objects = 3
    world.change(source=CLOUD_TRAIL)
    world.reconcile()
    assert world.is_ready
    assert {"trail", "trail-bucket"} <= built(world)
    assert "source-notification" not in built(world)
    world.cloud.buckets[TRAIL_BUCKET].objects = 9

    world.change(source={"trigger": "EventBridge"})
    world.reconcile()
    assert world.is_ready
    assert "trail" not in built(world)
    assert world.cloud.buckets.keys() == {DATA_BUCKET, TRAIL_BUCKET}
    assert stack_of(world).data_buckets == (DATA_BUCKET, TRAIL_BUCKET)

    world.change(source=CLOUD_TRAIL)
    world.reconcile()
    assert world.is_ready
    assert world.last_call.update.adopt == {"trail-bucket": TRAIL_BUCKET}
    assert world.last_call.update.refresh
    assert {name: bucket.objects for name, bucket in world.cloud.buckets.items()} == {DATA_BUCKET: 3, TRAIL_BUCKET: 9}


def test_the_log_of_a_trail_is_part_of_a_deletion_even_when_the_trail_went_before(world: World) -> None:
    world.build(source=CLOUD_TRAIL, deletion=DELETE)
    world.cloud.buckets[TRAIL_BUCKET].objects = 9
    world.change(source={})
    world.reconcile()
    assert f"{TRAIL_BUCKET} holds 9 objects" in str(world.refused_removal())
    world.annotate(CONFIRM_PURGE, TRAIL_BUCKET)
    world.remove()
    assert world.cloud.buckets == {}


def test_switching_the_trigger_on_an_existing_bucket_switches_its_events_off_and_on(shared: World) -> None:
    shared.build(source=SHARED)
    shared.change(source={**SHARED, **CLOUD_TRAIL})
    shared.reconcile()
    assert shared.is_ready
    assert (shared.cloud.sending, stack_of(shared).switched_on) == (set(), "")
    shared.change(source=SHARED)
    shared.reconcile()
    assert (shared.cloud.sending, stack_of(shared).switched_on) == ({"shared"}, "shared")
    assert shared.cloud.buckets["shared"] == FakeBucket(OTHERS, objects=7)


def test_a_trail_of_others_that_does_not_record_is_said_and_looked_at_again(world: World) -> None:
    world.cloud.trails[TRAIL_ARN] = TrailView("eu-west-1", multi_region=False, logging=False, selectors=ALL_BUCKETS)
    world.create(source={**CLOUD_TRAIL, "cloudTrail": {"trailArn": TRAIL_ARN}})
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "TrailMissing")
    assert "start-logging" in world.message("Stalled")
    world.cloud.trails[TRAIL_ARN] = replace(world.cloud.trails[TRAIL_ARN], logging=True)
    world.tick(WAITING)
    assert world.is_ready
    assert "trail-bucket" not in built(world)


# Tables.

WITH_TABLE: dict[str, Any] = {"results": {"table": {}}}


def test_a_table_kept_from_an_earlier_life_is_taken_over_with_its_items(world: World) -> None:
    world.cloud.tables[TABLE] = FakeBucket({**OWNER.tags(), Tag.UID.value: "uid-0"}, objects=3)
    world.build(**WITH_TABLE)
    assert world.last_call.update.adopt == {"results-table": TABLE}
    assert world.cloud.tables[TABLE] == FakeBucket(OWNER.tags(), objects=3)


def test_a_table_of_somebody_else_is_not_touched_and_the_engine_is_never_called(world: World) -> None:
    world.cloud.tables[TABLE] = FakeBucket(dict(OTHERS), objects=3)
    world.create(**WITH_TABLE)
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "TableNameTaken")
    assert "write results.table.name to use it as it is" in world.message("Stalled")
    assert world.cloud.tables[TABLE] == FakeBucket(OTHERS, objects=3)


def test_a_table_of_others_is_used_as_it_is_and_stays(world: World) -> None:
    world.cloud.keys["theirs"] = ("id",)
    world.cloud.tables["theirs"] = FakeBucket(dict(OTHERS), objects=3)
    world.build(results={"table": {"name": "theirs"}}, deletion=DELETE)
    world.annotate(CONFIRM_PURGE, "theirs")
    world.remove()
    assert world.cloud.tables == {"theirs": FakeBucket(OTHERS, objects=3)}


def test_a_table_that_others_make_anew_with_the_right_keys_is_taken_without_a_change(world: World) -> None:
    world.cloud.keys["theirs"] = ("other",)
    world.create(results={"table": {"name": "theirs"}})
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "SpecInvalid")
    world.cloud.keys["theirs"] = ("id",)
    world.tick(timedelta(seconds=BACKOFF.cap_seconds))
    assert world.is_ready


@pytest.mark.parametrize(
    ("policy", "items", "tables"),
    [("RetainData", 0, 1), ("RetainData", 5, 1), ("Delete", 0, 0), ("Retain", 5, 1)],
)
def test_a_deletion_does_with_a_table_what_its_policy_says(world: World, policy: str, items: int, tables: int) -> None:
    world.build(**WITH_TABLE, deletion={"policy": policy})
    world.cloud.tables[TABLE].objects = items
    world.remove()
    assert len(world.cloud.tables) == tables
    assert not world.engine.stacks


def test_a_table_that_holds_items_waits_for_its_purge_to_be_confirmed(world: World) -> None:
    world.build(**WITH_TABLE, deletion=DELETE)
    world.cloud.tables[TABLE].objects = 1
    with world.no_engine_call():
        refusal = str(world.refused_removal())
    assert f"{TABLE} holds 1 item:" in refusal
    assert f"{CONFIRM_PURGE}={TABLE};" in refusal
    assert world.conditions["Stalled"] == ("True", "TableNotEmpty")
    world.annotate(CONFIRM_PURGE, TABLE)
    world.remove()
    assert world.cloud.tables == {}
    assert world.cluster.events[-2].message == f"deleted for good, as confirmed: the data in {TABLE}"


def test_bucket_and_table_are_named_in_one_message_and_confirmed_in_one_annotation(world: World) -> None:
    world.build(results={"bucket": {}, "table": {}}, deletion=DELETE)
    world.cloud.buckets[RESULTS_BUCKET].objects = 2
    world.cloud.tables[TABLE].objects = 4
    refusal = str(world.refused_removal())
    assert f"{RESULTS_BUCKET} holds 2 objects and versions, {TABLE} holds 4 items" in refusal
    assert f"{CONFIRM_PURGE}={RESULTS_BUCKET},{TABLE};" in refusal
    assert world.conditions["Stalled"] == ("True", "BucketNotEmpty")

    world.annotate(CONFIRM_PURGE, RESULTS_BUCKET)
    assert str(world.refused_removal()).startswith(f"{TABLE} holds 4 items")
    assert world.cloud.buckets[RESULTS_BUCKET].objects == 2, "nothing goes before everything is confirmed"
    world.annotate(CONFIRM_PURGE, f"{RESULTS_BUCKET}, {TABLE}")
    world.remove()
    assert (world.cloud.buckets, world.cloud.tables) == ({}, {})


def test_items_that_arrive_during_a_deletion_are_kept_until_it_is_confirmed(world: World) -> None:
    def arrive() -> None:
        world.cloud.tables[TABLE].objects = 1

    world.build(**WITH_TABLE, deletion=DELETE)
    world.engine.during = arrive
    assert "items arrived" in str(world.refused_removal())
    assert world.cloud.tables[TABLE].objects == 1
    world.annotate(CONFIRM_PURGE, TABLE)
    world.remove()
    assert world.cloud.tables == {}


def test_a_table_that_is_no_longer_the_pipelines_is_never_deleted(world: World) -> None:
    world.build(**WITH_TABLE, deletion=DELETE)
    world.cloud.tables[TABLE] = FakeBucket(dict(OTHERS), objects=3)
    world.annotate(CONFIRM_PURGE, TABLE)
    world.remove()
    assert world.cloud.tables[TABLE].objects == 3
    assert f"left alone, for they do not carry this pipeline's tags: {TABLE}" in world.cluster.events[-1].message


def test_what_is_kept_is_said_tables_too(world: World) -> None:
    world.build(**WITH_TABLE)
    world.remove()
    assert world.cluster.events[-1].message.endswith(f"kept with their data: {DATA_BUCKET}, {TABLE}")


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"bucket": {"name": "docs"}},
        {"bucket": {"naming": "AccountRegional"}},
        {"bucket": {"naming": "AccountRegional", "name": "docs"}},
        CLOUD_TRAIL,
    ],
    ids=["generated", "named", "regional", "regional and named", "with a trail"],
)
def test_a_pipeline_whose_status_was_lost_leaves_no_bucket_and_no_table(world: World, source: dict[str, Any]) -> None:
    world.build(source=source, results={"bucket": {}, "table": {}}, deletion=DELETE)
    world.body["status"] = {}
    world.remove()
    assert (world.cloud.buckets, world.cloud.tables, world.engine.stacks) == ({}, {}, {})


def test_data_found_without_a_status_is_to_be_confirmed_all_the_same(world: World) -> None:
    world.build(**WITH_TABLE, deletion=DELETE)
    world.cloud.tables[TABLE].objects = 4
    world.body["status"] = {}
    assert f"{TABLE} holds 4 items" in str(world.refused_removal())
    assert world.cloud.tables[TABLE].objects == 4


def test_a_table_that_a_live_pipeline_gets_is_made_once_even_if_the_update_fails(world: World) -> None:
    world.build()
    world.change(**WITH_TABLE)
    world.engine.failures.append(UpdateFailed("no"))
    world.reconcile()
    assert TABLE in world.cloud.tables, "the fake fails when half of the work is done"
    world.tick(HOUR)
    assert world.is_ready
    assert len(world.cloud.tables) == 1


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
        "processor.runtime python3.10 is blocked by AWS since 2027-02-01: write python3.11"
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


# The salt of the state's secrets.


class SaltedEngine(FakeEngine):
    """Chooses a salt for a stack that comes without one, as the CLI does, and notices a wrong one."""

    salts: dict[str, str]

    def __init__(self, cloud: FakeCloud) -> None:
        super().__init__(cloud)
        self.salts = {}

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        given = request.stack.encryption_salt
        salt = given or f"v1:{len(self.calls)}"
        if given and self.salts.get(request.stack.name, given) != given:
            raise StateUnreadable("incorrect passphrase")
        try:
            result = super().update(request, on_progress)
        except PipelineError as error:
            error.encryption_salt = salt
            raise
        self.salts[request.stack.name] = salt
        return replace(result, encryption_salt=salt)


@pytest.fixture
def salted(world: World) -> World:
    world.engine = SaltedEngine(world.cloud)
    world.restart()
    world.build()
    return world


def test_the_salt_of_the_first_operation_is_kept_for_each_later_one(salted: World) -> None:
    assert stack_of(salted).encryption_salt == "v1:0"
    salted.change(tags={"team": "search"})
    salted.reconcile()
    salted.engine.failures.append(UpdateFailed("no"))
    salted.change(tags={})
    salted.reconcile()
    salted.tick(HOUR)
    salted.annotate(RECONCILE_REQUESTED_AT, "now")
    salted.reconcile()
    assert {call.stack.encryption_salt for call in salted.engine.calls[1:]} == {"v1:0"}
    assert stack_of(salted).encryption_salt == "v1:0"
    salted.remove()
    assert salted.last_call.stack.encryption_salt == "v1:0"


def test_the_salt_of_a_first_creation_that_failed_is_kept(world: World) -> None:
    world.engine = SaltedEngine(world.cloud)
    world.restart()
    world.engine.failures.append(UpdateFailed("no"))
    world.create()
    world.reconcile()
    assert stack_of(world).encryption_salt == "v1:0"
    world.tick(HOUR)
    assert world.is_ready
    assert world.last_call.stack.encryption_salt == "v1:0"


def test_the_salt_survives_a_crash_and_is_given_to_forget(salted: World) -> None:
    salted.change(tags={"team": "search"}, deletion={"policy": "Retain"})
    salted.crash()
    assert stack_of(salted).encryption_salt == "v1:0"
    salted.remove()
    assert salted.last_call.stack == StackRef(stack_of(salted).name, "eu-west-1", "v1:0")


# Interruption of what works.


def test_an_interrupted_look_at_a_working_pipeline_takes_nothing_over_and_drops_nothing(world: World) -> None:
    """A leftover function is deleted, with the events that wait for it: the one that works is none."""
    world.build()
    asked: list[tuple[str, ...]] = []
    leave = world.cloud.claim_leftovers

    def record(blueprint: Any) -> Mapping[str, str]:
        asked.append(tuple(r.name for r in blueprint.resources))
        return leave(blueprint)

    world.cloud.claim_leftovers = record  # type: ignore[method-assign]
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

    world.cloud.claim_leftovers = record  # type: ignore[method-assign]
    world.change(processor={"code": {"inline": "def handler(event, context): return 1"}}, **WITH_TABLE)
    world.crash()
    world.reconcile()
    assert world.is_ready
    assert asked == [("results-table", "function")]


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
