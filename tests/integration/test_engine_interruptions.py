"""What an interrupted operation left, on the real CLI: it is imported, refreshed or found gone, and never made a second time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestion_local.emulator import Emulator
from ingestion_local.provider.install import install
from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.adapters.pulumi.cli import EngineSettings
from ingestion_operator.adapters.pulumi.pulumi_engine import PulumiEngine
from ingestion_operator.adapters.state_files import FileState
from ingestion_operator.blueprint.assemble import assemble
from ingestion_operator.blueprint.function_code import CodeBundle
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import AccessDenied, LockFate, LockHeld, UpdateFailed
from ingestion_operator.model.pipeline import PipelineKey, parse_spec
from ingestion_operator.model.status import Status
from ingestion_operator.offline.operator_policy import Reach, operator_policies
from ingestion_operator.ports.engine import DestroyRequest, EngineResult, Scope, StackRef, UpdateRequest
from ingestion_operator.reconcile.adoption import Adoption

REGION = "us-east-1"
MARKER = "SomebodysMarker"


class Stack:
    """One stack on the emulator, with its state on disk."""

    def __init__(self, name: str, settings: EngineSettings, emulator: Emulator) -> None:
        self.name = name
        self.settings = settings
        self.emulator = emulator
        self.directory = Path(settings.backend_url.removeprefix("file://"))
        self.file = self.directory / f".pulumi/stacks/ingestion/{name}.json"
        self.locks = self.directory / f".pulumi/locks/organization/ingestion/{name}"
        self.salt = ""

    def engine(self, environment: Mapping[str, str] | None = None) -> PulumiEngine:
        settings = replace(self.settings, environment=environment or {})
        return PulumiEngine(settings, FileState(str(self.directory)))

    def blueprint(self, answer: int = 1, **processor: Any) -> Blueprint:
        code = f"def handler(event, context): return {answer}"
        spec = parse_spec({"spec": {"processor": {"code": {"inline": code}, **processor}}})
        owner = Owner("it", PipelineKey("engine", self.name), "uid")
        return assemble(spec, owner, Place(self.emulator.account_id, REGION), CodeBundle.of({"index.py": code}))

    def update(self, wanted: Blueprint, scope: Scope = Scope.CHANGES, *, create: bool = False) -> EngineResult:
        stack = StackRef(self.name, REGION, self.salt)
        adopt = Adoption(Boto3Cloud(path_style=True), Status(), wanted).find
        request = UpdateRequest(stack, wanted, 240, create=create, scope=scope, adopt=adopt)
        result = self.engine().update(request, lambda _: None)
        self.salt = result.encryption_salt
        return result

    def destroy(self, engine: PulumiEngine | None = None, *, refresh: bool = False) -> EngineResult:
        request = DestroyRequest(StackRef(self.name, REGION, self.salt), 240, refresh=refresh)
        return (engine or self.engine()).destroy(request, lambda _: None)

    def forget(self, *names: str, replacing: bool = False) -> None:
        """Take resources, and what depends on them, out of the state, as if it had never contained them.

        `replacing` leaves what the state says after the old ones were deleted, and before it contains the new ones.
        """
        document = json.loads(self.file.read_text())
        latest = document["checkpoint"]["latest"]
        gone = {r["urn"] for r in latest["resources"] if r["urn"].rpartition("::")[2] in names}
        while more := {r["urn"] for r in latest["resources"] if gone & set(r.get("dependencies") or ())} - gone:
            gone |= more
        if replacing:
            for entry in (r for r in latest["resources"] if r["urn"] in gone):
                entry["pendingReplacement"] = True
        else:
            latest["resources"] = [r for r in latest["resources"] if r["urn"] not in gone]
        self.file.write_text(json.dumps(document))

    def lock_of(self, pid: int, host: str) -> None:
        self.locks.mkdir(parents=True, exist_ok=True)
        content = {"pid": pid, "username": "u", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"}
        (self.locks / "theirs.json").write_text(json.dumps(content))


@pytest.fixture
def stack_named(
    tmp_path: Path, tools: Mapping[str, Path], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Stack]:
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "state").mkdir()
    (tmp_path / "passphrase").write_text("correct horse")
    install(tmp_path / "home")
    settings = EngineSettings(
        tools["pulumi"], f"file://{tmp_path / 'state'}", tmp_path / "home", tmp_path / "passphrase"
    )
    return lambda name: Stack(name, settings, emulator)


def test_a_function_that_the_state_lost_is_imported_and_then_gets_its_new_code(
    stack_named: Callable[[str], Stack], emulator: Emulator
) -> None:
    stack = stack_named("imported")
    first, second = stack.blueprint(1), stack.blueprint(2, memoryMiB=512)
    stack.update(first, Scope.LEFTOVERS, create=True)
    lambda_, name = emulator.client("lambda"), first.names.function
    # A function that was deleted and made again has lost it.
    lambda_.add_permission(
        FunctionName=name, StatementId=MARKER, Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    everything = {"role", "function", "permission", "log-group", "dead-letter-queue"}
    stack.forget(*everything)
    result = stack.update(second, Scope.LEFTOVERS)

    assert MARKER in lambda_.get_policy(FunctionName=name)["Policy"]
    assert isinstance(second.code, CodeBundle)
    found = lambda_.get_function_configuration(FunctionName=name)
    assert (found["CodeSha256"], found["MemorySize"]) == (second.code.sha256_base64, 512)
    assert everything <= {resource.name for resource in result.resources}
    assert result.changes.delete == 0

    again = stack.update(second, Scope.LEFTOVERS)
    assert (again.changed, again.changes.delete) == ((), 0), "what the state contains is not imported again"

    stack.forget("function", replacing=True)
    replaced = stack.update(second, Scope.LEFTOVERS)
    assert replaced.changes.delete == 0
    assert MARKER in lambda_.get_policy(FunctionName=name)["Policy"], "the new function of an interrupted replacement"
    stack.destroy()


def test_what_was_changed_or_deleted_by_hand_is_put_back_by_a_change_that_refreshes(
    stack_named: Callable[[str], Stack], emulator: Emulator
) -> None:
    stack = stack_named("drifted")
    wanted, events = stack.blueprint(), emulator.client("events")
    stack.update(wanted, create=True)
    events.disable_rule(Name=wanted.names.rule)
    emulator.client("lambda").delete_function(FunctionName=wanted.names.function)
    with pytest.raises(UpdateFailed) as failure:
        stack.update(stack.blueprint(2))
    assert failure.value.lock is LockFate.RELEASED
    stack.update(stack.blueprint(2), Scope.DRIFT)
    assert events.describe_rule(Name=wanted.names.rule)["State"] == "ENABLED"
    assert emulator.client("lambda").get_function(FunctionName=wanted.names.function)
    stack.destroy()


def test_a_destroy_that_was_interrupted_ends_although_iam_refuses_to_speak_about_an_absent_role(
    stack_named: Callable[[str], Stack], emulator: Emulator
) -> None:
    stack, iam = stack_named("half-gone"), emulator.client("iam")
    wanted = stack.blueprint()
    stack.update(wanted, create=True)
    policies = operator_policies(Reach(emulator.account_id, (emulator.region,)))
    restricted = stack.engine(emulator.restricted_env("interrupted-destroy", policies))
    for policy in iam.list_role_policies(RoleName=wanted.names.role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=wanted.names.role, PolicyName=policy)
    iam.delete_role(RoleName=wanted.names.role)

    with pytest.raises(AccessDenied, match="iam:DeleteRole") as failure:
        stack.destroy(restricted)
    assert failure.value.lock is LockFate.RELEASED
    stack.destroy(restricted, refresh=True)
    assert not stack.file.exists()


def test_the_program_asks_what_to_import_while_the_cli_has_the_lock_and_its_error_is_told(
    stack_named: Callable[[str], Stack],
) -> None:
    stack = stack_named("asked")
    wanted = stack.blueprint()
    pids: list[int] = []

    def hold(_scope: Scope, known: Callable[[], frozenset[str]]) -> Mapping[str, str]:
        (lock,) = stack.locks.glob("*.json")
        pids.append(json.loads(lock.read_text())["pid"])
        assert known() == frozenset()
        raise UpdateFailed("Throttling")

    request = UpdateRequest(StackRef(stack.name, REGION), wanted, 240, create=True, adopt=hold)
    with pytest.raises(UpdateFailed, match=r"^Throttling$") as failure:
        stack.engine().update(request, lambda _: None)
    assert (len(pids), failure.value.lock) == (1, LockFate.RELEASED)
    assert failure.value.encryption_salt.startswith("v1:")
    assert not list(stack.locks.glob("*.json"))

    def kill(scope: Scope, known: Callable[[], frozenset[str]]) -> Mapping[str, str]:
        with pytest.raises(UpdateFailed):
            hold(scope, known)
        os.kill(pids[-1], signal.SIGKILL)
        return {}

    with pytest.raises(UpdateFailed) as killed:
        stack.engine().update(replace(request, adopt=kill), lambda _: None)
    assert killed.value.lock is LockFate.LEFT
    result = stack.update(wanted, create=True)
    assert f"(pid {pids[-1]})" in result.broken_lock
    stack.destroy()


def test_a_lock_that_is_held_is_not_had_and_one_that_is_broken_makes_the_engine_look(
    stack_named: Callable[[str], Stack], emulator: Emulator
) -> None:
    stack = stack_named("locked")
    wanted = stack.blueprint()
    stack.update(wanted, create=True)
    emulator.client("events").disable_rule(Name=wanted.names.rule)
    stack.lock_of(1, "elsewhere")
    with pytest.raises(LockHeld) as failure:
        stack.update(wanted)
    assert failure.value.lock is LockFate.NOT_HAD
    with pytest.raises(LockHeld):
        stack.destroy()

    ended = subprocess.Popen(["true"])
    ended.wait()
    stack.lock_of(ended.pid, os.uname().nodename)
    result = stack.update(stack.blueprint(2))
    assert "pid" in result.broken_lock
    assert emulator.client("events").describe_rule(Name=wanted.names.rule)["State"] == "ENABLED"
    stack.destroy()
