"""A running operator with fakes, and the user who runs kubectl against its API server; a module imports the fixtures by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from ingestion_local.control_plane import ControlPlane
from ingestion_local.processes import wait_until
from integration.running import Running, running


@pytest.fixture
def operator(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    namespace = f"handlers-{uuid4().hex[:8]}"
    control_plane.run_kubectl("create", "namespace", namespace)
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    with running(namespace, monkeypatch) as found:
        yield found


@pytest.fixture
def user(control_plane: ControlPlane, operator: Running) -> User:
    return User(control_plane, operator.namespace)


class User:
    """Runs kubectl in the test's namespace."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        self.control_plane = control_plane
        self.namespace = namespace

    def run(self, *words: str, document: Any = None) -> str:
        text = json.dumps(document) if document else None
        output: str = self.control_plane.run_kubectl("-n", self.namespace, *words, input=text).stdout
        return output

    def apply(self, **spec: Any) -> None:
        manifest = {
            "apiVersion": "ingestion-operator.io/v1alpha1",
            "kind": "IngestionPipeline",
            "metadata": {"name": "words"},
            "spec": {"processor": {"code": {"inline": "def handler(event, context): ..."}}, **spec},
        }
        self.run("apply", "-f", "-", document=manifest)

    def patch(self, patch: dict[str, Any]) -> None:
        self.run("patch", "ipl", "words", "--type=merge", "-p", json.dumps(patch))

    def get(self) -> dict[str, Any]:
        text = self.run("get", "ipl", "words", "-o", "json", "--ignore-not-found")
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found

    def condition(self, kind: str) -> dict[str, Any]:
        conditions = self.get().get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), {})

    def wait(self, what: str, check: Callable[[], Any]) -> Any:
        return wait_until(what, check, timeout_seconds=60, interval_seconds=0.05)

    def wait_ready(self) -> dict[str, Any]:
        def ready() -> dict[str, Any] | None:
            found = self.get()
            current: dict[str, Any] = next(
                (c for c in found.get("status", {}).get("conditions", []) if c["type"] == "Ready"), {}
            )
            done = current.get("status") == "True"
            return found if done and current["observedGeneration"] == found["metadata"]["generation"] else None

        found: dict[str, Any] = self.wait("ready", ready)
        return found

    def wait_gone(self) -> None:
        self.wait("gone", lambda: not self.get())
