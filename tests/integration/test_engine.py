"""The engine adapter on the real Pulumi CLI: several stacks at once in one process, which share nothing."""

from __future__ import annotations

import json
import logging
import shlex
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pulumi
import pytest
from botocore.exceptions import ClientError
from pulumi.automation.events import EngineEvent

from ingestion_local.emulator import Emulator
from ingestion_local.provider.install import install
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.program import program
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner, Tag
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint, Sensitive
from ingestion_operator.errors import StateUnreadable, UpdateFailed
from ingestion_operator.model.environment import SecretKey
from ingestion_operator.model.pipeline import PipelineKey, parse_spec
from ingestion_operator.ports.engine import DestroyRequest, Scope, StackRef, UpdateRequest
from integration.echo import Echo

AT_ONCE = 8
PROGRAM = "ingestion_operator.adapters.pulumi.pulumi_engine.program"
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


def engine_on(settings: EngineSettings) -> PulumiEngine:
    return PulumiEngine(settings, FileState(settings.backend_url.removeprefix("file://")))


def made(name: str, account_id: str) -> Blueprint:
    code = f"NAME = {name!r}\ndef handler(event, context): ..."
    environment = [{"name": "NAME", "value": name}]
    spec = parse_spec({"spec": {"processor": {"code": {"inline": code}, "environment": environment}}})
    owner = Owner("it", PipelineKey("engine", name), "uid")
    return assemble(spec, owner, Place(account_id, REGION), CodeBundle.of({"index.py": code}))


def request(wanted: Blueprint, *, create: bool, salt: str = "", refresh: bool = False) -> UpdateRequest:
    stack = StackRef(wanted.owner.key.name, REGION, salt)
    scope = Scope.LEFTOVERS if create else Scope.DRIFT if refresh else Scope.CHANGES
    return UpdateRequest(stack, wanted, 240, create=create, scope=scope)


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
    engine = engine_on(settings)
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
        engine.destroy(DestroyRequest(StackRef(it.owner.key.name, REGION), 240), lambda _: None)


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
    engine, wanted = engine_on(settings), made("precious", emulator.account_id)
    engine.update(request(wanted, create=True), lambda _: None)

    assert "hush" not in (tmp_path / "state/.pulumi/stacks/ingestion/precious.json").read_text()
    (tmp_path / "passphrase").write_text("wrong")
    with pytest.raises(StateUnreadable, match="passphrase"):
        engine.update(request(wanted, create=False), lambda _: None)

    (tmp_path / "passphrase").write_text("correct horse")
    with pytest.raises(StateUnreadable, match="gone from the backend"):
        engine.update(request(made("never-made", emulator.account_id), create=False), lambda _: None)
    engine.destroy(DestroyRequest(StackRef("precious", REGION), 240), lambda _: None)


def test_destroying_and_forgetting_what_is_not_there_succeeds(settings: EngineSettings) -> None:
    engine = engine_on(settings)
    engine.destroy(DestroyRequest(StackRef("absent", REGION), 60), lambda _: None)
    engine.forget(StackRef("absent", REGION))


def test_a_cli_of_another_version_is_refused_at_start_up(settings: EngineSettings, tmp_path: Path) -> None:
    other = tmp_path / "pulumi"
    other.write_text("#!/bin/sh\necho v3.1.0\n")
    other.chmod(0o755)
    wrong = EngineSettings(other, settings.backend_url, settings.pulumi_home, settings.passphrase_file)
    with pytest.raises(StateUnreadable, match=r"is v3\.1\.0, but the SDK is"):
        engine_on(wrong).check()
    with pytest.raises(StateUnreadable, match="cannot be run"):
        engine_on(EngineSettings(tmp_path / "none", "", tmp_path, tmp_path)).check()
    engine_on(settings).check()


# Secrets.

VALUE = 's3cr3t "välue"\nwith a second line'
MARK = "s3cr3t"  # what no encoding of the value lacks
TOKEN = SecretKey(name="api", key="token")
# https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/properties.go
SIGNATURE, SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def with_token(name: str, account_id: str, value: str = VALUE, version: str = "1") -> Blueprint:
    reference = {"secretKeyRef": {"name": TOKEN.name, "key": TOKEN.key}}
    environment = [{"name": "PLAIN", "value": "seen"}, {"name": "TOKEN", "valueFrom": reference}]
    code = "def handler(event, context): ..."
    spec = parse_spec({"spec": {"processor": {"code": {"inline": code}, "environment": environment}}})
    owner = Owner("it", PipelineKey("engine", name), "uid")
    secrets = {TOKEN: Sensitive(value, version)}
    return assemble(spec, owner, Place(account_id, REGION), CodeBundle.of({"index.py": code}), secrets)


def variables(emulator: Emulator, wanted: Blueprint) -> dict[str, str]:
    found = emulator.client("lambda").get_function_configuration(FunctionName=wanted.names.function)
    environment: dict[str, str] = found["Environment"]["Variables"]
    return environment


def state_file(settings: EngineSettings, name: str) -> Path:
    return Path(settings.backend_url.removeprefix("file://")) / f".pulumi/stacks/ingestion/{name}.json"


def texts_of(directory: Path) -> dict[str, str]:
    return {str(path): path.read_text(errors="replace") for path in directory.rglob("*") if path.is_file()}


