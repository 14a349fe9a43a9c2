"""A running operator as Prometheus and the kubelet see it. The API server is real; engine and cloud are fakes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingestion_local.control_plane import ControlPlane
from ingestion_local.processes import wait_until
from ingestion_operator import metrics
from ingestion_operator.errors import CredentialsMissing, UpdateFailed
from ingestion_operator.model.pipeline import PLURAL
from integration.running import Running, running

MANIFEST: dict[str, Any] = {
    "apiVersion": "ingestion-operator.io/v1alpha1",
    "kind": "IngestionPipeline",
    "spec": {"processor": {"code": {"inline": "def handler(event, context): ..."}}},
}


@pytest.fixture
def operator(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    namespace = f"metrics-{uuid4().hex[:8]}"
    control_plane.run_kubectl("create", "namespace", namespace)
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    monkeypatch.setattr("ingestion_handlers.server.ANSWER_SECONDS", 0.0)
    with running(namespace, monkeypatch) as found:
        yield found
        # The operator of the end-to-end tests watches every namespace, so it must not find these pipelines.
        control_plane.run_kubectl("delete", "ipl", "--all", "-n", namespace, "--timeout=60s")


def apply(control_plane: ControlPlane, operator: Running, name: str) -> None:
    manifest = MANIFEST | {"metadata": {"name": name, "namespace": operator.namespace}}
    control_plane.run_kubectl("apply", "-f", "-", input=json.dumps(manifest))


def value(operator: Running, metric: metrics.Metric, **labels: str) -> float:
    """The sum of the samples that have these labels."""
    status, text = operator.get("/metrics")
    assert status == 200
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    wanted = metric.name if metric.type is not metrics.MetricType.HISTOGRAM else f"{metric.name}_count"
    return sum(s.value for s in samples if s.name == wanted and labels.items() <= s.labels.items())


def wait(what: str, check: Any) -> None:
    wait_until(what, check, timeout_seconds=60, interval_seconds=0.05)


def waiting_for(event: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        event.wait(60)

    return wait


def test_pipelines_and_operations_are_counted_as_they_come_and_go(
    operator: Running, control_plane: ControlPlane
) -> None:
    ready = {"type": "Ready", "status": "True", "reason": "Provisioned"}
    for name in ("one", "two"):
        apply(control_plane, operator, name)
    wait("two to be counted", lambda: value(operator, metrics.PIPELINES, **ready) == 2)
    wait("both", lambda: value(operator, metrics.OPERATION_SECONDS, type="Create", result="Succeeded") == 2)
    wait("their processes", lambda: value(operator, metrics.CLI_STARTED) == 2)
    assert value(operator, metrics.WORKERS) == 4

    operator.engine.failures.append(UpdateFailed("throttled"))
    control_plane.run_kubectl("delete", "ipl", "one", "-n", operator.namespace, "--wait=false")
    wait("one to be counted", lambda: value(operator, metrics.PIPELINES, **ready) == 1)
    wait("its end", lambda: value(operator, metrics.OPERATION_SECONDS, type="Destroy", result="Succeeded") == 1)
    assert value(operator, metrics.FAILURES, type="Destroy", reason="RetryingAfterFailure") == 1
    wait("the other alone", lambda: value(operator, metrics.PIPELINES, type="Ready") == 1)


def test_work_that_waits_for_a_worker_is_seen(operator: Running, control_plane: ControlPlane) -> None:
    go = threading.Event()
    operator.engine.during = waiting_for(go)
    try:
        for number in range(6):
            apply(control_plane, operator, f"busy-{number}")
        wait("all workers busy", lambda: value(operator, metrics.WORKERS_BUSY) == 4)
        wait("two to wait", lambda: value(operator, metrics.WAITING) == 2)
        assert value(operator, metrics.OLDEST_WAITING) > 0
        # The probes and the count of pipelines do not need a worker.
        wait("conditions", lambda: value(operator, metrics.PIPELINES, type="Reconciling", reason="Creating") == 4)
        assert operator.get("/readyz") == (200, "ready")
    finally:
        go.set()
    wait("all ready", lambda: value(operator, metrics.PIPELINES, type="Ready", status="True") == 6)
    # The status is written just before the worker is free again.
    wait("no more work", lambda: value(operator, metrics.WORKERS_BUSY) + value(operator, metrics.WAITING) == 0)


def test_it_is_ready_only_with_credentials_and_a_cluster_that_knows_pipelines(
    operator: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator.get("/readyz") == (200, "ready")
    operator.cloud.failures.append(CredentialsMissing("the operator has no AWS credentials"))
    assert operator.get("/readyz") == (503, "the operator has no AWS credentials")
    with monkeypatch.context() as patched:
        patched.setattr("ingestion_operator.adapters.kubernetes.PLURAL", f"{PLURAL}-that-nobody-installed")
        status, text = operator.get("/readyz")
    assert (status, "404" in text) == (503, True)
    assert operator.get("/readyz") == (200, "ready")
    assert operator.get("/anything-else")[0] == 404


def test_it_is_alive_as_long_as_nothing_hangs(operator: Running, control_plane: ControlPlane) -> None:
    go = threading.Event()
    operator.engine.during = waiting_for(go)
    try:
        apply(control_plane, operator, "hanging")
        wait("it to begin", lambda: value(operator, metrics.PIPELINES, type="Reconciling") == 1)
        operator.clock.now = 1e6
        wait("its time to be over", lambda: value(operator, metrics.OVERDUE) == 1)
        wait("the probe to fail", lambda: operator.health() == 500)
    finally:
        go.set()
    wait("the probe to succeed", lambda: operator.health() == 200)
