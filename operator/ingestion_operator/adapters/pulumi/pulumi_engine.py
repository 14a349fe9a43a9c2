"""Stacks through the Automation API, with inline programs: one CLI process for a change, two for the first creation.

The stock sequence (select, config, up, output, history) needs six to eight processes. Here the program's closure and the
environment carry the configuration, and the event stream gives outputs, counts and progress.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from pulumi import automation

from ingestion_operator.adapters.pulumi.cli import SHORT_TIMEOUT_SECONDS, Cli, EngineSettings
from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.failures import translate
from ingestion_operator.adapters.pulumi.operation import QUIET, Operation, QuietStack
from ingestion_operator.adapters.pulumi.program import program, renewal
from ingestion_operator.adapters.pulumi.upkeep import Upkeep
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.ports.engine import (
    DestroyRequest,
    EngineResult,
    OnProgress,
    Scope,
    StackRef,
    UpdateRequest,
)
from ingestion_operator.ports.state_store import Space, StateStore
from ingestion_operator.state.backend import PROJECT

logger = logging.getLogger(__name__)


class PulumiEngine:
    """The `Engine` port on Pulumi."""

    def __init__(self, settings: EngineSettings, state: StateStore) -> None:
        self._cli = Cli(settings)
        self._state = state
        self._upkeep = Upkeep(state, on_volume=not self._cli.shared)

    def check(self) -> None:
        """Check, at start-up, that the CLI runs and has the SDK's version.

        Raises StateUnreadable, saying what to install.
        """
        self._cli.check_version()

    def interrupt(self) -> None:
        """Ask every operation under way to stop; each ends with its state written."""
        self._cli.processes.interrupt_all()

    def cli_processes(self) -> tuple[int, int]:
        """How many processes of the CLI run now, and how many were started."""
        return self._cli.processes.counts()

    def space(self) -> Space | None:
        """The room on the volume of the state; None for a bucket. Raises the errors of the `StateStore` port."""
        return self._state.space()

    @property
    def backend_url(self) -> str:
        """Where the state is."""
        return self._cli.backend_url

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        """See the port."""
        blueprint = request.blueprint
        with self._work_dir(request.stack) as directory:
            archive = directory / "code.zip"
            if isinstance(blueprint.code, CodeBundle):
                archive.write_bytes(blueprint.code.zip_bytes)
            collector = EventCollector(len(blueprint.resources), on_progress, blueprint.secrets)
            run = Operation(self._cli, self._state, request.stack, directory, request.timeout_seconds, collector)
            run.scope = request.scope
            run.program = program(blueprint, archive, lambda: run.adopted(request.adopt))
            if request.create:
                run.create_stack()

            def up(stack: QuietStack) -> None:
                refresh = run.scope > Scope.CHANGES
                # Without a program, a refresh would read AWS with the provider that the state names.
                renew = refresh and bool(blueprint.access)
                stack.up(refresh=refresh or None, run_program=renew or None, on_event=collector, **QUIET)

            with run.told():
                if request.scope is Scope.LEFTOVERS:
                    run.forget_half_replaced()
                run.attempt(up)
            return replace(collector.result(run.cli_processes, run.broken_lock), encryption_salt=run.encryption_salt())

    def destroy(self, request: DestroyRequest, on_progress: OnProgress) -> EngineResult:
        """See the port."""
        stack = request.stack
        with self._work_dir(stack) as directory:
            collector = EventCollector(0, on_progress)
            # This takes one process. The Automation API's own `remove` would start two more.
            run = Operation(self._cli, self._state, stack, directory, request.timeout_seconds, collector, ("--remove",))
            run.scope = Scope.DRIFT if request.refresh else Scope.CHANGES
            # Without a program the CLI would use the provider that the state names. Its role or external ID may be outdated.
            renew = bool(stack.access)
            run.program = renewal(stack.access, stack.region) if stack.access else None

            def take_down(it: QuietStack) -> None:
                refresh = run.scope > Scope.CHANGES
                if refresh and renew:
                    run.refresh_with_program()
                it.destroy(
                    refresh=(refresh and not renew) or None, on_event=collector, run_program=renew or None, **QUIET
                )

            with run.told(), suppress(automation.StackNotFoundError):
                run.attempt(take_down)
            self._upkeep.sweep(stack)
            return collector.result(run.cli_processes, run.broken_lock)

    def forget(self, stack: StackRef) -> None:
        """See the port."""
        with self._work_dir(stack) as directory:
            collector = EventCollector(0, lambda _: None)
            run = Operation(self._cli, self._state, stack, directory, SHORT_TIMEOUT_SECONDS, collector)
            with run.told(), suppress(automation.StackNotFoundError):
                run.attempt(lambda it: it.workspace.remove_stack(it.name, force=True))
            self._upkeep.sweep(stack)

    def stacks(self) -> Mapping[str, int]:
        """The stacks that the CLI finds in the backend, each with the number of its resources.

        Raises the same errors as `update`.
        """
        with tempfile.TemporaryDirectory() as directory, translate(EventCollector(0, lambda _: None)):
            listed = self._cli.command(SHORT_TIMEOUT_SECONDS).run(
                ["stack", "ls", "--json", "--project", PROJECT],
                directory,
                self._cli.environment("us-east-1"),  # the region of a bucket is in the backend's URL
            )
        return {entry["name"].rpartition("/")[2]: entry["resourceCount"] for entry in json.loads(listed.stdout)}

    @contextmanager
    def _work_dir(self, stack: StackRef) -> Iterator[Path]:
        # Each operation has its own, because programs that run at the same time must share nothing.
        with self._upkeep.around(stack), tempfile.TemporaryDirectory(prefix=f"{stack.name}-") as directory:
            yield Path(directory)