def recording(settings: EngineSettings, log: Path) -> EngineSettings:
    """The CLI, with the arguments and the environment of each process written down."""
    wrapper = log.parent / "recording-pulumi"
    wrapper.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {shlex.quote(str(log))}\nenv >> {shlex.quote(str(log))}\n'
        f'exec {shlex.quote(str(settings.pulumi))} "$@"\n'
    )
    wrapper.chmod(0o755)
    return replace(settings, pulumi=wrapper)


def test_the_value_of_a_secret_is_with_the_function_and_nowhere_else(
    settings: EngineSettings,
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="botocore")  # the test's own look at the function
    events: list[str] = []
    take = EventCollector.__call__

    def recorded(self: EventCollector, event: EngineEvent) -> None:
        events.append(json.dumps(event, default=lambda it: getattr(it, "__dict__", None) or str(it)))
        take(self, event)

    monkeypatch.setattr(EventCollector, "__call__", recorded)
    command_lines: set[str] = set()

    def look(_: object) -> None:
        command_lines.update(" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))

    log = tmp_path / "processes.log"
    engine = engine_on(recording(settings, log))
    wanted = with_token("secretive", emulator.account_id)
    salt = engine.update(request(wanted, create=True), look).encryption_salt
    assert variables(emulator, wanted) == {"PLAIN": "seen", "TOKEN": VALUE}
    state = json.loads(state_file(settings, "secretive").read_text())
    function = next(r for r in state["checkpoint"]["latest"]["resources"] if r["urn"].endswith("::function"))
    for side in ("inputs", "outputs"):
        assert function[side]["environment"]["variables"][SIGNATURE] == SECRET_SIGNATURE
        assert "ciphertext" in function[side]["environment"]["variables"]

    another = with_token("secretive", emulator.account_id, f"{VALUE}, changed", "2")
    result = engine.update(request(another, create=False, salt=salt), look)
    assert result.changed == ("function",)
    assert variables(emulator, another)["TOKEN"] == f"{VALUE}, changed"
    again = engine.update(request(another, create=False, salt=salt, refresh=True), look)
    assert again.changed == ()
    unencrypted = {**texts_of(tmp_path / "state"), **texts_of(tmp_path / "home"), "processes": log.read_text()}
    engine.destroy(DestroyRequest(StackRef("secretive", REGION, salt), 240), look)

    assert "up" in unencrypted["processes"].splitlines()
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" in unencrypted["processes"]
    assert any("seen" not in event and "function" in event for event in events)
    assert not [name for name, text in unencrypted.items() if MARK in text]
    assert not [line for line in command_lines if MARK in line]
    assert not [event for event in events if MARK in event]
    assert MARK not in "\n".join(caplog.handler.format(record) for record in caplog.records)


def test_with_the_salt_kept_a_wrong_passphrase_is_noticed_before_anything_changes(
    settings: EngineSettings, emulator: Emulator, tmp_path: Path
) -> None:
    engine, wanted = engine_on(settings), made("salted", emulator.account_id)
    salt = engine.update(request(wanted, create=True), lambda _: None).encryption_salt
    assert salt.startswith("v1:")
    before = state_file(settings, "salted").read_bytes()
    assert SECRET_SIGNATURE.encode() not in before, "there is no secret in the state that could be tried"

    (tmp_path / "passphrase").write_text("wrong")
    changed = replace(wanted, resources=tuple(r for r in wanted.resources if r.name not in ("target", "permission")))
    for refresh in (False, True):
        with pytest.raises(StateUnreadable, match="passphrase"):
            engine.update(request(changed, create=False, salt=salt, refresh=refresh), lambda _: None)
    with pytest.raises(StateUnreadable, match="passphrase"):
        engine.destroy(DestroyRequest(StackRef("salted", REGION, salt), 240), lambda _: None)
    assert state_file(settings, "salted").read_bytes() == before
    targets = emulator.client("events").list_targets_by_rule(Rule=wanted.names.rule)["Targets"]
    assert len(targets) == 1

    (tmp_path / "passphrase").write_text("correct horse")
    result = engine.update(request(wanted, create=False, salt=salt), lambda _: None)
    assert (result.encryption_salt, result.changed) == (salt, ())
    engine.destroy(DestroyRequest(StackRef("salted", REGION, salt), 240), lambda _: None)


def test_an_answer_of_aws_that_repeats_the_value_of_a_secret_is_told_without_it(
    settings: EngineSettings, emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = with_token("talkative", emulator.account_id)
    with Echo(emulator) as echo:
        engine = engine_on(replace(settings, environment={"AWS_ENDPOINT_URL": echo.endpoint}))
        with pytest.raises(UpdateFailed) as failure:
            engine.update(request(wanted, create=True), lambda _: None)
        assert echo.repeated, "the value never came"
        message = str(failure.value)
        assert "String measured" in message
        assert "[secret]" in message
        assert MARK not in message
        assert MARK not in "\n".join(texts_of(tmp_path / "state").values())
        assert MARK not in caplog.text
    # The first attempt's salt went with it: the next one chooses another, and reads what the first one wrote.
    engine = engine_on(settings)
    salt = engine.update(request(wanted, create=True, refresh=True), lambda _: None).encryption_salt
    assert variables(emulator, wanted)["TOKEN"] == VALUE
    engine.destroy(DestroyRequest(StackRef("talkative", REGION, salt), 240), lambda _: None)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        variables(emulator, wanted)
