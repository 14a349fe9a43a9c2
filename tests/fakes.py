"""Hand-written fakes of the ports: they keep the ports' contracts and remember what was asked of them.

`FakeEngine` builds into `FakeCloud`, so that a bucket that an update made is there for a deletion to find. Errors are
scripted by appending them to a list; each is raised once, in the middle of the work, as real ones are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.blueprint.place import Place
from ingestion_operator.blueprint.resources import Blueprint, Resource, Sensitive
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    BucketNotEmpty,
    StateUnreadable,
    TableNameTaken,
    UpdateFailed,
)
from ingestion_operator.model.pipeline import Identity, PipelineKey
from ingestion_operator.model.status import AwsResource, Changes, Condition, Operation
from ingestion_operator.ports.cloud import AssumedRole, PackageObject, TrailView
from ingestion_operator.ports.engine import EngineResult, OnProgress, Progress, StackRef, UpdateRequest
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason

ACCOUNT = "123456789012"
BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"


class Crash(BaseException):
    """The operator's process ends here: nothing catches it, nothing is written after it."""


@dataclass(frozen=True)
class Announcement:
    """One Kubernetes Event."""

    reason: Reason
    message: str
    warning: bool


@dataclass
class FakeCluster:
    """A Kubernetes API of dictionaries."""

    pipelines_by_key: dict[PipelineKey, dict[str, Any]] = field(default_factory=dict)
    config_maps: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    secrets: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    accounts_by_name: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Announcement] = field(default_factory=list)
    patches: list[Mapping[str, Any]] = field(default_factory=list)
    pods: set[Pod] = field(default_factory=set)

    def cluster_id(self) -> str:
        return "test"

    def pipeline(self, key: PipelineKey) -> Mapping[str, Any] | None:
        return deepcopy(self.pipelines_by_key.get(key))

    def patch_status(self, key: PipelineKey, patch: Mapping[str, Any]) -> None:
        self.patches.append(patch)
        if (body := self.pipelines_by_key.get(key)) is not None:
            # What cannot be sent as JSON must not be written here either.
            body["status"] = merged(body.get("status"), json.loads(json.dumps(patch)))

    def account(self, name: str) -> Mapping[str, Any] | None:
        return deepcopy(self.accounts_by_name.get(name))

    def accounts(self) -> Sequence[Mapping[str, Any]]:
        return deepcopy(list(self.accounts_by_name.values()))

    def patch_account_status(self, name: str, patch: Mapping[str, Any]) -> None:
        if (body := self.accounts_by_name.get(name)) is not None:
            body["status"] = merged(body.get("status"), json.loads(json.dumps(patch)))

    def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        return deepcopy(self.config_maps.get((namespace, name)))

    def secret(self, namespace: str, name: str) -> Mapping[str, Sensitive] | None:
        found = self.secrets.get((namespace, name))
        # As the resource version does, the version tells whether the whole was written again.
        written = sum(len(value) for value in found.values()) if found else 0
        return None if found is None else {k: Sensitive(v, f"{name}/{written}/{k}") for k, v in found.items()}

    def pod_is_gone(self, pod: Pod) -> bool:
        return pod not in self.pods

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        return deepcopy(list(self.pipelines_by_key.values()))

    def announce(self, identity: Identity, reason: Reason, message: str, *, warning: bool = False) -> None:
        self.events.append(Announcement(reason, message, warning))


