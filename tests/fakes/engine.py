"""An engine whose stacks are dictionaries; it builds into `FakeCloud`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from fakes.cloud import FakeBucket, FakeCloud, is_live
from ingestion_operator.blueprint.resources import Resource
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    LockFate,
    LockHeld,
    PipelineError,
    StateUnreadable,
    UpdateFailed,
)
from ingestion_operator.model.status import AwsResource, Changes
from ingestion_operator.ports.engine import (
    DestroyRequest,
    EngineResult,
    OnProgress,
    Progress,
    Scope,
    StackRef,
    UpdateRequest,
)

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"


class Crash(BaseException):
    """The operator's process ends here: nothing catches this, and nothing is written after it."""


@dataclass
class Call:
    """One call to the engine."""

    verb: str
    stack: StackRef
    request: UpdateRequest | None = None
    refreshed: bool = False
    """Whether the engine read AWS first."""
    had_lock: bool = False
    adopted: Mapping[str, str] = field(default_factory=dict)
    """What it imported, by logical name."""

    @property
    def update(self) -> UpdateRequest:
        """The request, if this call was an update."""
        assert self.request is not None, f"{self.verb} is no update"
        return self.request


State = dict[str, str]
"""The inputs of each resource that is built, as text, by logical name."""


@dataclass
class FakeEngine:
    """Stacks in a dictionary. A scripted error comes when half of the work is done."""

    cloud: FakeCloud
    stacks: dict[str, State] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    """The next errors. LockHeld comes at the start, any other error in the middle of the work."""
    drifted: set[str] = field(default_factory=set)
    """Resources that somebody else changed. An update that refreshes puts them back, any other does not notice."""
    during: Callable[[], None] = lambda: None
    """Called in the middle of each operation."""
    after_each_write: Callable[[str], None] = lambda _: None
    """Called after each change of AWS, with `aws`, and after each change of the state, with `state`."""

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        call = Call("update", request.stack, request)
        self.calls.append(call)
        self._lock(call)
        if request.create:
            self.stacks.setdefault(request.stack.name, {})
        elif request.stack.name not in self.stacks:
            raise StateUnreadable("the stack's state is gone from the backend")
        with_lock = _Update(self, request, call, self.stacks[request.stack.name])
        try:
            return with_lock.run(on_progress)
        except PipelineError as error:
            raise error.after(error.encryption_salt, LockFate.RELEASED) from error

    def destroy(self, request: DestroyRequest, on_progress: OnProgress) -> EngineResult:
        call = Call("destroy", request.stack, refreshed=request.refresh)
        self.calls.append(call)
        self._lock(call)
        try:
            return self._destroy(request, on_progress)
        except PipelineError as error:
            raise error.after(error.encryption_salt, LockFate.RELEASED) from error

    def forget(self, stack: StackRef) -> None:
        self.calls.append(Call("forget", stack))
        self.fail()
        self.stacks.pop(stack.name, None)

    def _destroy(self, request: DestroyRequest, on_progress: OnProgress) -> EngineResult:
        name = request.stack.name
        state, cloud = self.stacks.get(name, {}), self.cloud.using(request.stack.access or self.cloud.access)
        total, removed = len(state), tuple(reversed(state))
        on_progress(Progress(0, total))
        for done, resource in enumerate(removed, 1):
            self.happen(done, total)
            there = cloud.live.get(name, {})
            if resource == "role" and resource not in there and not request.refresh:
                # IAM sees no path in the ARN of an absent role, and the right is limited by the path.
                raise AccessDenied("role: not authorized to perform: iam:DeleteRole")
            there.pop(resource, None)
            self.after_each_write("aws")
            del state[resource]
            self.after_each_write("state")
            on_progress(Progress(done, total))
        self.fail()
        self.stacks.pop(name, None)
        return EngineResult(Changes(delete=total), (), removed, 1)

    def _lock(self, call: Call) -> None:
        if self.failures and isinstance(self.failures[0], LockHeld):
            raise self.failures.pop(0)
        call.had_lock = True

    def happen(self, done: int, total: int) -> None:
        if done == (total + 1) // 2:
            self.during()
            self.fail()

    def fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class _Update:
    """One update, with the stack's lock."""

    engine: FakeEngine
    request: UpdateRequest
    call: Call
    state: State

    def __post_init__(self) -> None:
        self.cloud = self.engine.cloud.using(self.request.blueprint.access)
        self.live = self.cloud.live.setdefault(self.request.stack.name, {})

    def run(self, on_progress: OnProgress) -> EngineResult:
        request, engine = self.request, self.engine
        self.call.refreshed = request.scope > Scope.CHANGES
        if self.call.refreshed:
            self._refresh()
        self.call.adopted = request.adopt(request.scope, lambda: frozenset(self.state))
        assert not self.call.adopted.keys() & self.state.keys(), "an import of what the state contains would replace it"
        resources = request.blueprint.resources
        counts = {"create": 0, "update": 0, "delete": 0, "same": 0}
        changed: list[str] = []
        on_progress(Progress(0, len(resources)))
        for done, resource in enumerate(resources, 1):
            engine.happen(done, len(resources))
            verb = self._one(resource)
            counts[verb] += 1
            changed += [] if verb == "same" else [resource.name]
            on_progress(Progress(done, len(resources)))
        for name in self._superfluous(resources):
            self.live.pop(name, None)
            engine.after_each_write("aws")
            del self.state[name]
            engine.after_each_write("state")
            counts["delete"] += 1
            changed.append(name)
        made = tuple(AwsResource(name=r.name, type=r.type, id=f"{r.name}-id") for r in resources)
        return EngineResult(Changes(**counts), made, tuple(changed), 2 if request.create else 1)

    def _refresh(self) -> None:
        """Forget what is gone from AWS."""
        types = {r.name: r.type for r in self.request.blueprint.resources}
        for name in [n for n in self.state if is_live(types.get(n, "")) and n not in self.live]:
            del self.state[name]

    def _one(self, resource: Resource) -> str:
        inputs, before = repr(sorted(resource.inputs.items())), self.state.get(resource.name)
        if before is None:
            self._create(resource, inputs)
            verb = "create"
        elif self.call.refreshed and resource.name in self.engine.drifted:
            self.engine.drifted.discard(resource.name)
            verb = "update"
        else:
            verb = "same" if before == inputs else "update"
        if verb == "update" and is_live(resource.type) and resource.name not in self.live:
            raise UpdateFailed(f"updating {resource.name}: 404 not found")
        self.state[resource.name] = inputs
        if verb != "same":
            self.engine.after_each_write("state")
        return verb

    def _create(self, resource: Resource, inputs: str) -> None:
        adopted = resource.name in self.call.adopted
        if resource.type in (BUCKET, TABLE):
            self._store(resource, adopted=adopted)
        elif is_live(resource.type):
            there = resource.name in self.live
            if there and not adopted:
                raise UpdateFailed(f"creating {resource.name}: already exists")
            if adopted and not there:
                raise UpdateFailed(f"importing {resource.name}: couldn't find resource")
            self.live[resource.name] = inputs
            self.engine.after_each_write("aws")

    def _store(self, resource: Resource, *, adopted: bool) -> None:
        stores = self.cloud.buckets if resource.type == BUCKET else self.cloud.tables
        name = resource.inputs["bucket" if resource.type == BUCKET else "name"]
        there = name in stores
        if there and not adopted:
            raise BucketNameTaken(f"creating {name}: BucketAlreadyOwnedByYou")
        if adopted and not there:
            raise UpdateFailed(f"importing {name}: couldn't find resource")
        stores.setdefault(name, FakeBucket()).tags = dict(resource.inputs["tags"])

    def _superfluous(self, resources: tuple[Resource, ...]) -> Iterator[str]:
        return iter(tuple(self.state.keys() - {r.name for r in resources}))
