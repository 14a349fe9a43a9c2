"""Stacks through the Automation API, with inline programs: one CLI process for a change, two for the first creation.

The stock sequence (select, config, up, output, history) needs six to eight processes. Here the program's closure and the
environment carry the configuration, and the event stream gives outputs, counts and progress.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from ingestion_operator.adapters.pulumi.cli import PASSPHRASE, SHORT_TIMEOUT_SECONDS, Cli, EngineSettings
from ingestion_operator.adapters.pulumi.command import OneCommand
from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.failures import lock_holder, translate
from ingestion_operator.adapters.pulumi.locks import held_by_the_dead
from ingestion_operator.adapters.pulumi.program import program, renewal
from ingestion_operator.adapters.pulumi.upkeep import Upkeep
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.errors import PipelineError
from ingestion_operator.ports.engine import EngineResult, OnProgress, StackRef, UpdateRequest
from ingestion_operator.ports.state_store import Space, StateStore
from ingestion_operator.state.backend import PROJECT

logger = logging.getLogger(__name__)


class _Stack(automation.Stack):
    """A stack without a selection, outputs and a summary. The event stream gives outputs and summary."""

    def __init__(self, name: str, workspace: automation.LocalWorkspace) -> None:
        self.name = name
        self.workspace = workspace

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002 - the base class's signature
        return automation.UpdateSummary(
            kind="update",
            start_time=datetime.now(UTC),
            message="",
            environment={},
            config={},
            result="succeeded",
        )


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
            run = _Operation(self._cli, request.stack, directory, request.timeout_seconds)
            run.program = program(blueprint, archive, request.adopt)
            collector = EventCollector(len(blueprint.resources), on_progress, blueprint.secrets)
            if request.create:
                run.create_stack()
            # Without a program, a refresh would read AWS with the provider that the state names.
            renew = request.refresh and bool(blueprint.access)
            with run.salting_errors(), translate(collector):
                run.attempt(
                    lambda stack: stack.up(
                        refresh=request.refresh or None, run_program=renew or None, on_event=collector, **QUIET
                    ),
                    collector,
                )
            return replace(collector.result(run.cli_processes, run.broken_lock), encryption_salt=run.encryption_salt())

    def destroy(self, stack: StackRef, timeout_seconds: float, on_progress: OnProgress) -> EngineResult:
        """See the port."""
        with self._work_dir(stack) as directory:
            # This takes one process. The Automation API's own `remove` would start two more.
            run = _Operation(self._cli, stack, directory, timeout_seconds, ("--remove",))
            collector = EventCollector(0, on_progress)
            # Without a program the CLI would use the provider that the state names. Its role or external ID may be outdated.
            renew = bool(stack.access)
            run.program = renewal(stack.access, stack.region) if stack.access else None
            with suppress(automation.StackNotFoundError):
                run.attempt(lambda it: it.destroy(on_event=collector, run_program=renew or None, **QUIET), collector)
            self._upkeep.sweep(stack)
            return collector.result(run.cli_processes, run.broken_lock)

    def forget(self, stack: StackRef) -> None:
        """See the port."""
        with self._work_dir(stack) as directory:
            run = _Operation(self._cli, stack, directory, SHORT_TIMEOUT_SECONDS)
            with suppress(automation.StackNotFoundError):
                run.attempt(
                    lambda it: it.workspace.remove_stack(it.name, force=True),
                    EventCollector(0, lambda _: None),
                )
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


QUIET: Mapping[str, Any] = {"suppress_outputs": True, "suppress_progress": True, "color": "never"}


class _Operation:
    """One operation on one stack, in its own work dir."""

    program: Callable[[], None] | None = None
    broken_lock: str = ""

    def __init__(
        self,
        cli: Cli,
        stack: StackRef,
        directory: Path,
        timeout_seconds: float,
        extra_arguments: tuple[str, ...] = (),
    ) -> None:
        self._cli = cli
        self._stack = stack
        self._directory = directory
        self._settings_file = directory / f"Pulumi.{stack.name}.yaml"
        # A salt is for the passphrase only. It would move a stack back that was moved from the passphrase to a key.
        if stack.encryption_salt and cli.secrets_provider == PASSPHRASE:
            self._settings_file.write_text(yaml.safe_dump({"encryptionsalt": stack.encryption_salt}))
        self._command = cli.command(timeout_seconds, extra_arguments)
        self._helper = cli.command(SHORT_TIMEOUT_SECONDS)

    @property
    def cli_processes(self) -> int:
        """CLI processes started so far."""
        return self._command.count + self._helper.count

    def encryption_salt(self) -> str:
        """The salt that the CLI chose or was given; empty if there is none."""
        if not self._settings_file.exists():
            return ""
        return str((yaml.safe_load(self._settings_file.read_text()) or {}).get("encryptionsalt") or "")

    @contextmanager
    def salting_errors(self) -> Iterator[None]:
        """Add the salt to an error. With another salt, the next attempt would accept a wrong passphrase as a new one."""
        try:
            yield
        except PipelineError as error:
            raise error.with_salt(self.encryption_salt()) from error

    def create_stack(self) -> None:
        """Create the stack. A stack that exists already, from an interrupted first attempt, is success.

        A locked stack is success too: the operation that follows finds out who holds the lock.
        """
        workspace = self._workspace(self._helper)
        there = suppress(automation.StackAlreadyExistsError, automation.ConcurrentUpdateError)
        with translate(EventCollector(0, lambda _: None)), there:
            self._helper.run(
                ["stack", "init", self._stack.name, "--no-select", "--secrets-provider", self._cli.secrets_provider],
                workspace.work_dir,
                self._cli.environment(self._stack.region),
            )

    def attempt(self, act: Callable[[_Stack], object], collector: EventCollector) -> None:
        """Act on the stack. If the holder of its lock is provably dead, break the lock, once, and act again.

        Raises StackNotFoundError for an absent stack: for some callers that is success.
        """
        stack = _Stack(self._stack.name, self._workspace(self._command))
        try:
            act(stack)
        except automation.ConcurrentUpdateError as error:
            if not held_by_the_dead(str(error), shared=self._cli.shared, departed=self._stack.departed):
                with translate(collector):
                    raise
            self.broken_lock = lock_holder(str(error))
            logger.warning("stack %s: breaking the lock of a process that is gone", self._stack.name)
            self._helper.run(
                ["cancel", "--yes", "--stack", self._stack.name],
                str(self._directory),
                self._cli.environment(self._stack.region),
            )
            with translate(collector):
                act(stack)
        except automation.StackNotFoundError:
            raise
        except automation.CommandError:
            collector.wait()
            with translate(collector):
                raise
        collector.wait()

    def _workspace(self, command: OneCommand) -> automation.LocalWorkspace:
        return automation.LocalWorkspace(
            work_dir=str(self._directory),
            program=self.program,
            env_vars=self._cli.environment(self._stack.region),
            project_settings=automation.ProjectSettings(
                name=PROJECT, runtime="python", backend=automation.ProjectBackend(self._cli.backend_url)
            ),
            pulumi_command=command,
        )
