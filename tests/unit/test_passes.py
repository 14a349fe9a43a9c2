"""What a worker does with a key, on fakes: the finalizer, the deletion, and what was due stays due until it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from builders import KEY, NOW
from fakes import FakeCloud, FakeCluster, FakeCodeCheck, FakeEngine
from ingestion_handlers.due import Result, Work
from ingestion_handlers.exporter import Exporter
from ingestion_handlers.keys import AccountKey, WorkKey
from ingestion_handlers.passes import LONGEST_PAUSE_SECONDS, notice, pause_seconds, work_on
from ingestion_handlers.seen import Seen
from ingestion_handlers.services import PASS_SECONDS, Services
from ingestion_handlers.workers import Workers
from ingestion_operator.errors import Interrupted, UpdateFailed
from ingestion_operator.model.finalizer import FINALIZER
from ingestion_operator.model.status import Operation, OperationType
from ingestion_operator.reconcile.account_check import AccountCheck
from ingestion_operator.reconcile.context import Context
from ingestion_operator.reconcile.reconciler import Reconciler
from ingestion_operator.settings import Settings
from ingestion_operator.status.schedule import Backoff
from unit.pipeline_under_test import INLINE
from unit.test_accounts import body as account_body

ACCOUNT = AccountKey("search")
DONE = Result(None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """A cluster with one pipeline, and the services of an operator. No thread runs."""

    cluster: FakeCluster = field(default_factory=FakeCluster)
    cloud: FakeCloud = field(default_factory=FakeCloud)
    clock: Clock = field(default_factory=Clock)
    engine: FakeEngine = field(init=False)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self.engine = FakeEngine(self.cloud)
        exporter = Exporter(self.clock)
        backoff = Backoff(waiting_seconds=15, poll_seconds=30)
        context = Context(
            self.cluster, self.cloud, self.engine, "eu-west-1", backoff, observer=exporter, code_check=FakeCodeCheck()
        )
        self.services = Services(
            Settings(),
            self.cluster,  # type: ignore[arg-type]
            self.cloud,  # type: ignore[arg-type]
            self.engine,  # type: ignore[arg-type]
            exporter,
            Workers(2, self.clock),
            Seen(),
            Reconciler(context),
            AccountCheck(context),
        )
        self.create()

    def create(self, uid: str = "uid-1", **spec: Any) -> None:
        metadata = {"namespace": KEY.namespace, "name": KEY.name, "uid": uid, "generation": 1}
        self.cluster.pipelines_by_key[KEY] = {"metadata": metadata, "spec": {"processor": INLINE, **spec}}

    @property
    def body(self) -> dict[str, Any]:
        return self.cluster.pipelines_by_key[KEY]

    def delete(self) -> None:
        self.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    def work(self, key: WorkKey = KEY, *, urgent: bool = True, failures: int = 0) -> Result:
        return work_on(self.services, Work(key, urgent, failures))

    @property
    def verbs(self) -> list[str]:
        return [call.verb for call in self.engine.calls]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("random.random", lambda: 0.0)
    return World()


def test_the_finalizer_is_there_before_anything_is_built(world: World) -> None:
    found: list[Any] = []
    world.engine.during = lambda: found.append(world.body["metadata"]["finalizers"])
    result = world.work()
    assert found == [[FINALIZER]]
    assert result.after_seconds == pytest.approx(3600, abs=60)
    assert not result.failed


def test_nothing_is_built_if_the_finalizer_cannot_be_put_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> None:
        raise UpdateFailed("patching the finalizers of words: 409 Conflict")

    monkeypatch.setattr(world.cluster, "hold", refuse)
    assert world.work() == Result(1.0, failed=True)
    assert world.verbs == []


@pytest.mark.parametrize(("failures", "pause"), [(0, 1.0), (1, 2.0), (3, 8.0), (10, 60.0), (10_000, 60.0)])
def test_what_kubernetes_does_not_answer_is_due_again(world: World, failures: int, pause: float) -> None:
    world.cluster.unreadable = UpdateFailed("reading IngestionPipeline: 500 etcdserver: leader changed")
    assert world.work(failures=failures) == Result(pause, failed=True)


def test_jitter_shortens_a_pause_by_a_quarter_at_most() -> None:
    assert pause_seconds(100, 0.999) == pytest.approx(LONGEST_PAUSE_SECONDS * 0.75, rel=0.01)


def test_a_status_that_cannot_be_written_leaves_the_key_due(world: World) -> None:
    world.cluster.unwritable = UpdateFailed("writing the status: 503")
    assert world.work().failed


def test_an_error_nobody_thought_of_leaves_the_key_due(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.cluster.unreadable = ZeroDivisionError("a bug")
    assert world.work() == Result(1.0, failed=True)
    assert caplog.records[-1].exc_info


def test_a_deletion_ends_with_the_finalizer(world: World) -> None:
    world.work()
    world.delete()
    assert world.work() == DONE
    assert world.verbs == ["update", "destroy"]
    assert KEY not in world.cluster.pipelines_by_key


def test_a_deletion_that_is_held_up_keeps_the_finalizer_and_comes_again(world: World) -> None:
    world.work()
    world.delete()
    world.engine.failures.append(UpdateFailed("throttled"))
    held = world.work()
    assert held.failed
    assert held.after_seconds is not None
    assert world.body["metadata"]["finalizers"] == [FINALIZER]
    assert world.work(failures=1) == DONE


def test_a_deletion_is_not_lost_if_the_finalizer_cannot_be_taken_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.work()
    world.delete()
    with monkeypatch.context() as patch:
        patch.setattr(world.cluster, "unwritable", None)
        patch.setattr(world.cluster, "release", lambda _: (_ for _ in ()).throw(UpdateFailed("422")))
        assert world.work().failed
    assert world.work() == DONE
    assert KEY not in world.cluster.pipelines_by_key


def test_an_object_that_is_deleted_without_the_finalizer_is_left_alone(world: World) -> None:
    world.work()
    world.delete()
    world.body["metadata"]["finalizers"] = ["example.com/other"]
    assert world.work() == DONE
    assert world.verbs == ["update"], "somebody took the finalizer off, so that the operator lets everything be"


def test_a_pipeline_that_was_created_anew_meanwhile_is_not_taken_down(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.work()
    world.delete()
    remove = world.services.reconciler.remove

    def created_anew(key: Any, uid: str) -> None:
        world.create("uid-2")
        world.body["metadata"]["finalizers"] = [FINALIZER]
        remove(key, uid)

    monkeypatch.setattr(world.services.reconciler, "remove", created_anew)
    assert world.work() == DONE
    assert world.verbs == ["update"]
    assert world.body["metadata"] | {"finalizers": [FINALIZER]} == world.body["metadata"]


def test_a_key_without_an_object_is_done(world: World) -> None:
    world.cluster.pipelines_by_key.clear()
    assert world.work() == DONE


def test_an_interrupted_pass_is_neither_done_nor_a_reason_to_wait(world: World) -> None:
    world.engine.failures.append(Interrupted("the operator stops"))
    assert world.work() == Result(0.0, failed=True)


def test_an_account_is_held_checked_and_let_go(world: World) -> None:
    world.cluster.accounts_by_name["search"] = account_body()
    checked = world.work(ACCOUNT)
    assert checked.after_seconds == pytest.approx(300, abs=10)
    metadata = world.cluster.accounts_by_name["search"]["metadata"]
    assert metadata["finalizers"] == [FINALIZER]
    metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert world.work(ACCOUNT) == DONE
    assert world.cluster.accounts_by_name == {}


def test_a_look_at_an_account_checks_no_other(world: World) -> None:
    for name in ("blue", "green"):
        world.cluster.accounts_by_name[name] = account_body(name, default=True)
    world.work(AccountKey("blue"), urgent=False)
    assert "status" not in world.cluster.accounts_by_name["green"]
    world.work(AccountKey("blue"))
    assert "status" in world.cluster.accounts_by_name["green"]


def event(world: World, kind: str | None) -> Any:
    return {"type": kind, "object": world.body}


def test_an_event_marks_a_key_only_if_it_says_something_new(world: World) -> None:
    assert notice(world.services, KEY, event(world, "ADDED"))
    assert world.services.workers.waiting == 1
    assert not notice(world.services, KEY, event(world, "MODIFIED"))
    world.body["metadata"]["generation"] = 2
    assert notice(world.services, KEY, event(world, "MODIFIED"))
    assert world.services.workers.waiting == 1


def test_the_end_of_an_object_is_looked_at_and_forgotten(world: World) -> None:
    notice(world.services, KEY, event(world, "DELETED"))
    assert world.services.workers.waiting == 1
    world.body["status"] = {"observedGeneration": 1}
    assert not notice(world.services, KEY, event(world, None)), "an old object that the operator does not know"


def test_the_probe_hears_of_a_pass_that_does_not_end_but_not_of_a_long_operation(world: World) -> None:
    operation = Operation(type=OperationType.UPDATE, id="1", start_time=NOW)
    workers = world.services.workers
    workers.mark(KEY)
    workers._due.take(0.0)
    world.clock.now = PASS_SECONDS
    assert world.services.hanging() == []
    world.clock.now = PASS_SECONDS + 1
    assert world.services.hanging() == ["the pass over team-a/words has taken 901 s"]
    world.services.exporter.began(KEY, operation, timedelta(hours=1).total_seconds())
    assert world.services.hanging() == []
    world.clock.now += timedelta(hours=2).total_seconds()
    assert world.services.hanging() == ["operation on team-a/words exceeds its time limit"]
