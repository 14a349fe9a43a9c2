"""The use case against the fakes: the salt of the state's secrets is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import FakeCloud, FakeEngine
from ingestion_operator.errors import PipelineError, StateUnreadable, UpdateFailed
from ingestion_operator.model.pipeline import RECONCILE_REQUESTED_AT
from ingestion_operator.ports.engine import EngineResult, OnProgress, StackRef, UpdateRequest
from unit.pipeline_under_test import PipelineUnderTest
from unit.reconcile_fixtures import HOUR, pipeline, workings_of

__all__ = ["pipeline"]


class SaltedEngine(FakeEngine):
    """Chooses a salt for a stack that has none, as the CLI does, and refuses a wrong one."""

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
            raise error.after(salt, error.lock) from error
        self.salts[request.stack.name] = salt
        return replace(result, encryption_salt=salt)


@pytest.fixture
def salted(pipeline: PipelineUnderTest) -> PipelineUnderTest:
    pipeline.engine = SaltedEngine(pipeline.cloud)
    pipeline.restart()
    pipeline.build()
    return pipeline


def test_the_salt_of_the_first_operation_is_kept_for_each_later_one(salted: PipelineUnderTest) -> None:
    assert workings_of(salted).encryption_salt == "v1:0"
    salted.change(tags={"team": "search"})
    salted.reconcile()
    salted.engine.failures.append(UpdateFailed("no"))
    salted.change(tags={})
    salted.reconcile()
    salted.tick(HOUR)
    salted.annotate(RECONCILE_REQUESTED_AT, "now")
    salted.reconcile()
    assert {call.stack.encryption_salt for call in salted.engine.calls[1:]} == {"v1:0"}
    assert workings_of(salted).encryption_salt == "v1:0"
    salted.remove()
    assert salted.last_call.stack.encryption_salt == "v1:0"


def test_the_salt_of_a_first_creation_that_failed_is_kept(pipeline: PipelineUnderTest) -> None:
    pipeline.engine = SaltedEngine(pipeline.cloud)
    pipeline.restart()
    pipeline.engine.failures.append(UpdateFailed("no"))
    pipeline.create()
    pipeline.reconcile()
    assert workings_of(pipeline).encryption_salt == "v1:0"
    pipeline.tick(HOUR)
    assert pipeline.is_ready
    assert pipeline.last_call.stack.encryption_salt == "v1:0"


def test_the_salt_survives_a_crash_and_is_given_to_forget(salted: PipelineUnderTest) -> None:
    salted.change(tags={"team": "search"}, deletion={"policy": "Retain"})
    salted.crash()
    assert workings_of(salted).encryption_salt == "v1:0"
    salted.remove()
    assert salted.last_call.stack == StackRef(workings_of(salted).name, "eu-west-1", "v1:0")
