"""Many changes of one spec during one update, as somebody sees them who watches the object."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from kubernetes import client, config

from cluster_reader import GROUP, PIPELINES, VERSION
from ingestion_local.control_plane import ControlPlane
from ingestion_local.processes import wait_until
from integration.handlers_user import User
from integration.running import Running, running
from object_watch import watching

CHANGES = 20
SIZES_MIB = [256 + 64 * number for number in range(1, CHANGES + 1)]
# No change in between takes so long. The update ends long before, when the test lets it.
PATIENCE_SECONDS = 60.0


@pytest.fixture
def operator(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    namespace = f"changes-{uuid4().hex[:8]}"
    control_plane.run_kubectl("create", "namespace", namespace)
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    with running(namespace, monkeypatch) as found:
        yield found


Seen = list[tuple[dict[str, Any], int]]
"""Each version of an object, with the memory that the engine had applied when the watcher saw it."""


@contextmanager
def watched(control_plane: ControlPlane, operator: Running) -> Iterator[Seen]:
    """What somebody sees who watches the pipelines of the operator's namespace."""
    seen: Seen = []
    kubeconfig = str(control_plane.kubeconfig)
    objects = client.CustomObjectsApi(config.new_client_from_config(kubeconfig))  # type: ignore[no-untyped-call]
    listing = partial(objects.list_namespaced_custom_object, GROUP, VERSION, operator.namespace, PIPELINES)
    with watching(listing, lambda line: seen.append((json.loads(line)["object"], ended_with(operator)))):
        yield seen


def ended_with(operator: Running) -> int:
    """The memory of the function in the engine's state, in MiB; 0 before there is one."""
    for state in operator.engine.stacks.values():
        if "function" in state:
            return int(state["function"].partition("('memory_size', ")[2].partition(")")[0])
    return 0


def ready_generation(seen: dict[str, Any]) -> int:
    """The generation that a version of the object calls ready; 0 if it calls none ready."""
    conditions = (seen.get("status") or {}).get("conditions") or []
    return next((c["observedGeneration"] for c in conditions if c["type"] == "Ready" and c["status"] == "True"), 0)


def test_twenty_changes_during_one_update_are_at_most_two_updates_and_the_last_one_wins(
    control_plane: ControlPlane, operator: Running
) -> None:
    user = User(control_plane, operator.namespace)
    begun, go_on = threading.Event(), threading.Event()
    with watched(control_plane, operator) as versions:
        user.apply(processor=sized(256))
        user.wait_ready()
        operator.engine.during = partial(wait_in_the_middle, begun, go_on)

        user.patch({"spec": {"processor": {"memoryMiB": SIZES_MIB[0]}}})
        assert begun.wait(PATIENCE_SECONDS)
        for size in SIZES_MIB[1:]:
            user.patch({"spec": {"processor": {"memoryMiB": size}}})
        go_on.set()
        last = user.wait_ready()["metadata"]["generation"]
        wait_until(
            "the watcher's sight of the end",
            lambda: any(ready_generation(seen) == last for seen, _ in versions),
            timeout_seconds=PATIENCE_SECONDS,
        )

    assert len(operator.verbs[1:]) <= 2, operator.verbs
    assert ended_with(operator) == SIZES_MIB[-1]
    assert last == CHANGES + 1
    sizes = {seen["metadata"]["generation"]: seen["spec"]["processor"]["memoryMiB"] for seen, _ in versions}
    for seen, applied in versions:
        if generation := ready_generation(seen):
            assert generation <= seen["metadata"]["generation"]
            assert sizes[generation] <= applied, f"generation {generation} is called ready before it is applied"
        observed = (seen.get("status") or {}).get("observedGeneration") or 0
        assert observed <= seen["metadata"]["generation"]


def wait_in_the_middle(begun: threading.Event, go_on: threading.Event) -> None:
    begun.set()
    go_on.wait(PATIENCE_SECONDS)


def sized(memory_mib: int) -> dict[str, Any]:
    return {"code": {"inline": "def handler(event, context): ..."}, "memoryMiB": memory_mib}