def merged(target: Any, patch: Any) -> Any:
    """A merge patch applied, as RFC 7386 writes it down."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


@dataclass
class FakeBucket:
    """A bucket: its tags and how many objects and versions it holds."""

    tags: dict[str, str] = field(default_factory=dict)
    objects: int = 0


@dataclass
class FakeCloud:
    """An AWS account with nothing but buckets, tables and what an interrupted creation left."""

    buckets: dict[str, FakeBucket] = field(default_factory=dict)
    tables: dict[str, FakeBucket] = field(default_factory=dict)
    """Tables: the `objects` of one are its items."""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys of the tables that others made."""
    packages: dict[tuple[str, str], PackageObject] = field(default_factory=dict)
    trails: dict[str, TrailView] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    """Buckets that others made, and their regions."""
    sending: set[str] = field(default_factory=set)
    """Buckets of others that send their events to EventBridge."""
    listened_to: set[str] = field(default_factory=set)
    """Buckets to which a rule that is not ours listens."""
    left: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[str, ...]] = field(default_factory=list)
    """What is wrong with the wiring, one entry for each time that it is read back; nothing when there is none left."""
    failures: list[Exception] = field(default_factory=list)
    """What finding out the account raises."""
    access: Access = OWN
    others: dict[str, FakeCloud] = field(default_factory=dict)
    """What roles lead to, by the number of the account."""
    closed: set[str] = field(default_factory=set)
    """Roles that cannot be assumed."""
    moved: dict[str, str] = field(default_factory=dict)
    """Roles that lead to another account than their ARN says, as no role does: what else happens is easier to see so."""

    def using(self, access: Access) -> FakeCloud:
        if not access:
            return self
        found = self.others.setdefault(access.account_id, FakeCloud())
        # One account, however many roles lead to it.
        return replace(found, access=access, closed=self.closed, moved=self.moved)

    def assume(self, access: Access) -> AssumedRole:
        place = self.using(access).place("us-east-1")
        return AssumedRole(place.account_id, f"arn:aws:sts::{place.account_id}:assumed-role/r/{access.session_name}")

    def place(self, region: str) -> Place:
        if self.failures:
            raise self.failures.pop(0)
        if self.access.role_arn in self.closed:
            raise AccessDenied(
                f"AWSAccount {self.access.account}: AccessDenied: not authorized to perform: sts:AssumeRole"
            )
        account = self.moved.get(self.access.role_arn) or self.access.account_id or ACCOUNT
        return Place(account, region, permissions_boundary=self.access.permissions_boundary)

    def bucket_tags(self, bucket: str, region: str) -> Mapping[str, str] | None:
        found = self.buckets.get(bucket)
        return None if found is None else dict(found.tags)

    def tag_bucket(self, bucket: str, region: str, tags: Mapping[str, str]) -> None:
        self.buckets[bucket].tags = dict(tags)

    def bucket_region(self, bucket: str, region: str) -> str | None:
        return self.regions.get(bucket)

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:
        return self.keys.get(table)

    def package(self, bucket: str, key: str, version_id: str, region: str) -> PackageObject | None:
        found = self.packages.get((bucket, key))
        return found if found is not None and version_id in ("", found.version_id) else None

    def trail(self, arn: str) -> TrailView | None:
        return self.trails.get(arn)

    def switch_on_events(self, bucket: str, region: str) -> bool:
        new = bucket not in self.sending
        self.sending.add(bucket)
        return new

    def switch_off_events(self, bucket: str, region: str) -> bool:
        off = bucket in self.sending and bucket not in self.listened_to
        self.sending -= {bucket} if off else set()
        return off

    def table_tags(self, table: str, region: str) -> Mapping[str, str] | None:
        found = self.tables.get(table)
        return None if found is None else dict(found.tags)

    def tag_table(self, table: str, region: str, tags: Mapping[str, str]) -> None:
        self.tables[table].tags = dict(tags)

    def count_items(self, table: str, region: str, limit: int) -> int:
        found = self.tables.get(table)
        return 0 if found is None else min(limit, found.objects)

    def delete_table(self, table: str, region: str, owner: Owner) -> None:
        found = self.tables.get(table)
        if found is not None and not owner.owns(found.tags):
            raise TableNameTaken(f"table {table} does not carry this pipeline's ownership tags any more")
        self.tables.pop(table, None)

    def claim_leftovers(self, blueprint: Blueprint) -> Mapping[str, str]:
        return dict(self.left)

    def count_objects(self, bucket: str, region: str, limit: int) -> int:
        found = self.buckets.get(bucket)
        return 0 if found is None else min(limit, found.objects)

    def purge_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        if found := self._owned(bucket, owner):
            found.objects = 0

    def delete_bucket(self, bucket: str, region: str, owner: Owner) -> None:
        if found := self._owned(bucket, owner):
            if found.objects:
                raise BucketNotEmpty(f"objects arrived in bucket {bucket} while it was being deleted")
            del self.buckets[bucket]

    def wiring_faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        return self.faults.pop(0) if self.faults else ()

    def _owned(self, bucket: str, owner: Owner) -> FakeBucket | None:
        found = self.buckets.get(bucket)
        if found is not None and not owner.owns(found.tags):
            raise BucketNameTaken(f"bucket {bucket} does not carry this pipeline's ownership tags any more")
        return found


