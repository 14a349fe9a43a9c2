"""Stacks through the Automation API, with inline programs: one CLI process for a change, two for the first creation.

The stock sequence (select, config, up, output, history) takes six to eight. Here configuration travels in the program's
closure and the environment, and outputs, counts and progress come from the event stream.
"""

from __future__ import annotations

import json
import logging
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from ingestion_operator.adapters.pulumi.command import OneCommand, Processes
from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.failures import lock_holder, translate
from ingestion_operator.adapters.pulumi.locks import held_by_the_dead
from ingestion_operator.adapters.pulumi.program import program, renewal
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.errors import PipelineError, StateUnreadable
from ingestion_operator.ports.engine import EngineResult, OnProgress, StackRef, UpdateRequest
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.state.backend import PROJECT, what_is_left

logger = logging.getLogger(__name__)

PULUMI_VERSION = "3.255.0"
SHORT_TIMEOUT_SECONDS = 120.0
PASSPHRASE = "passphrase"  # noqa: S105 - the name of a secrets provider


class _Stack(automation.Stack):
    """A stack that is neither selected nor asked for what the event stream has told already."""

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


@dataclass(frozen=True)
class EngineSettings:
    """What the engine needs to run the CLI."""

    pulumi: Path
    backend_url: str
    pulumi_home: Path
    passphrase_file: Path
    secrets_provider: str = PASSPHRASE
    """What encrypts the secrets of new stacks: `passphrase`, or the URL of a key. An existing stack's state says which it has."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further environment of each process, for example the endpoint of an emulator."""

    def process_environment(self, region: str) -> dict[str, str]:
        """The environment of a CLI process. Credentials come from the operator's own environment."""
        return {
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase_file),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",
            # How a stack's secrets are encrypted is in its state; without this a new passphrase salt would be made up.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "PULUMI_BACKEND_URL": self.backend_url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **self.environment,
        }


class PulumiEngine:
    """The `Engine` port on Pulumi."""

    def __init__(self, settings: EngineSettings, state: StateStore) -> None:
        self._settings = settings
        self._state = state
        self._processes = Processes()

    def check(self) -> None:
        """Check, at start-up, that the CLI is there and of the SDK's version.

        Raises StateUnreadable, saying what to install.
        """
        try:
            found = subprocess.run(
                [self._settings.pulumi, "version"],
                capture_output=True,
                text=True,
                check=True,
                timeout=SHORT_TIMEOUT_SECONDS,
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError) as error:
            raise StateUnreadable(f"the pulumi CLI {self._settings.pulumi} cannot be run: {error}") from error
        if found.removeprefix("v") != PULUMI_VERSION:
            raise StateUnreadable(f"the pulumi CLI is {found}, but the SDK is {PULUMI_VERSION}: install that version")

    def interrupt(self) -> None:
        """Ask every operation under way to stop; each ends with its state written."""
        self._processes.interrupt_all()

    def cli_processes(self) -> tuple[int, int]:
        """How many processes of the CLI run now, and how many were started."""
        return self._processes.counts()

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        """See the port."""
        blueprint = request.blueprint
        with self._work_dir(request.stack) as directory:
            archive = directory / "code.zip"
            if isinstance(blueprint.code, CodeBundle):
                archive.write_bytes(blueprint.code.zip_bytes)
            run = _Operation(self, request.stack, directory, request.timeout_seconds)
            run.program = program(blueprint, archive, request.adopt)
            collector = EventCollector(len(blueprint.resources), on_progress, blueprint.secrets)
            if request.create:
                run.create_stack()
            # A refresh without a program would read AWS with the provider in the state, as a destroy would.
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
            # In one process: the Automation API's own `remove` would start a second and a third.
            run = _Operation(self, stack, directory, timeout_seconds, ("--remove",))
            collector = EventCollector(0, on_progress)
            # Without a program the provider would be the one in the state, whose role or external ID may be those of old.
            renew = bool(stack.access)
            run.program = renewal(stack.access, stack.region) if stack.access else None
            with suppress(automation.StackNotFoundError):
                run.attempt(lambda it: it.destroy(on_event=collector, run_program=renew or None, **QUIET), collector)
            self._prune(stack)
            return collector.result(run.cli_processes, run.broken_lock)

    def forget(self, stack: StackRef) -> None:
        """See the port."""
        with self._work_dir(stack) as directory:
            run = _Operation(self, stack, directory, SHORT_TIMEOUT_SECONDS)
            with suppress(automation.StackNotFoundError):
                run.attempt(
                    lambda it: it.workspace.remove_stack(it.name, force=True),
                    EventCollector(0, lambda _: None),
                )
            self._prune(stack)

    def command(self, timeout_seconds: float, extra_arguments: tuple[str, ...] = ()) -> OneCommand:
        """The CLI for one operation."""
        return OneCommand(self._settings.pulumi, PULUMI_VERSION, self._processes, timeout_seconds, extra_arguments)

    def environment(self, region: str) -> dict[str, str]:
        """The environment of one operation."""
        return self._settings.process_environment(region)

    @property
    def backend_url(self) -> str:
        """Where the state is."""
        return self._settings.backend_url

    @property
    def shared(self) -> bool:
        """Whether processes of other hosts may work with the same state."""
        return not self.backend_url.startswith("file:")

    @property
    def secrets_provider(self) -> str:
        """What encrypts the secrets of new stacks."""
        return self._settings.secrets_provider

    def stacks(self) -> Mapping[str, int]:
        """The stacks that the CLI finds in the backend, each with the number of its resources.

        Raises as `update` does.
        """
        with tempfile.TemporaryDirectory() as directory, translate(EventCollector(0, lambda _: None)):
            listed = self.command(SHORT_TIMEOUT_SECONDS).run(
                ["stack", "ls", "--json", "--project", PROJECT],
                directory,
                self.environment("us-east-1"),  # that of a bucket is in the backend's URL
            )
        return {entry["name"].rpartition("/")[2]: entry["resourceCount"] for entry in json.loads(listed.stdout)}

    @contextmanager
    def _work_dir(self, stack: StackRef) -> Iterator[Path]:
        # One for each operation, and removed after it: programs that run at the same time must share nothing.
        with tempfile.TemporaryDirectory(prefix=f"{stack.name}-") as directory:
            yield Path(directory)

    def _prune(self, stack: StackRef) -> None:
        """Remove the backups of a stack that is gone, or they would grow for ever."""
        try:
            self._state.delete(what_is_left(self._state, stack.name))
        except PipelineError as error:
            # The stack itself is gone, and that is what a deletion waits for.
            logger.warning("stack %s is gone, but not the backups of its state: %s", stack.name, error)


