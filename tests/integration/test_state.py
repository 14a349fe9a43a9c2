"""State in S3: the engine and the AWS adapter are real, and the emulator enforces IAM. Only Kubernetes is a fake."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from fakes import FakeCluster, FakeCodeCheck
from ingestion_handlers.services import engine_of, store_of
from ingestion_local.emulator import Emulator
from ingestion_local.processes import wait_until
from ingestion_local.provider.install import install
from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.model.pipeline import PipelineKey, parse_status
from ingestion_operator.model.status import Status
from ingestion_operator.offline import operator_policy
from ingestion_operator.offline.operator_policy import operator_policies
from ingestion_operator.offline.operator_rights import ALL
from ingestion_operator.ports.state_store import StateStore
from ingestion_operator.reasons import Reason
from ingestion_operator.reconcile.context import Context
from ingestion_operator.reconcile.reconciler import Reconciler, StillThere
from ingestion_operator.settings import Settings
from ingestion_operator.state.backend import BACKUPS, HISTORY, LOCKS, STACKS, Backend, parse_backend, stacks
from ingestion_operator.state.copy import copy_state
from ingestion_operator.state.pruning import KEPT
from ingestion_operator.status.schedule import Backoff

REGION = "us-east-1"
# This region is not the bucket's. The CLI's environment names the pipeline's region, and the CLI must find the bucket all the same.
AWAY = "eu-west-1"
CODE = "def handler(event, context): ..."
MARK = "s3cr3t-value"


@dataclass
class LocalOperator:
    """An operator without Kubernetes: the test calls the reconciler itself."""

    emulator: Emulator
    settings: Settings
    backend: Backend
    state: StateStore = field(init=False)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, backend: Backend | None = None, **settings: Any) -> None:
        self.backend = backend or self.backend
        self.settings = self.settings.model_copy(update=settings)
        self.state = store_of(self.backend)
        engine = engine_of(self.settings, self.backend, self.state)
        backoff = Backoff(base_seconds=0.01, waiting_seconds=0.01)
        cloud, code_check = Boto3Cloud(path_style=True), FakeCodeCheck()
        self.reconciler = Reconciler(Context(self.cluster, cloud, engine, REGION, backoff, code_check=code_check))

    def key(self, name: str) -> PipelineKey:
        return PipelineKey("state", name)

    def create(self, name: str, **spec: Any) -> None:
        metadata = {"namespace": "state", "name": name, "uid": f"uid-{name}", "generation": 1, "annotations": {}}
        body = {"metadata": metadata, "spec": {"processor": {"code": {"inline": CODE}}, **spec}}
        self.cluster.pipelines_by_key[self.key(name)] = body

    def body(self, name: str) -> dict[str, Any]:
        return self.cluster.pipelines_by_key[self.key(name)]

    def change(self, name: str, **spec: Any) -> None:
        self.body(name)["spec"] |= spec
        self.body(name)["metadata"]["generation"] += 1

    def look(self, name: str) -> None:
        """Request a look at AWS with the annotation `reconcile-requested-at`."""
        self.body(name)["metadata"]["annotations"]["ingestion-operator.io/reconcile-requested-at"] = uuid4().hex

    def reconcile(self, name: str) -> Status:
        self.reconciler.reconcile(self.key(name))
        return self.status(name)

    def ready(self, name: str) -> Status:
        status = self.reconcile(name)
        assert condition(status, "Ready") == "Provisioned", status.conditions
        return status

    def status(self, name: str) -> Status:
        return parse_status(self.body(name).get("status") or {})

    def remove(self, name: str) -> None:
        self.body(name)["metadata"].setdefault("deletionTimestamp", datetime.now(UTC).isoformat())
        self.reconciler.remove(self.key(name), self.body(name)["metadata"]["uid"])
        del self.cluster.pipelines_by_key[self.key(name)]

    def stack(self, name: str) -> str:
        begun = self.status(name).begun
        assert begun is not None
        return begun.name

    def checkpoint(self, name: str) -> dict[str, Any]:
        file = json.loads(self.state.read(f"{STACKS}{self.stack(name)}.json") or b"")
        found: dict[str, Any] = file["checkpoint"]["latest"]
        return found

    @property
    def events(self) -> list[Reason]:
        return [event.reason for event in self.cluster.events]


def condition(status: Status, kind: str) -> str:
    found = status.condition(kind)
    return found.reason if found else ""


def message(status: Status, kind: str) -> str:
    found = status.condition(kind)
    return found.message if found else ""


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> str:
    name = f"state-{uuid4().hex[:8]}"
    emulator.client("s3").create_bucket(Bucket=name)
    emulator.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture(scope="module")
def kms_key(emulator: Emulator) -> str:
    arn: str = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture(scope="module")
def identity(emulator: Emulator, bucket: str, kms_key: str) -> dict[str, str]:
    """Credentials of an operator that has the rights of the generated policy."""
    reach = operator_policy.Reach(
        emulator.account_id, (REGION, AWAY), buckets=("state-*-????????",), state_bucket=bucket, state_key=kms_key
    )
    return emulator.restricted_env("operator-with-state", operator_policies(reach, ALL))


@pytest.fixture
def operator(
    tmp_path: Path,
    tools: Mapping[str, Path],
    emulator: Emulator,
    bucket: str,
    identity: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> LocalOperator:
    for name, value in identity.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "passphrase").write_text("correct horse")
    install(tmp_path / "home")
    settings = Settings(pulumi=tools["pulumi"], pulumi_home=tmp_path / "home", passphrase_file=tmp_path / "passphrase")
    # The URL names the endpoint, as it does for stores that are compatible with S3. In the end-to-end tests the environment names it.
    url = f"s3://{bucket}/{uuid4().hex[:6]}?endpoint={emulator.endpoint.removeprefix('https://')}&s3ForcePathStyle=true"
    return LocalOperator(emulator, settings, parse_backend(url, REGION))


def test_a_pipeline_is_made_changed_and_taken_down_and_nothing_stays_in_the_bucket(operator: LocalOperator) -> None:
    operator.create("words", region=AWAY, results={"bucket": {}})
    made = operator.ready("words").last_operation
    assert made is not None
    assert made.cli_processes == 2
    past = [f"{HISTORY}{operator.stack('words')}/{operator.stack('words')}-{n}.history.json" for n in range(2 * KEPT)]
    for key in past:
        operator.state.write(key, b"an older operation")
    operator.change("words", processor={"code": {"inline": CODE}, "memoryMiB": 512})
    changed = operator.ready("words").last_operation
    assert changed is not None
    assert (changed.changes.update, changed.changes.create, changed.cli_processes) == (1, 0, 1)
    assert stacks(operator.state) == {operator.stack("words")}
    assert len([key for key in operator.state.keys(HISTORY) if ".history." in key]) == KEPT
    assert operator.state.keys(BACKUPS) == [], "the CLI has another copy of each in the history"
    assert (operator.state.space(), operator.state.remnants("")) == (None, ())

    operator.remove("words")

    assert [key for part in (STACKS, LOCKS, HISTORY, BACKUPS) for key in operator.state.keys(part)] == []


def test_an_update_that_is_cut_off_is_taken_up_again(operator: LocalOperator) -> None:
    operator.create("cut")
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill_half_way, operator)
        failed = operator.reconcile("cut")
    assert killed.result() == ["pulumi"]
    assert condition(failed, "Reconciling") == "RetryingAfterFailure", failed.conditions
    (lock,) = operator.state.keys(LOCKS)
    assert json.loads(operator.state.read(lock) or b"")["hostname"] == socket.gethostname()

    operator.restart()
    operator.look("cut")
    operator.ready("cut")

    assert Reason.LOCK_BROKEN in operator.events
    assert operator.state.keys(LOCKS) == []
    operator.remove("cut")


def kill_half_way(operator: LocalOperator) -> list[str]:
    """Wait until the state has a resource, then kill the CLI and its plugins as the end of a pod does. Returns the CLI's name."""
    wait_until("a bucket in the state", lambda: "aws:s3/bucket:Bucket" in latest(operator.state), timeout_seconds=60)
    updates = [child for child in psutil.Process().children() if "up" in child.cmdline()]
    names = [update.name() for update in updates]
    for one in [*updates, *(plugin for update in updates for plugin in update.children(recursive=True))]:
        one.kill()
    return names


