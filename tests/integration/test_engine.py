"""The engine adapter on the real Pulumi CLI: several stacks at once in one process, which share nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pytest

from ingestion_local.emulator import Emulator
from ingestion_local.provider.install import install
from ingestion_operator.blueprint import blueprint
from ingestion_operator.code import CodeBundle
from ingestion_operator.engine.pulumi_engine import EngineSettings, PulumiEngine
from ingestion_operator.errors import StateUnreadable
from ingestion_operator.model.pipeline import PipelineKey, parse_spec
from ingestion_operator.names import Place
from ingestion_operator.naming import Owner, Tag
from ingestion_operator.ports import StackRef, UpdateRequest
from ingestion_operator.program import program
from ingestion_operator.resources import Blueprint

AT_ONCE = 8
PROGRAM = "ingestion_operator.engine.pulumi_engine.program"
REGION = "us-east-1"


@pytest.fixture
def settings(
    tmp_path: Path, tools: Mapping[str, Path], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> EngineSettings:
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "state").mkdir()
    (tmp_path / "passphrase").write_text("correct horse")
    install(tmp_path / "home")
    return EngineSettings(tools["pulumi"], f"file://{tmp_path / 'state'}", tmp_path / "home", tmp_path / "passphrase")


def made(name: str, account_id: str) -> Blueprint:
    code = f"NAME = {name!r}\ndef handler(event, context): ..."
    environment = [{"name": "NAME", "value": name}]
    spec = parse_spec({"spec": {"processor": {"code": {"inline": code}, "environment": environment}}})
    owner = Owner("it", PipelineKey("engine", name), "uid")
    return blueprint(spec, owner, Place(account_id, REGION), CodeBundle.of({"index.py": code}))


def request(wanted: Blueprint, *, create: bool) -> UpdateRequest:
    return UpdateRequest(StackRef(wanted.owner.key.name, REGION), wanted, 240, create=create)


def test_programs_that_run_at_the_same_moment_never_mix(
    settings: EngineSettings, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier = threading.Barrier(AT_ONCE)

    def meeting(*arguments: Any) -> Callable[[], None]:
        register = program(*arguments)

        def run() -> None:
            barrier.wait(120)  # all programs are inside of their updates now
            register()
            barrier.wait(120)

        return run

    monkeypatch.setattr(PROGRAM, meeting)
    engine = PulumiEngine(settings)
    wanted = [made(f"at-once-{n}", emulator.account_id) for n in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda it: engine.update(request(it, create=True), lambda _: None), wanted))

    for blueprint_, result in zip(wanted, results, strict=True):
        name = blueprint_.owner.key.name
        assert result.changes.create == len(blueprint_.resources)
        assert result.cli_processes == 2
        function = emulator.client("lambda").get_function(FunctionName=blueprint_.names.function)
        assert function["Configuration"]["Environment"]["Variables"] == {"NAME": name}
        assert isinstance(blueprint_.code, CodeBundle)
        assert function["Configuration"]["CodeSha256"] == blueprint_.code.sha256_base64
        assert function["Tags"][Tag.NAME.value] == name
        state = (
            Path(settings.backend_url.removeprefix("file://")) / f".pulumi/stacks/ingestion/{name}.json"
        ).read_text()
        others = [other.names.function for other in wanted if other is not blueprint_]
        assert blueprint_.names.function in state
        assert not [other for other in others if other in state]
        assert json.loads(state)["checkpoint"]["latest"]["resources"]
    for it in wanted:
        engine.destroy(StackRef(it.owner.key.name, REGION), 240, lambda _: None)


def test_state_that_cannot_be_decrypted_or_is_gone_is_never_taken_for_a_new_stack(
    settings: EngineSettings, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_secret(*arguments: Any) -> Callable[[], None]:
        register = program(*arguments)

        def run() -> None:
            register()
            pulumi.export("secret", pulumi.Output.secret("hush"))

        return run

    monkeypatch.setattr(PROGRAM, with_a_secret)
    engine, wanted = PulumiEngine(settings), made("precious", emulator.account_id)
    engine.update(request(wanted, create=True), lambda _: None)

    assert "hush" not in (tmp_path / "state/.pulumi/stacks/ingestion/precious.json").read_text()
    (tmp_path / "passphrase").write_text("wrong")
    with pytest.raises(StateUnreadable, match="passphrase"):
        engine.update(request(wanted, create=False), lambda _: None)

    (tmp_path / "passphrase").write_text("correct horse")
    with pytest.raises(StateUnreadable, match="gone from the backend"):
        engine.update(request(made("never-made", emulator.account_id), create=False), lambda _: None)
    engine.destroy(StackRef("precious", REGION), 240, lambda _: None)


def test_destroying_and_forgetting_what_is_not_there_succeeds(settings: EngineSettings) -> None:
    engine = PulumiEngine(settings)
    engine.destroy(StackRef("absent", REGION), 60, lambda _: None)
    engine.forget(StackRef("absent", REGION))


def test_a_cli_of_another_version_is_refused_at_start_up(settings: EngineSettings, tmp_path: Path) -> None:
    other = tmp_path / "pulumi"
    other.write_text("#!/bin/sh\necho v3.1.0\n")
    other.chmod(0o755)
    wrong = EngineSettings(other, settings.backend_url, settings.pulumi_home, settings.passphrase_file)
    with pytest.raises(StateUnreadable, match=r"is v3\.1\.0, but the SDK is"):
        PulumiEngine(wrong).check()
    with pytest.raises(StateUnreadable, match="cannot be run"):
        PulumiEngine(EngineSettings(tmp_path / "none", "", tmp_path, tmp_path)).check()
    PulumiEngine(settings).check()
