"""Fixtures and values of the tests of the use case; a module that uses the fixtures imports them by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import OWNER
from fakes import FakeBucket, FakeCloud, FakeEngine
from ingestion_operator.blueprint.names import BUCKET_LIMIT, TABLE_LIMIT, physical_name
from ingestion_operator.model.status import StackStatus
from unit.reconcile_world import World


@pytest.fixture
def built(world: World) -> World:
    """A world in which the pipeline is provisioned."""
    world.create()
    world.reconcile()
    assert world.conditions["Ready"] == ("True", "Provisioned")
    return world


HOUR = timedelta(hours=1)
TABLE = physical_name(OWNER, "table", TABLE_LIMIT)
RESULTS_BUCKET = physical_name(OWNER, "results", BUCKET_LIMIT)
TRAIL_BUCKET = physical_name(OWNER, "trail", BUCKET_LIMIT)
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


# A bucket of others.

SHARED = {"bucket": {"name": "shared", "management": "Existing"}}
OTHERS = {"owner": "somebody"}


@pytest.fixture
def shared(world: World) -> World:
    """A world with a bucket of others, full of objects, in the pipelines' region."""
    world.cloud.regions["shared"] = "eu-west-1"
    world.cloud.buckets["shared"] = FakeBucket(dict(OTHERS), objects=7)
    return world


# Triggers.

CLOUD_TRAIL = {"trigger": "CloudTrail"}


# Tables.

WITH_TABLE: dict[str, Any] = {"results": {"table": {}}}
