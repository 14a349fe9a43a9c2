"""The handlers against a real API server: nothing is lost, nothing starves, everything can be deleted. Engine and cloud are fakes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ingestion_operator.adapters.kubernetes import KubernetesCluster
from ingestion_operator.errors import UpdateFailed
from ingestion_operator.model.finalizer import FINALIZER
from ingestion_operator.model.pipeline import PipelineKey
from integration.handlers_user import User, operator, user
from integration.running import Running

__all__ = ["operator", "user"]

CODE = {"code": {"configMapRef": {"name": "code"}}}
# https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/objectmeta.go: TotalAnnotationSizeLimitB
ANNOTATIONS_LIMIT = 256 * 1024


def code(value: int) -> str:
    return f"def handler(event, context): return {value}"


def change_code(user: User, value: int) -> None:
    user.run("patch", "configmap", "code", "--type=merge", "-p", json.dumps({"data": {"index.py": code(value)}}))


def named(name: str, **spec: Any) -> dict[str, Any]:
    inline = {"processor": {"code": {"inline": "def handler(event, context): ..."}}}
    return {
        "apiVersion": "ingestion-operator.io/v1alpha1",
        "kind": "IngestionPipeline",
        "metadata": {"name": name},
        "spec": {**inline, **spec},
    }


def failing(
    monkeypatch: pytest.MonkeyPatch, method: str, times: int, which: Callable[[Any], bool] = lambda _: True
) -> list[float]:
    """Let the API server answer 500 so many times. Returns the times of the answers."""
    answer, failed = getattr(KubernetesCluster, method), list[float]()

    def fail(self: KubernetesCluster, first: Any, *rest: Any) -> Any:
        if len(failed) < times and which(first):
            failed.append(time.monotonic())
            raise UpdateFailed("500 etcdserver: leader changed")
        return answer(self, first, *rest)

    monkeypatch.setattr(KubernetesCluster, method, fail)
    return failed


@pytest.mark.parametrize("method", ["pipeline", "config_map", "patch_status"])
def test_a_changed_config_map_is_deployed_although_the_api_server_fails_meanwhile(
    method: str, operator: Running, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.run("create", "configmap", "code", f"--from-literal=index.py={code(1)}")
    user.apply(processor=CODE)
    user.wait_ready()
    failed = failing(monkeypatch, method, 2)
    change_code(user, 2)
    user.wait("the update", lambda: operator.verbs[-1] == "update")
    assert len(failed) == 2
    user.wait_ready()


def test_a_pipeline_that_hangs_costs_one_worker(operator: Running, user: User) -> None:
    go, begun = threading.Event(), threading.Event()
    user.run("create", "configmap", "code", f"--from-literal=index.py={code(1)}")
    user.apply(processor=CODE)
    user.wait_ready()

    def hang() -> None:
        begun.set()
        go.wait(60)

    operator.engine.during = hang
    user.patch({"spec": {"processor": {"memoryMiB": 1024}}})
    assert begun.wait(30)
    operator.engine.during = lambda: None
    for value in range(2, 6):
        change_code(user, value)
        user.run("annotate", "ipl", "words", f"example.com/touched={value}", "--overwrite")
    user.run("apply", "-f", "-", document=named("neighbour"))
    user.wait("the neighbour", lambda: operator.verbs.count("create") == 2)
    user.wait("rest", lambda: "ingestion_operator_workers_busy 1.0" in operator.get("/metrics")[1])
    go.set()
    user.wait("the last change", lambda: operator.verbs[-1] == "update")
    user.wait_ready()
    assert operator.verbs.count("update") == 2, "one for the change that hung, one for all the changes since"


def test_what_the_user_may_write_can_be_deleted(operator: Running, user: User) -> None:
    text = "def handler(event, context): ...\n# " + "\U0001f600" * 30_000
    document = named("words", processor={"code": {"inline": text}})
    full = {"example.com/a": "x" * (ANNOTATIONS_LIMIT - len("example.com/a"))}
    document["metadata"]["annotations"] = full
    user.run("create", "-f", "-", document=document)
    found = user.wait_ready()
    assert found["metadata"]["annotations"] == full
    user.run("delete", "ipl", "words", "--wait=false")
    user.wait_gone()
    assert operator.verbs == ["create", "destroy"]


def test_what_an_earlier_version_left_in_the_annotations_goes(operator: Running, user: User) -> None:
    document = named("words")
    document["metadata"]["annotations"] = {
        "kopf.ingestion-operator.io/last-handled": json.dumps(document["spec"]),
        "kopf.ingestion-operator.io/kopf-managed": "yes",
        "example.com/mine": "1",
    }
    document["metadata"]["finalizers"] = [FINALIZER]
    user.run("create", "-f", "-", document=document)
    assert user.wait_ready()["metadata"]["annotations"] == {"example.com/mine": "1"}


def test_a_deletion_is_not_lost_while_the_api_server_fails(
    operator: Running, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.apply()
    user.wait_ready()
    failed = [failing(monkeypatch, method, 1) for method in ("pipeline", "patch_status", "release")]
    user.run("delete", "ipl", "words", "--wait=false")
    user.wait_gone()
    assert [len(times) for times in failed] == [1, 1, 1]
    assert operator.engine.stacks == {}


def test_a_stop_begins_nothing_and_ends_what_is_under_way(operator: Running, user: User) -> None:
    begun: list[float] = []

    def work() -> None:
        begun.append(time.monotonic())
        operator.engine.interrupted.wait(60)

    operator.engine.during = work
    documents = [named(f"words-{number}") for number in range(12)]
    user.run("apply", "-f", "-", document={"apiVersion": "v1", "kind": "List", "items": documents})
    user.wait("four updates", lambda: len(begun) == 4)
    asked = time.monotonic()
    operator.stop()
    assert operator.engine.interrupted_at - asked < 10
    assert len(begun) == 4, "no operation begins after the stop"
    items = json.loads(user.run("get", "ipl", "-o", "json"))["items"]
    said = [c["reason"] for item in items for c in item.get("status", {}).get("conditions", [])]
    assert said.count("Interrupted") == 4
    assert {item["metadata"]["name"] for item in items} == {document["metadata"]["name"] for document in documents}


def test_the_probe_hears_of_a_dead_worker(operator: Running, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    user.apply()
    user.wait_ready()
    assert operator.health() == 200

    class End(BaseException):
        """Nothing catches it."""

    def end(self: KubernetesCluster, key: PipelineKey) -> None:
        raise End

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with monkeypatch.context() as broken:
        broken.setattr(KubernetesCluster, "pipeline", end)
        user.patch({"spec": {"processor": {"memoryMiB": 1024}}})
        user.wait("the end of a worker", lambda: operator.health() == 500)