def latest(state: StateStore) -> str:
    return "".join((state.read(key) or b"").decode() for key in state.keys(STACKS) if key.endswith(".json"))


def test_neither_a_lock_of_another_host_nor_a_wrong_passphrase_is_got_around(operator: LocalOperator) -> None:
    operator.create("held")
    operator.ready("held")
    before = operator.checkpoint("held")
    foreign = {"pid": 1, "username": "root", "hostname": "another-pod", "timestamp": "2026-01-01T00:00:00Z"}
    lock = f"{LOCKS}{operator.stack('held')}/theirs.json"
    operator.state.write(lock, json.dumps(foreign).encode())
    operator.look("held")

    waiting = operator.reconcile("held")

    assert condition(waiting, "Reconciling") == "LockHeld"
    assert "root@another-pod (pid 1)" in message(waiting, "Reconciling")
    assert operator.state.keys(LOCKS) == [lock]
    operator.state.delete([lock])

    operator.settings.passphrase_file.write_text("wrong")
    operator.look("held")
    stalled = operator.reconcile("held")

    assert condition(stalled, "Stalled") == "StateUnreadable"
    assert "passphrase" in message(stalled, "Stalled")
    with pytest.raises(StillThere, match="passphrase"):
        operator.remove("held")
    assert operator.checkpoint("held") == before
    operator.settings.passphrase_file.write_text("correct horse")
    operator.remove("held")


