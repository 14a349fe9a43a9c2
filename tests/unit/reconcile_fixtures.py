"""Fixtures and values of the tests of the use case; a module that uses the fixtures imports them by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import OWNER
from fakes import FakeBucket, FakeCloud, FakeEngine
from ingestion_operator.blueprint.names import BUCKET_LIMIT, TABLE_LIMIT, physical_name
from ingestion_operator.model.status import Workings
from unit.pipeline_under_test import PipelineUnderTest

HOUR = timedelta(hours=1)
TABLE = physical_name(OWNER, "table", TABLE_LIMIT)
RESULTS_BUCKET = physical_name(OWNER, "results", BUCKET_LIMIT)
TRAIL_BUCKET = physical_name(OWNER, "trail", BUCKET_LIMIT)
DELETE = {"policy": "Delete"}
SHARED = {"bucket": {"name": "shared", "management": "Existing"}}
OTHERS = {"owner": "somebody"}
CLOUD_TRAIL = {"trigger": "CloudTrail"}
WITH_TABLE: dict[str, Any] = {"results": {"table": {}}}


class AccountWithRules(FakeCloud):
    """An account that knows from the rules in the stacks who listens to a bucket."""

    engine: FakeEngine

    def switch_off_events(self, bucket: str, region: str) -> bool:
        rules = (state.get("rule", "") for state in self.engine.stacks.values())
        if any(f'"{bucket}"' in rule and "Object Created" in rule for rule in rules):
            return False
        return super().switch_off_events(bucket, region)


@pytest.fixture
def pipeline() -> PipelineUnderTest:
    account = AccountWithRules()
    found = PipelineUnderTest(cloud=account)
    account.engine = found.engine
    return found


@pytest.fixture
def built(pipeline: PipelineUnderTest) -> PipelineUnderTest:
    """A pipeline that is provisioned."""
    pipeline.create()
    pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("True", "Provisioned")
    return pipeline


def workings_of(pipeline: PipelineUnderTest) -> Workings:
    assert pipeline.status.workings is not None
    return pipeline.status.workings


@pytest.fixture
def shared(pipeline: PipelineUnderTest) -> PipelineUnderTest:
    """A pipeline beside a bucket of somebody else, which holds objects and is in the pipeline's region."""
    pipeline.cloud.regions["shared"] = "eu-west-1"
    pipeline.cloud.buckets["shared"] = FakeBucket(dict(OTHERS), objects=7)
    return pipeline