@dataclass
class FakeObserver:
    """What was told, in order."""

    told: list[tuple[Any, ...]] = field(default_factory=list)
    written: dict[PipelineKey, list[tuple[str, str, str]]] = field(default_factory=dict)

    def began(self, key: PipelineKey, operation: Operation, longest_seconds: float) -> None:
        self.told.append(("began", key, operation.type, longest_seconds))

    def ended(self, operation: Operation, reason: Reason | None, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(("ended", operation.type, reason))

    def wrote(self, key: PipelineKey, conditions: Sequence[Condition]) -> None:
        self.written[key] = [(c.type, c.status.value, c.reason) for c in conditions]

    def drifted(self, resources: int) -> None:
        self.told.append(("drifted", resources))

    def broke_lock(self) -> None:
        self.told.append(("broke a lock",))


@dataclass
class FakeState:
    """The files of a state backend, in a dictionary."""

    files: dict[str, bytes] = field(default_factory=dict)
    while_writing: Callable[[str], None] = lambda _: None
    """Called before each write, with the key."""
    noted: tuple[str, ...] = ()

    def keys(self, prefix: str) -> Sequence[str]:
        return sorted(key for key in self.files if key.startswith(prefix))

    def read(self, key: str) -> bytes | None:
        return self.files.get(key)

    def write(self, key: str, content: bytes) -> None:
        self.while_writing(key)
        self.files[key] = content

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.files.pop(key, None)

    def notes(self) -> Sequence[str]:
        return self.noted


@dataclass(frozen=True)
class Call:
    """One call to the engine."""

    verb: str
    stack: StackRef
    request: UpdateRequest | None = None

    @property
    def update(self) -> UpdateRequest:
        """What was asked for, if it was an update."""
        assert self.request is not None, f"{self.verb} is no update"
        return self.request


State = dict[str, str]
"""What is built, by logical name: the inputs, written out."""


@dataclass
class FakeEngine:
    """Stacks in a dictionary. An error that is scripted comes when half of the work is done."""

    cloud: FakeCloud
    stacks: dict[str, State] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    drifted: set[str] = field(default_factory=set)
    """Resources that were changed by somebody else: put back by an update that refreshes, unseen by one that does not."""
    during: Callable[[], None] = lambda: None
    """Called in the middle of each operation."""

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        self.calls.append(Call("update", request.stack, request))
        if request.create:
            self.stacks.setdefault(request.stack.name, {})
        elif request.stack.name not in self.stacks:
            raise StateUnreadable("the stack's state is gone from the backend")
        return self._build(self.stacks[request.stack.name], request, on_progress)

    def destroy(self, stack: StackRef, timeout_seconds: float, on_progress: OnProgress) -> EngineResult:
        self.calls.append(Call("destroy", stack))
        state = self.stacks.get(stack.name, {})
        total, removed = len(state), tuple(reversed(state))
        on_progress(Progress(0, total))
        for done, name in enumerate(removed, 1):
            self._happen(done, total)
            del state[name]
            on_progress(Progress(done, total))
        self._fail()
        self.stacks.pop(stack.name, None)
        return EngineResult(Changes(delete=total), (), removed, 1)

    def forget(self, stack: StackRef) -> None:
        self.calls.append(Call("forget", stack))
        self._fail()
        self.stacks.pop(stack.name, None)

    def _build(self, state: State, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        resources = request.blueprint.resources
        counts = {"create": 0, "update": 0, "delete": 0, "same": 0}
        changed: list[str] = []
        on_progress(Progress(0, len(resources)))
        for done, resource in enumerate(resources, 1):
            self._happen(done, len(resources))
            verb = self._one(state, resource, request)
            counts[verb] += 1
            changed += [] if verb == "same" else [resource.name]
            on_progress(Progress(done, len(resources)))
        for name in self._superfluous(state, resources):
            del state[name]
            counts["delete"] += 1
            changed.append(name)
        made = tuple(AwsResource(name=r.name, type=r.type, id=f"{r.name}-id") for r in resources)
        return EngineResult(Changes(**counts), made, tuple(changed), 2 if request.create else 1)

    def _one(self, state: State, resource: Resource, request: UpdateRequest) -> str:
        inputs, before = repr(sorted(resource.inputs.items())), state.get(resource.name)
        if before is None:
            if resource.type in (BUCKET, TABLE):
                self._store(resource, request)
            verb = "create"
        elif request.refresh and resource.name in self.drifted:
            self.drifted.discard(resource.name)
            verb = "update"
        else:
            verb = "same" if before == inputs else "update"
        state[resource.name] = inputs
        return verb

    def _store(self, resource: Resource, request: UpdateRequest) -> None:
        is_bucket, adopted = resource.type == BUCKET, resource.name in (request.adopt or {})
        cloud = self.cloud.using(request.blueprint.access)
        stores = cloud.buckets if is_bucket else cloud.tables
        name, tags = resource.inputs["bucket" if is_bucket else "name"], dict(resource.inputs["tags"])
        there = name in stores
        if there and not adopted:
            raise BucketNameTaken(f"creating {name}: BucketAlreadyOwnedByYou")
        if adopted and not there:
            raise UpdateFailed(f"importing {name}: couldn't find resource")
        stores.setdefault(name, FakeBucket()).tags = tags

    @staticmethod
    def _superfluous(state: State, resources: tuple[Resource, ...]) -> Iterator[str]:
        return iter(tuple(state.keys() - {r.name for r in resources}))

    def _happen(self, done: int, total: int) -> None:
        if done == (total + 1) // 2:
            self.during()
            self._fail()

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
