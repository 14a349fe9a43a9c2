"""The metrics as data and their exporter. The dashboard and the alerts use only metrics that exist."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from builders import KEY, NOW
from ingestion_handlers.exporter import Exporter, Live, StateVolume
from ingestion_handlers.server import Readiness
from ingestion_handlers.workers import Workers
from ingestion_operator import metrics
from ingestion_operator.errors import StateUnreadable
from ingestion_operator.metrics import MetricType
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.model.status import Operation, OperationResult, OperationType, Status
from ingestion_operator.ports.state_store import Space
from ingestion_operator.reasons import ConditionType, Reason
from ingestion_operator.status.conditions import ConditionSet

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "ingestion-operator"
DASHBOARD = json.loads((CHART / "dashboards" / "ingestion-operator.json").read_text())
ALERTS = yaml.safe_load((CHART / "alerts" / "alerts.yaml").read_text())
OPERATION = Operation(type=OperationType.UPDATE, id="1", start_time=NOW)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def samples(exporter: Exporter) -> dict[str, float]:
    """The exported samples: name and labels as one text, and the value."""
    families = text_string_to_metric_families(exporter.text().decode())
    return {
        sample.name + "".join(f" {k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def exporter() -> Exporter:
    return Exporter(Clock())


@pytest.mark.parametrize("metric", metrics.ALL, ids=lambda m: m.name)
def test_a_name_follows_the_rules_of_prometheus(metric: metrics.Metric) -> None:
    assert re.fullmatch(r"ingestion_operator_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") is (metric.type is MetricType.COUNTER)
    assert metric.name.endswith("_seconds") or "seconds" not in metric.name
    assert metric.meaning.endswith((".", ";", "0 if none waits.", "INGESTION_WORKERS."))


def test_everything_that_is_described_is_exported_and_nothing_else(exporter: Exporter) -> None:
    exporter.registry.register(Live(Workers(1), lambda: (0, 0), lambda: {READY: 1}))
    exporter.registry.register(StateVolume(lambda: Space(1, 2)))
    exporter.began(KEY, OPERATION, 1)
    exporter.ended(OPERATION, Reason.ACCESS_DENIED, 1)
    types = re.findall(r"^# TYPE (\S+) (\S+)$", exporter.text().decode(), re.MULTILINE)
    exported = {(name, kind) for name, kind in types if not name.endswith("_created")}
    assert exported == {(metric.name, metric.type.value) for metric in metrics.ALL}


def test_operations_are_counted_by_type_result_and_reason(exporter: Exporter) -> None:
    for reason in (None, Reason.ACCESS_DENIED, Reason.LOCK_HELD, Reason.LOCK_HELD):
        exporter.began(KEY, OPERATION, 60)
        exporter.ended(OPERATION, reason, 3)
    exporter.drifted(2)
    exporter.broke_lock()
    found = samples(exporter)
    count = "ingestion_operator_operation_duration_seconds_count result={} type=Update"
    assert found[count.format("Succeeded")] == 1
    assert found[count.format("Failed")] == 3
    assert found["ingestion_operator_operation_duration_seconds_bucket le=2.0 result=Failed type=Update"] == 0
    assert found["ingestion_operator_operation_duration_seconds_bucket le=5.0 result=Failed type=Update"] == 3
    assert found["ingestion_operator_operation_failures_total reason=LockHeld type=Update"] == 2
    assert found["ingestion_operator_drifted_resources_total"] == 2
    assert found["ingestion_operator_locks_broken_total"] == 1


def test_an_operation_is_overdue_when_its_time_is_over_and_not_when_it_has_ended() -> None:
    clock = Clock()
    exporter = Exporter(clock)
    exporter.began(KEY, OPERATION, 60)
    clock.now = 60
    assert exporter.overdue() == []
    clock.now = 61
    assert exporter.overdue() == [KEY]
    assert exporter.operating() == {KEY}
    assert samples(exporter)["ingestion_operator_operations_overdue"] == 1
    exporter.ended(OPERATION, None, 61)
    assert exporter.overdue() == []
    assert exporter.operating() == set()


READY, STALLED = ("Ready", "True", "Provisioned"), ("Stalled", "True", "AccessDenied")
NEIGHBOUR = PipelineKey(KEY.namespace, "neighbour")


def test_pipelines_are_counted_by_their_conditions(exporter: Exporter) -> None:
    workers: Workers[PipelineKey] = Workers(2)
    workers.mark(KEY)
    exporter.registry.register(
        Live(workers, lambda: (1, 7), lambda: exporter.tally({KEY: [(READY, STALLED)], NEIGHBOUR: [(READY,)]}))
    )
    found = samples(exporter)
    name = "ingestion_operator_pipelines reason={} status=True type={}"
    assert found[name.format("Provisioned", "Ready")] == 2
    assert found[name.format("AccessDenied", "Stalled")] == 1
    assert found["ingestion_operator_workers"] == 2
    assert found["ingestion_operator_workers_busy"] == 0
    assert found["ingestion_operator_reconciles_waiting"] == 1
    assert found["ingestion_operator_cli_processes"] == 1
    assert found["ingestion_operator_cli_processes_started_total"] == 7


def test_the_room_for_the_state_is_exported_unless_the_state_is_in_a_bucket(exporter: Exporter) -> None:
    exporter.registry.register(StateVolume(lambda: Space(3, 4)))
    found = samples(exporter)
    assert found["ingestion_operator_state_volume_free_bytes"] == 3
    assert found["ingestion_operator_state_volume_size_bytes"] == 4

    def gone() -> Space:
        raise StateUnreadable("the volume is gone")

    for space in (lambda: None, gone):
        without = Exporter(Clock())
        without.registry.register(StateVolume(space))
        assert not [name for name in samples(without) if "state_volume" in name]
        assert "ingestion_operator_operations_overdue" in samples(without), "the other metrics are there all the same"


def test_what_was_written_is_newer_than_what_was_heard_and_of_those_that_are_gone_nothing_stays(
    exporter: Exporter,
) -> None:
    heard = {KEY: [(READY,)], NEIGHBOUR: [(READY,)]}
    exporter.wrote(KEY, ConditionSet(Status(), 1, NOW).progressing(Reason.UPDATING, "why"))
    assert exporter.tally(heard) == {
        READY: 1,
        ("Ready", "False", "Progressing"): 1,
        ("Reconciling", "True", "Updating"): 1,
    }
    assert exporter.tally({NEIGHBOUR: [(READY,)]}) == {READY: 1}
    assert exporter.tally({KEY: [()]}) == {}, (
        "a new pipeline with the same name does not inherit the old one's conditions"
    )
    exporter.wrote(KEY, ConditionSet(Status(), 1, NOW).progressing(Reason.DESTROYING, "why"))
    exporter.forget(KEY)
    assert exporter.tally({KEY: [(READY,)]}) == {READY: 1}


async def _answers(readiness: Readiness, clock: Clock, times: list[float]) -> list[list[str]]:
    found = []
    for clock.now in times:
        found.append(list(await readiness.ask()))
    return found


def test_readiness_is_asked_anew_after_a_moment_and_not_each_time() -> None:
    clock, faults = Clock(), [["no CRD"], ["no credentials"]]

    async def look() -> list[str]:
        return faults.pop(0)

    answers = run(_answers(Readiness(look, clock), clock, [0.0, 4.9, 5.0]))
    assert answers == [["no CRD"], ["no CRD"], ["no credentials"]]


def test_one_check_of_readiness_runs_at_a_time_and_those_who_wait_get_its_answer() -> None:
    running, most, checks = 0, 0, 0

    async def look() -> list[str]:
        nonlocal running, most, checks
        running, checks = running + 1, checks + 1
        most = max(most, running)
        for _ in range(10):
            await asyncio.sleep(0)
        running -= 1
        return ["no credentials"]

    async def ask() -> list[list[str]]:
        readiness = Readiness(look, Clock())
        return [list(answer) for answer in await asyncio.gather(*(readiness.ask() for _ in range(20)))]

    assert run(ask()) == [["no credentials"]] * 20
    assert (most, checks) == (1, 1)


def run(coroutine: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result(30)


# What the dashboard and the alerts query.

SERIES = {name: metric for metric in metrics.ALL for name in metric.series}
VALUES = {
    "type": {kind.value for kind in (*ConditionType, *OperationType)},
    "status": {"True", "False", "Unknown"},
    "result": {result.value for result in OperationResult},
    "reason": {reason.value for reason in Reason},
}


def expressions() -> list[Any]:
    panels = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
    variables = [(v["name"], v["query"]) for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]
    rules = [(rule["alert"], rule["expr"]) for group in ALERTS["groups"] for rule in group["rules"]]
    return [pytest.param(text, id=name) for name, text in (*panels, *variables, *rules)]


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_asks_for_what_is_exported(expression: str) -> None:
    used = re.findall(r"(ingestion_operator_\w+)(?:\{([^}]*)\})?", expression)
    assert used
    for name, selector in used:
        assert name in SERIES, name
        for label, value in re.findall(r'(\w+)\s*[!=]~?\s*"([^"]*)"', selector):
            assert label in (*SERIES[name].labels, "job", "le"), f"{name} has no label {label}"
            assert label == "job" or set(value.split("|")) <= VALUES[label], f"no {label} is {value}"
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert set(grouped.replace(" ", "").split(",")) <= {*SERIES[name].labels, "le", "job"}


def test_the_dashboard_shows_every_metric_and_panels_do_not_overlap() -> None:
    text = json.dumps(DASHBOARD)
    assert [metric.name for metric in metrics.ALL if metric.name not in text] == []
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in DASHBOARD["panels"])
