"""What a crash or a full disk can leave of the state, on the real CLI: it is healed, or the condition says what to do.

One stack without AWS resources takes all of it in turn, because an operation on it takes half a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pulumi
import pytest

from ingestion_operator.adapters.pulumi import pulumi_engine
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.pulumi.state_messages import RESTORE, SECRETS, UNLOCK, VERSION
from ingestion_operator.adapters.pulumi.upkeep import Upkeep
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.errors import DiskFull, PipelineError, StateHealed, StateUnreadable
from ingestion_operator.model.pipeline import PipelineKey, parse_spec
from ingestion_operator.ports.engine import StackRef, UpdateRequest
from ingestion_operator.state.backend import DAMAGED, LOCKS, META, STACKS, parse_backend
from ingestion_operator.state.healing import is_whole
from ingestion_operator.state.pruning import KEPT

REGION = "us-east-1"
MEBIBYTE = 1024 * 1024
CHECKPOINT = f"{STACKS}x.json"


@dataclass
class World:
    """An engine on a directory, and the directory."""

    engine: PulumiEngine
    root: Path
    bulk: int = 10
    """How many bytes the next update adds to the state."""

    def update(self, *, create: bool = False) -> None:
        """One update of the stack, without a resource of AWS."""
        code = CodeBundle.of({"index.py": "def handler(event, context): ..."})
        spec = parse_spec({"spec": {"processor": {"code": {"inline": "def handler(event, context): ..."}}}})
        wanted = assemble(spec, Owner("it", PipelineKey("n", "x"), "uid"), Place("123456789012", REGION), code)
        self.engine.update(UpdateRequest(StackRef("x", REGION), wanted, 120, create=create), lambda _: None)

    def read(self, key: str) -> bytes:
        return (self.root / key).read_bytes()

    def write(self, key: str, content: bytes) -> None:
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(content)

    def checkpoint(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.read(CHECKPOINT))
        return content


def world_on(root: Path, beside: Path, pulumi_cli: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (beside / "passphrase").write_text("correct horse")
    url = parse_backend(f"file://{root}", REGION).url
    settings = EngineSettings(pulumi_cli, url, beside / "home", beside / "passphrase")
    world = World(PulumiEngine(settings, FileState(str(root))), root)

    def program(*_: object) -> Callable[[], None]:
        def run() -> None:
            pulumi.export("secret", pulumi.Output.secret("hush"))
            pulumi.export("bulk", "x" * world.bulk)

        return run

    monkeypatch.setattr(pulumi_engine, "program", program)
    return world


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.fixture(scope="module")
def world(tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> World:
    root = tmp_path_factory.mktemp("state")
    made = world_on(root, tmp_path_factory.mktemp("beside"), tools["pulumi"], patch)
    made.update(create=True)
    return made


def without_upkeep(world: World, patch: pytest.MonkeyPatch) -> str:
    """What the condition says of a damage that nobody healed."""
    with patch.context() as context:
        context.setattr(Upkeep, "_heal", lambda *_: None)
        with pytest.raises(StateUnreadable) as raised:
            world.update()
    return str(raised.value)


@pytest.mark.parametrize(
    ("key", "damage", "advice"),
    [
        (f"{CHECKPOINT}.attrs", lambda _: b"", RESTORE),
        (f"{META}.attrs", lambda _: b"", RESTORE),
        (META, lambda _: b"", RESTORE),
        (f"{LOCKS}x/1.json", lambda _: b"", UNLOCK),
        (f"{LOCKS}x/1.json.18ab.tmp", lambda _: b'{"pid"', UNLOCK),
        (CHECKPOINT, lambda _: b"", RESTORE),
        (CHECKPOINT, lambda whole: whole[: len(whole) // 2], RESTORE),
        (CHECKPOINT, lambda whole: b"\0" * len(whole), RESTORE),
    ],
    ids=["attributes", "attributes of all", "layout", "lock", "lock on its way", "empty", "cut off", "zeros"],
)
def test_what_keeps_the_cli_from_working_is_healed(
    world: World, patch: pytest.MonkeyPatch, key: str, damage: Callable[[bytes], bytes], advice: str
) -> None:
    before = world.read(key) if (world.root / key).exists() else b""
    world.write(key, damage(before))
    assert without_upkeep(world, patch).endswith(advice)
    with pytest.raises(StateHealed, match=Path(key).name):
        world.update()
    world.update()
    assert not list(world.root.rglob("*.tmp"))
    assert not (world.root / LOCKS / "x" / "1.json").exists()


def edited(**changes: object) -> Callable[[bytes], bytes]:
    return lambda whole: json.dumps({**json.loads(whole), **changes}).encode()


def with_latest(**changes: object) -> Callable[[bytes], bytes]:
    def edit(whole: bytes) -> bytes:
        content = json.loads(whole)
        content["checkpoint"]["latest"].update(changes)
        return json.dumps(content).encode()

    return edit


def without_parent(whole: bytes) -> bytes:
    content = json.loads(whole)
    content["checkpoint"]["latest"]["resources"][0]["parent"] = "urn:pulumi:x::ingestion::a:b:C::gone"
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("edit", "advice"),
    [
        (edited(version=9), VERSION),
        (edited(version=4, features=["another"]), VERSION),
        (without_parent, RESTORE),
        (with_latest(secrets_providers={"type": "another"}), SECRETS),
        (with_latest(secrets_providers={"type": "passphrase", "state": {"salt": "v1:AAA"}}), SECRETS),
        (lambda whole: whole.replace(b'"ciphertext":"v1:', b'"ciphertext":"v1:AAAA'), SECRETS),
    ],
    ids=["version", "features", "integrity", "another provider", "salt", "a secret"],
)
def test_what_cannot_be_healed_is_unreadable_and_stays_as_it_is(
    world: World, edit: Callable[[bytes], bytes], advice: str
) -> None:
    before = world.read(CHECKPOINT)
    world.write(CHECKPOINT, edit(before))
    try:
        with pytest.raises(StateUnreadable) as raised:
            world.update()
        assert str(raised.value).endswith(advice)
        assert world.read(CHECKPOINT) == edit(before)
    finally:
        world.write(CHECKPOINT, before)


def test_the_cli_takes_an_empty_object_for_an_empty_stack_and_the_operator_does_not(world: World) -> None:
    world.write(CHECKPOINT, b"{}")
    with pytest.raises(StateHealed, match=r"x\.json was damaged"):
        world.update()
    assert world.checkpoint()["version"] == 3


def test_the_past_of_a_stack_does_not_grow(world: World) -> None:
    for _ in range(KEPT):
        world.update()
    files = {path.relative_to(world.root).as_posix() for path in world.root.rglob("*") if path.is_file()}
    of_the_stack = {name for name in files if not name.startswith(DAMAGED)}
    assert len(of_the_stack) == 2 * KEPT + len((META, CHECKPOINT, f"{CHECKPOINT}.bak"))
    assert not any("/backups/" in name for name in files), "the CLI has another copy of each in the history"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A volume of 4 MiB."""
    root = tmp_path / "volume"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", root], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", "--lazy", root], check=True)