QUIET: Mapping[str, Any] = {"suppress_outputs": True, "suppress_progress": True, "color": "never"}


class _Operation:
    """One operation on one stack, in its own work dir."""

    program: Callable[[], None] | None = None
    broken_lock: str = ""

    def __init__(
        self,
        engine: PulumiEngine,
        stack: StackRef,
        directory: Path,
        timeout_seconds: float,
        extra_arguments: tuple[str, ...] = (),
    ) -> None:
        self._engine = engine
        self._stack = stack
        self._directory = directory
        self._settings_file = directory / f"Pulumi.{stack.name}.yaml"
        # Not under another provider: a stack may have been moved from the passphrase to a key, and this would move it back.
        if stack.encryption_salt and engine.secrets_provider == PASSPHRASE:
            self._settings_file.write_text(yaml.safe_dump({"encryptionsalt": stack.encryption_salt}))
        self._command = engine.command(timeout_seconds, extra_arguments)
        self._helper = engine.command(SHORT_TIMEOUT_SECONDS)

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
        """An error carries the salt: the next attempt must use the same, or a wrong passphrase could pass for a new one."""
        try:
            yield
        except PipelineError as error:
            raise error.with_salt(self.encryption_salt()) from error

    def create_stack(self) -> None:
        """Make the stack; one that is there already (from an interrupted first attempt) is success.

        So is a locked one: the operation that follows finds out by whom.
        """
        workspace = self._workspace(self._helper)
        there = suppress(automation.StackAlreadyExistsError, automation.ConcurrentUpdateError)
        with translate(EventCollector(0, lambda _: None)), there:
            self._helper.run(
                ["stack", "init", self._stack.name, "--no-select", "--secrets-provider", self._engine.secrets_provider],
                workspace.work_dir,
                self._engine.environment(self._stack.region),
            )

    def attempt(self, act: Callable[[_Stack], object], collector: EventCollector) -> None:
        """Act on the stack; a lock whose holder is provably dead is broken, once.

        A stack that is not there is left to the caller, as StackNotFoundError: for some that is success.
        """
        stack = _Stack(self._stack.name, self._workspace(self._command))
        try:
            act(stack)
        except automation.ConcurrentUpdateError as error:
            if not held_by_the_dead(str(error), shared=self._engine.shared, departed=self._stack.departed):
                with translate(collector):
                    raise
            self.broken_lock = lock_holder(str(error))
            logger.warning("stack %s: breaking the lock of a process that is gone", self._stack.name)
            self._helper.run(
                ["cancel", "--yes", "--stack", self._stack.name],
                str(self._directory),
                self._engine.environment(self._stack.region),
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
            env_vars=self._engine.environment(self._stack.region),
            project_settings=automation.ProjectSettings(
                name=PROJECT, runtime="python", backend=automation.ProjectBackend(self._engine.backend_url)
            ),
            pulumi_command=command,
        )
