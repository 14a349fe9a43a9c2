"""A random walk through changes, crashes between any two writes, failures, held locks and a second pod, until all is calm.

A write is one of the operator's status, one of AWS or one of the engine's state. Whatever happens, nothing that lives is made
again or deleted before its pipeline is, an interruption is recorded until an operation with the lock has ended, and in the end the
pipeline is as asked, or gone with all that it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fakes import Crash
from ingestion_operator.errors import LockHeld, PipelineError, UpdateFailed
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.status import OperationResult
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reconcile.context import StillThere
from unit.pipeline_under_test import BACKOFF, PipelineUnderTest

# Longer than any pause of a pipeline that tries again.
CALM = timedelta(hours=2)
CODES = st.sampled_from(["def handler(event, context): return 1", "def handler(event, context): return 2"])
TRIGGERS = st.sampled_from(["EventBridge", "CloudTrail"])
FUNCTION = "function"


class Walk(RuleBasedStateMachine):
    """The walk. `budget` is the number of writes of one kind until the operator dies."""

    def __init__(self) -> None:
        super().__init__()
        self.pods = 1
        self.pipeline = PipelineUnderTest()
        self.budget: tuple[str, int] = ("", 0)
        self.had_function = False
        self.deleting = False
        self.state_lacks: set[str] = set()
        """What AWS has and the state lacks. A deletion destroys only what the state contains."""
        self.pipeline.engine.after_each_write = self.after_a_write
        write = self.pipeline.cluster.patch_status

        def patch_status(key: PipelineKey, patch: Mapping[str, Any]) -> None:
            self.after_a_write("status")  # it died before the write
            write(key, patch)
            self.after_a_write("status")

        self.pipeline.cluster.patch_status = patch_status  # type: ignore[method-assign]
        self.pipeline.create()
        self.new_pod()

    def after_a_write(self, kind: str) -> None:
        dies_at, left = self.budget
        if kind == dies_at:
            self.budget = (kind, left - 1) if left > 1 else ("", 0)
            if left <= 1:
                raise Crash

    def new_pod(self) -> None:
        pod = Pod("system", f"operator-{self.pods}", f"uid-{self.pods}")
        self.pods += 1
        self.pipeline.restart()
        self.pipeline.context.pod = pod
        # Giving up a change that was never applied has its own tests.
        self.pipeline.context.backoff = replace(BACKOFF, maximum=1000)
        self.pipeline.cluster.pods = {pod}

    @property
    def live(self) -> dict[str, str]:
        """What exists in AWS, without the data."""
        return next(iter(self.pipeline.cloud.live.values()), {})

    @property
    def state(self) -> dict[str, str]:
        return next(iter(self.pipeline.engine.stacks.values()), {})

    def work(self) -> None:
        """One pass of the operator, which may die in it."""
        before, unfinished, calls = self.pipeline.status, self.unfinished, len(self.pipeline.engine.calls)
        self.one_pass()
        made = [call for call in self.pipeline.engine.calls[calls:] if call.had_lock]
        assert unfinished <= self.unfinished or made, "only an operation that had the lock ends the record"
        last = before.last_operation
        if unfinished or (last is not None and last.result is OperationResult.FAILED):
            assert all(call.refreshed for call in made), "AWS may differ from the state"

    @property
    def unfinished(self) -> set[str]:
        workings = self.pipeline.status.workings
        return set(workings.unfinished) if workings else set()

    def one_pass(self) -> None:
        try:
            if self.deleting:
                self.pipeline.remove()
            else:
                self.pipeline.reconcile()
        except (StillThere, PipelineError):
            pass
        except Crash:
            self.new_pod()
        self.state_lacks = (
            self.state_lacks & self.live.keys() if self.deleting else self.live.keys() - self.state.keys()
        )
        self.had_function = not self.deleting and (self.had_function or FUNCTION in self.live)

    @rule(seconds=st.sampled_from([0, 20, 400, 7200]))
    def look(self, seconds: int) -> None:
        self.pipeline.now += timedelta(seconds=seconds)
        self.work()

    @rule(code=CODES, memory=st.sampled_from([256, 512]), trigger=TRIGGERS)
    def change(self, code: str, memory: int, trigger: str) -> None:
        """A pipeline with another trigger has a trail and a bucket more or less.

        The trigger stays while the state lacks what is in AWS: the operator does not look for a trail that no spec wants (ADR 15).
        """
        if self.state_lacks:
            trigger = self.pipeline.body["spec"].get("source", {}).get("trigger", "EventBridge")
        processor = {"code": {"inline": code}, "memoryMiB": memory}
        self.pipeline.change(processor=processor, source={"trigger": trigger})
        self.work()

    @rule(kind=st.sampled_from(["aws", "state", "status"]), writes=st.integers(1, 6), data=st.data())
    def crash(self, kind: str, writes: int, data: st.DataObject) -> None:
        self.budget = (kind, writes)
        if data.draw(st.booleans()):
            self.pipeline.change(tags={"n": str(self.pods)})
            self.work()
        else:
            self.change(data.draw(CODES), data.draw(st.sampled_from([256, 512])), data.draw(TRIGGERS))
        self.budget = ("", 0)

    @rule(error=st.sampled_from([UpdateFailed("no"), LockHeld("created by x@elsewhere (pid 7)")]))
    def fail(self, error: PipelineError) -> None:
        self.pipeline.engine.failures.append(error)
        self.pipeline.now += CALM
        self.work()
        self.pipeline.engine.failures.clear()

    @rule()
    def rule_disabled_by_hand(self) -> None:
        self.pipeline.engine.drifted = {"rule"}

    @rule()
    def second_pod(self) -> None:
        """A new pod begins while the old one still exists."""
        old = self.pipeline.context.pod
        assert old is not None
        self.new_pod()
        self.pipeline.cluster.pods.add(old)
        self.work()
        self.pipeline.cluster.pods.discard(old)

    @rule()
    def delete(self) -> None:
        self.deleting = True
        self.work()

    @invariant()
    def the_function_lives_until_the_pipeline_is_deleted(self) -> None:
        assert self.deleting or not self.had_function or FUNCTION in self.live

    @invariant()
    def an_operation_that_did_not_end_is_recorded(self) -> None:
        workings = self.pipeline.status.workings
        if self.pipeline.status.operation is not None:
            assert workings is not None
            assert workings.unfinished

    def teardown(self) -> None:
        """In calm weather, the pipeline becomes what was asked for."""
        for _ in range(3):
            self.pipeline.now += CALM
            self.work()
        if self.deleting:
            assert not self.pipeline.engine.stacks
            assert self.live.keys() == self.state_lacks
            return
        assert self.pipeline.is_ready, self.pipeline.status.conditions
        assert self.pipeline.status.workings is not None
        assert self.pipeline.status.workings.unfinished == {}
        assert self.live.keys() <= self.state.keys()
        assert self.pipeline.engine.drifted == set()


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=80, stateful_step_count=12, deadline=None)