def leave(root: Path, free: int) -> Path:
    """Fill the volume up to this room, and return the file that fills it."""
    filler = root / "filler"
    filler.write_bytes(bytes(os.statvfs(root).f_bavail * os.statvfs(root).f_bsize - free))
    return filler


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a volume")
def test_pipelines_go_on_once_a_full_disk_has_room(
    small_disk: Path, tmp_path: Path, tools: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_on(small_disk, tmp_path, tools["pulumi"], monkeypatch)
    monkeypatch.setattr("ingestion_operator.adapters.pulumi.upkeep.LEAST_FREE_BYTES", MEBIBYTE)
    world.update(create=True)

    filler = leave(small_disk, MEBIBYTE // 2)
    with pytest.raises(DiskFull, match=r"0\.5 MiB left of 4 MiB"):
        world.update()

    # Another writer takes the room after the operator looked.
    with monkeypatch.context() as context:
        context.setattr(Upkeep, "_require_room", lambda *_: None)
        filler.unlink()
        filler = leave(small_disk, 0)
        with pytest.raises(DiskFull, match="no space left on device"):
            world.update()
        filler.unlink()
        with pytest.raises(StateHealed, match="a lock that was never written in full"):
            world.update()
        # The CLI renames a file that it could not write in full, and tries again for half a minute. Here it dies meanwhile.
        filler = leave(small_disk, MEBIBYTE // 16)
        world.bulk = MEBIBYTE
        killed_once(lambda: not is_whole(world.read(CHECKPOINT)), world.update)

    filler.unlink()
    world.bulk = 10
    with pytest.raises(StateHealed, match=r"x\.json was damaged and is replaced by"):
        world.update()
    world.update()
    assert is_whole(world.read(CHECKPOINT))
    assert not list(small_disk.rglob("*.tmp"))


def killed_once(condition: Callable[[], bool], operate: Callable[[], None]) -> None:
    """Begin an operation, and kill its CLI once the condition is true."""
    with ThreadPoolExecutor(1) as pool:
        operation = pool.submit(operate)
        deadline = time.monotonic() + 60
        while not condition() and time.monotonic() < deadline and not operation.done():
            time.sleep(0.01)
        assert condition()
        for process in psutil.Process().children():
            if process.name() == "pulumi":
                process.kill()
        with pytest.raises(PipelineError):
            operation.result(60)
