"""The handlers without Kopf running: which exist, what Kopf learns from an error, and what the indices map."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType
from typing import Any

import kopf
import pytest

from builders import KEY
from ingestion_handlers import accounts, config_maps, indices, pipelines, probes, startup
from ingestion_handlers.keys import UNDECIDED
from ingestion_handlers.registry import AWS_ACCOUNTS, CONFIG_MAPS, PIPELINES, register
from ingestion_operator.settings import Settings

MODULES = (accounts, config_maps, indices, pipelines, probes, startup)
FUNCTIONS = [
    function
    for module in MODULES
    for function in vars(module).values()
    if isinstance(function, FunctionType) and function.__module__ == module.__name__
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_a_handler_has_at_most_15_lines(function: FunctionType) -> None:
    assert len(inspect.getsource(function).splitlines()) <= 15


def test_the_console_script_imports_neither_kopf_nor_pulumi_before_it_runs_the_operator() -> None:
    heavy = "{'kopf', 'pulumi', 'boto3', 'kubernetes', 'prometheus_client'}"
    code = f"import sys, ingestion_handlers.cli; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("accounts_on", "expected"),
    [
        (
            True,
            {
                PIPELINES: pipelines.pipeline_event,
                CONFIG_MAPS: config_maps.config_map_event,
                AWS_ACCOUNTS: accounts.account_event,
            },
        ),
        (False, {PIPELINES: pipelines.pipeline_event, CONFIG_MAPS: config_maps.config_map_event}),
    ],
    ids=["with accounts", "without accounts"],
)
def test_accounts_have_a_handler_only_if_the_settings_ask_for_them(
    accounts_on: bool, expected: Mapping[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    registered: dict[Any, Any] = {}

    def on_event(*resource: str, registry: kopf.OperatorRegistry) -> Callable[[Any], None]:
        return lambda handler: registered.update({resource: handler})

    monkeypatch.setattr("kopf.on.event", on_event)
    register(Settings(accounts=accounts_on), kopf.OperatorRegistry())
    assert registered == expected


def test_kopf_has_no_handler_for_which_it_would_write_to_an_object() -> None:
    registry = kopf.OperatorRegistry()
    register(Settings(), registry)
    handlers = (registry._changing, registry._spawning)
    assert [found.get_all_handlers() for found in handlers] == [[], []]


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if f.__name__.endswith("_event")], ids=lambda f: f.__name__)
def test_an_event_handler_needs_no_thread(function: FunctionType) -> None:
    assert inspect.iscoroutinefunction(function)


def indexed(index: Any, **body: Any) -> Any:
    """What an index holds for a pipeline with this spec and status."""
    found = index(**{"namespace": KEY.namespace, "name": KEY.name, "spec": {}, "status": {}, **body})
    # Pulumi's tests need the event loop of this thread, which asyncio.run would take away.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, found).result(30)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"spec": {"accountRef": {"name": "prod"}}}, {"prod": KEY}),
        ({}, {UNDECIDED: KEY}),
        (
            {
                "spec": {"accountRef": {"name": "other"}},
                "status": {"workings": {"name": "s", "region": "r", "account": "prod"}},
            },
            {"prod": KEY},
        ),
        ({"spec": {"accountRef": {"name": "other"}}, "status": {"workings": {"name": "s", "region": "r"}}}, {}),
    ],
    ids=["named in the spec", "no account named", "built in an account", "built by the operator's own identity"],
)
def test_a_pipeline_is_found_by_its_account(body: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    assert indexed(indices.pipelines_by_account, **body) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [({"configMapRef": {"name": "code"}}, {(KEY.namespace, "code"): KEY.name}), ({"inline": "..."}, {})],
    ids=["code in a ConfigMap", "code in the spec"],
)
def test_a_pipeline_is_found_by_the_config_map_with_its_code(code: Any, found: Mapping[Any, Any]) -> None:
    assert indexed(indices.pipelines_by_config_map, spec={"processor": {"code": code}}) == found


def test_a_pipeline_that_has_no_conditions_yet_is_known() -> None:
    condition = {"type": "Ready", "status": "True", "reason": "Provisioned", "message": "built"}
    assert indexed(indices.conditions_by_pipeline) == {KEY: ()}
    assert indexed(indices.conditions_by_pipeline, status={"conditions": [condition]}) == {
        KEY: (("Ready", "True", "Provisioned"),)
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_reaches_the_work_before_kopf_hears_of_it(number: signal.Signals) -> None:
    before, loop = signal.getsignal(number), asyncio.new_event_loop()
    flag, heard = asyncio.Event(), []

    class Work:
        """Stands for the services."""

        def stop(self) -> None:
            heard.append(flag.is_set())

    async def run() -> None:
        startup.stop_at_once(Work(), flag)  # type: ignore[arg-type]
        os.kill(os.getpid(), number)
        await asyncio.wait_for(flag.wait(), 30)

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
        signal.signal(number, before)
    assert heard == [False]
