"""Shows that the state of a stack does not grow with its age: files, bytes and seconds of a young stack and of an old one.

The stacks have no AWS resources, but as much state as a pipeline, so that only the CLI and its state are measured. The old stack
and the young one take turns, so a machine that becomes slower slows down both. UPDATES sets the age of the old one.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pulumi

from ingestion_local import toolchain
from ingestion_operator.adapters.pulumi import pulumi_engine
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.model.pipeline import PipelineKey, parse_spec
from ingestion_operator.ports.engine import StackRef, UpdateRequest
from ingestion_operator.state.backend import parse_backend

YOUNG, OLD = 10, int(os.environ.get("UPDATES", "300"))
ROUNDS = 20
CHECKPOINT_BYTES = 60_000
REGION = "us-east-1"


def program(*_: object) -> Callable[[], None]:
    """A program that registers no resource and exports as much as the state of a pipeline holds."""
    return lambda: pulumi.export("bulk", "x" * CHECKPOINT_BYTES)


class Stack:
    """A stack and its files."""

    def __init__(self, name: str, engine: PulumiEngine, root: Path) -> None:
        self.name = name
        self._engine = engine
        self._root = root
        code = CodeBundle.of({"index.py": "def handler(event, context): ..."})
        spec = parse_spec({"spec": {"processor": {"code": {"inline": "def handler(event, context): ..."}}}})
        self._wanted = assemble(spec, Owner("b", PipelineKey("b", name), "uid"), Place("123456789012", REGION), code)

    def update(self, *, create: bool = False) -> float:
        """One update. Returns its duration in seconds."""
        began = time.monotonic()
        request = UpdateRequest(StackRef(self.name, REGION), self._wanted, 300, create=create)
        self._engine.update(request, lambda _: None)
        return time.monotonic() - began

    def files(self) -> tuple[int, int]:
        """The number of files, and their bytes."""
        mine = [path for path in self._root.rglob("*") if path.is_file() and self.name in path.as_posix()]
        return len(mine), sum(path.stat().st_size for path in mine)


def main() -> None:
    """Age both stacks, let them take turns, and print the table."""
    pulumi_cli = toolchain.ensure(["pulumi"])["pulumi"]
    pulumi_engine.program = program
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        root = work / "state"
        root.mkdir()
        (work / "passphrase").write_text("bench")
        url = parse_backend(f"file://{root}", REGION).url
        settings = EngineSettings(pulumi_cli, url, work / "home", work / "passphrase")
        engine = PulumiEngine(settings, FileState(str(root)))
        young, old = (Stack(name, engine, root) for name in ("young-stack", "old-stack"))
        for stack, age in ((young, YOUNG), (old, OLD)):
            stack.update(create=True)
            for _ in range(age - 1):
                stack.update()
        print(f"{'updates':>8} {'files':>6} {'bytes':>9}")
        for stack, age in ((young, YOUNG), (old, OLD)):
            count, size = stack.files()
            print(f"{age:8} {count:6} {size:9}")
        seconds = [(young.update(), old.update()) for _ in range(ROUNDS)]
        of_young, of_old = (statistics.median(column) for column in zip(*seconds, strict=True))
        print(f"one more update: {of_young:.2f} s young, {of_old:.2f} s old, ratio {of_old / of_young:.2f}")


if __name__ == "__main__":
    main()
