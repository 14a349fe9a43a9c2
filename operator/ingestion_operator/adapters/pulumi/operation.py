"""One operation of the CLI on one stack, with what it needs of the stack's lock and state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from ingestion_operator.adapters.pulumi.checkpoint import half_replaced, known_names
from ingestion_operator.adapters.pulumi.cli import PASSPHRASE, SHORT_TIMEOUT_SECONDS, Cli
from ingestion_operator.adapters.pulumi.command import OneCommand
from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.failures import lock_holder, translate
from ingestion_operator.adapters.pulumi.locks import held_by_the_dead
from ingestion_operator.errors import LockFate, PipelineError
from ingestion_operator.ports.engine import Adopt, Scope, StackRef
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.state.backend import LOCKS, PROJECT

logger = logging.getLogger(__name__)

QUIET: Mapping[str, Any] = {"suppress_outputs": True, "suppress_progress": True, "color": "never"}


class QuietStack(automation.Stack):
    """A stack without a selection, outputs and a summary. The event stream gives outputs and summary."""

    def __init__(self, name: str, workspace: automation.LocalWorkspace) -> None:
        self.name = name
        self.workspace = workspace

    def outputs(self) -> automation.OutputMap:
        """Nothing."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002 - the base class's signature
        """A summary that says nothing."""
        return automation.UpdateSummary(
            kind="update",
            start_time=datetime.now(UTC),
            message="",
            environment={},
            config={},
            result="succeeded",
        )


class Operation:
    """One operation on one stack, in its own work dir."""

    program: Callable[[], None] | None = None
    scope: Scope = Scope.CHANGES
    broken_lock: str = ""

    def __init__(
        self,
        cli: Cli,
        state: StateStore,
        stack: StackRef,
        directory: Path,
        timeout_seconds: float,
        collector: EventCollector,
        extra_arguments: tuple[str, ...] = (),
    ) -> None:
        self._cli = cli
        self._state = state
        self._timeout_seconds = timeout_seconds
        self._stack = stack
        self._collector = collector
        self._program_ran = False
        self._refusal: PipelineError | None = None
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

    def adopted(self, adopt: Adopt) -> Mapping[str, str]:
        """What the program imports. The CLI calls the program only while it holds the stack's lock.

        The Automation API would report an error of the program as a text, so the error itself is kept.
        """
        self._program_ran = True
        try:
            return adopt(self.scope, lambda: known_names(self._state, self._stack.name))
        except PipelineError as error:
            self._refusal = error
            raise

    @contextmanager
    def told(self) -> Iterator[None]:
        """Translate errors, and add what the next operation must know.

        With another salt, the next attempt would accept a wrong passphrase as a new one.
        """
        try:
            with translate(self._collector):
                yield
        except PipelineError as error:
            cause = self._refusal or error
            raise cause.after(self.encryption_salt(), self._lock_fate()) from error

    def _lock_fate(self) -> LockFate:
        """What became of the lock. A CLI that was killed leaves it."""
        if not self._program_ran and not self._collector.begun:
            return LockFate.NOT_HAD
        try:
            locks = self._state.keys(f"{LOCKS}{self._stack.name}/")
        except PipelineError as error:
            logger.warning("stack %s: cannot find out whether the CLI left its lock: %s", self._stack.name, error)
            return LockFate.LEFT
        return LockFate.LEFT if any(key.endswith(".json") for key in locks) else LockFate.RELEASED

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

    def forget_half_replaced(self) -> None:
        """Take resources out of the state that the engine has deleted already, and perhaps made again.

        The engine does not refresh them and cannot import them (pulumi's pkg/resource/deploy/step.go, RefreshStep). Without them,
        the program finds out what is there. If the stack is locked, the operation that follows says so.
        """
        if urns := half_replaced(self._state, self._stack.name):
            workspace = self._workspace(self._helper)
            logger.info("stack %s: forgetting what an interrupted replacement deleted: %s", self._stack.name, urns)
            with suppress(automation.ConcurrentUpdateError):
                self._helper.run(
                    ["state", "delete", *urns, "--target-dependents", "--yes", "--stack", self._stack.name],
                    workspace.work_dir,
                    self._cli.environment(self._stack.region),
                )

    def refresh_with_program(self) -> None:
        """Read AWS with the provider that the program registers.

        A destroy refreshes with the provider of the state, even if it runs the program, because it refreshes first (pulumi's
        pkg/resource/deploy/deployment_executor.go). The role in the state may be an older one.
        """
        stack = QuietStack(self._stack.name, self._workspace(self._cli.command(self._timeout_seconds)))
        stack.refresh(on_event=self._collector.without_end, run_program=True, **QUIET)

    def attempt(self, act: Callable[[QuietStack], object]) -> None:
        """Act on the stack. If the holder of its lock is provably dead, break the lock, once, and act again.

        The second time the scope is LEFTOVERS, because the holder was interrupted. Raises StackNotFoundError for an absent stack:
        for some callers that is success.
        """
        collector = self._collector
        stack = QuietStack(self._stack.name, self._workspace(self._command))
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
            self.scope = Scope.LEFTOVERS
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
