"""Compares the operator's engine with the stock Automation API sequence: the same blueprint and emulator, in one run.

Prints the seconds, the number of CLI processes and the ratio to the stock sequence, for a creation, a change, no change and a
deletion. The two engines take turns, so a machine that becomes slower slows down both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pulumi import automation

from ingestion_local import toolchain
from ingestion_local.emulator import Emulator
from ingestion_local.provider.install import install
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.program import program
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.model.pipeline import PipelineKey, parse_spec
from ingestion_operator.ports.engine import DestroyRequest, StackRef, UpdateRequest

ROUNDS = 3
SPEC = {"spec": {"processor": {"code": {"inline": "def handler(event, context): ..."}}, "results": {"bucket": {}}}}


def made(name: str, memory: int) -> Blueprint:
    """The blueprint of a pipeline."""
    spec = parse_spec({"spec": {**SPEC["spec"], "processor": {**SPEC["spec"]["processor"], "memoryMiB": memory}}})
    owner = Owner("bench", PipelineKey("bench", name), "uid")
    bundle = CodeBundle.of({"index.py": "def handler(event, context): ..."})
    return assemble(spec, owner, Place("123456789012", "us-east-1"), bundle)


class Ours:
    """The operator's engine."""

    def __init__(self, settings: EngineSettings) -> None:
        self.engine = PulumiEngine(settings, FileState(settings.backend_url.removeprefix("file://")))

    def up(self, name: str, wanted: Blueprint, *, create: bool) -> None:
        """One update."""
        request = UpdateRequest(StackRef(name, "us-east-1"), wanted, 300, create=create)
        self.engine.update(request, lambda _: None)

    def down(self, name: str) -> None:
        """One destroy."""
        self.engine.destroy(DestroyRequest(StackRef(name, "us-east-1"), 300), lambda _: None)


class Stock:
    """The sequence that the documentation of the Automation API shows."""

    def __init__(self, settings: EngineSettings, work: Path) -> None:
        self.settings = settings
        self.work = work
        self.command = _command(settings)

    def stack(self, name: str, wanted: Blueprint) -> Any:
        """Create or select the stack."""
        archive = self.work / "code.zip"
        archive.write_bytes(wanted.code.zip_bytes)
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self.work),
            env_vars=self.settings.process_environment("us-east-1"),
            project_settings=automation.ProjectSettings(
                name="ingestion", runtime="python", backend=automation.ProjectBackend(self.settings.backend_url)
            ),
            pulumi_command=self.command,
        )
        return automation.create_or_select_stack(name, "ingestion", program(wanted, archive), opts=options)

    def up(self, name: str, wanted: Blueprint, *, create: bool) -> None:  # noqa: ARG002 - it always selects or creates the stack
        """One update."""
        stack = self.stack(name, wanted)
        stack.set_config("aws:region", automation.ConfigValue("us-east-1"))
        stack.up()

    def down(self, name: str) -> None:
        """One destroy."""
        stack = self.stack(name, made(name, 128))
        stack.destroy()
        stack.workspace.remove_stack(name)


def _command(settings: EngineSettings) -> automation.PulumiCommand:
    os.environ["PATH"] = f"{settings.pulumi.parent}:{os.environ['PATH']}"
    return automation.PulumiCommand()


class Counting(subprocess.Popen):  # type: ignore[type-arg]
    """Counts the processes that it starts."""

    started = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Counting.started += 1
        super().__init__(*args, **kwargs)


def timed(call: Callable[[], None]) -> tuple[float, int]:
    """Run the call and return its duration in seconds and the number of processes that it started."""
    before, began = Counting.started, time.monotonic()
    call()
    return time.monotonic() - began, Counting.started - before


def main() -> None:
    """Measure both engines and print the table."""
    pulumi = toolchain.ensure(["pulumi"])["pulumi"]
    with tempfile.TemporaryDirectory() as directory, Emulator(Path(directory) / "aws", auth=False) as emulator:
        os.environ.update(emulator.env())
        work = Path(directory)
        (work / "state").mkdir()
        (work / "stock").mkdir()
        (work / "passphrase").write_text("bench")
        install(work / "home")
        settings = EngineSettings(pulumi, f"file://{work / 'state'}", work / "home", work / "passphrase")
        subprocess.Popen = Counting  # type: ignore[misc]
        contenders = {"operator": Ours(settings), "stock": Stock(settings, work / "stock")}
        report(measure(contenders))


def measure(contenders: dict[str, Any]) -> dict[str, dict[str, list[tuple[float, int]]]]:
    """Return seconds and processes of each round, by step and engine."""
    found: dict[str, dict[str, list[tuple[float, int]]]] = {}
    for turn in range(ROUNDS):
        for who, engine in contenders.items():
            name = f"{who}-{turn}"
            steps: dict[str, Callable[[], None]] = {
                "create": lambda e=engine, n=name: e.up(n, made(n, 128), create=True),
                "change": lambda e=engine, n=name: e.up(n, made(n, 256), create=False),
                "no change, forced": lambda e=engine, n=name: e.up(n, made(n, 256), create=False),
                "delete": lambda e=engine, n=name: e.down(n),
            }
            for step, call in steps.items():
                found.setdefault(step, {}).setdefault(who, []).append(timed(call))
    return found


def report(found: dict[str, dict[str, list[tuple[float, int]]]]) -> None:
    """Print medians and ratios."""
    print(f"{'step':20} {'operator':>18} {'stock':>18} {'ratio':>8}")
    for step, by_who in found.items():
        seconds = {who: statistics.median(s for s, _ in runs) for who, runs in by_who.items()}
        processes = {who: round(statistics.median(p for _, p in runs)) for who, runs in by_who.items()}
        cells = [f"{seconds[who]:.2f} s, {processes[who]} proc" for who in ("operator", "stock")]
        print(f"{step:20} {cells[0]:>18} {cells[1]:>18} {seconds['operator'] / seconds['stock']:8.2f}")
    print("no change: the operator compares a fingerprint and starts no process at all")


if __name__ == "__main__":
    main()
