"""An engine whose stacks are dictionaries; it builds into `FakeCloud`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fakes.cloud import FakeBucket, FakeCloud
from ingestion_operator.blueprint.resources import Resource
from ingestion_operator.errors import (
    BucketNameTaken,
    StateUnreadable,
    UpdateFailed,
)
from ingestion_operator.model.status import AwsResource, Changes
from ingestion_operator.ports.engine import EngineResult, OnProgress, Progress, StackRef, UpdateRequest

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"


class Crash(BaseException):
    """The operator's process ends here: nothing catches this, and nothing is written after it."""


@dataclass(frozen=True)
class Call:
    """One call to the engine."""

    verb: str
    stack: StackRef
    request: UpdateRequest | None = None

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
    drifted: set[str] = field(default_factory=set)
    """Resources that somebody else changed. An update that refreshes puts them back, any other does not notice."""
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