def with_a_secret(operator: LocalOperator) -> dict[str, Any]:
    operator.cluster.secrets["state", "api"] = {"token": MARK}
    reference = {"secretKeyRef": {"name": "api", "key": "token"}}
    return {"code": {"inline": CODE}, "environment": [{"name": "TOKEN", "valueFrom": reference}]}


def test_secrets_are_encrypted_with_a_key_of_kms_without_any_passphrase(operator: LocalOperator, kms_key: str) -> None:
    provider = f"awskms://{kms_key.rpartition('/')[2]}?region={REGION}"
    operator.restart(secrets_provider=provider, passphrase_file=Path("/nowhere"))
    operator.create("keyed", processor=with_a_secret(operator))
    status = operator.ready("keyed")
    assert status.workings is not None
    assert status.workings.encryption_salt == ""
    state = operator.checkpoint("keyed")["secrets_providers"]["state"]
    assert (state["url"], bool(state["encryptedkey"])) == (provider, True)
    assert MARK not in latest(operator.state)

    operator.change("keyed", processor=with_a_secret(operator) | {"memoryMiB": 512})
    assert operator.ready("keyed").last_operation.changes.update == 1  # type: ignore[union-attr]
    assert operator.checkpoint("keyed")["secrets_providers"]["state"] == state
    # The setting is for new stacks. An existing stack keeps the provider with which it was written.
    operator.restart(secrets_provider="passphrase")
    operator.look("keyed")
    operator.ready("keyed")
    assert operator.checkpoint("keyed")["secrets_providers"]["state"] == state
    operator.remove("keyed")


def test_without_the_right_to_the_key_nothing_is_done(operator: LocalOperator, emulator: Emulator) -> None:
    foreign = emulator.client("kms").create_key()["KeyMetadata"]["KeyId"]
    operator.restart(secrets_provider=f"awskms://{foreign}?region={REGION}")
    operator.create("locked-out")
    stalled = operator.reconcile("locked-out")
    assert condition(stalled, "Stalled") in ("AccessDenied", "StateUnreadable"), stalled.conditions
    assert stacks(operator.state) == frozenset()


def test_a_bucket_that_is_not_there_is_never_taken_for_an_empty_one(operator: LocalOperator, bucket: str) -> None:
    operator.restart(parse_backend(f"s3://{bucket}-gone", REGION, path_style=True))
    operator.create("nowhere")
    stalled = operator.reconcile("nowhere")
    assert condition(stalled, "Stalled") in ("AccessDenied", "StateUnreadable"), stalled.conditions
    (note,) = operator.state.notes()
    assert "Access" in note or "does not exist" in note


def test_what_an_administrator_should_know_is_noted(
    operator: LocalOperator, emulator: Emulator, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator.state.notes() == ()
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    plain = f"plain-{uuid4().hex[:8]}"
    emulator.client("s3").create_bucket(Bucket=plain)
    (note,) = store_of(parse_backend(f"s3://{plain}", REGION, path_style=True)).notes()
    assert "versioning" in note
    (note,) = store_of(parse_backend(f"s3://{plain}-gone", REGION, path_style=True)).notes()
    assert "does not exist" in note
    (note,) = store_of(parse_backend(f"s3://{plain}?endpoint=127.0.0.1:1&disableSSL=true", REGION)).notes()
    assert "Could not connect" in note


def test_state_that_is_copied_to_a_bucket_goes_on_there_and_not_where_it_was(
    operator: LocalOperator, tmp_path: Path
) -> None:
    there = operator.backend
    (tmp_path / "state").mkdir()
    operator.restart(parse_backend(f"file://{tmp_path / 'state'}", REGION))
    operator.create("moved", processor=with_a_secret(operator))
    operator.ready("moved")
    here, target = operator.state, store_of(there)
    stack = operator.stack("moved")

    assert copy_state(here, target, datetime.now(UTC)).stacks == (stack,)

    assert MARK not in latest(target)
    operator.look("moved")
    waiting = operator.reconcile("moved")
    assert condition(waiting, "Reconciling") == "LockHeld"
    assert "state-copy@moved-to-another-backend" in message(waiting, "Reconciling")
    operator.restart(there)
    operator.look("moved")
    operation = operator.ready("moved").last_operation
    assert operation is not None
    changes = operation.changes
    assert (changes.create, changes.update, changes.delete) == (0, 0, 0)
    assert changes.same == len(operator.status("moved").resources)
    operator.remove("moved")
    assert stacks(target) == frozenset()
    assert stacks(here) == {stack}


def test_the_cli_writes_no_attributes_file_that_a_kill_could_leave_empty(
    operator: LocalOperator, tmp_path: Path
) -> None:
    operator.restart(parse_backend(f"file://{tmp_path / 'state'}", REGION))
    (tmp_path / "state").mkdir(exist_ok=True)
    operator.create("without-attributes")
    operator.ready("without-attributes")
    written = [path.name for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert f"{operator.stack('without-attributes')}.json" in written
    assert [name for name in written if name.endswith(".attrs")] == []
    operator.remove("without-attributes")
