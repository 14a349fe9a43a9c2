"""What the core needs from the engine that builds and removes stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.model.status import AwsResource, Changes


@dataclass(frozen=True)
class Progress:
    """How far an operation has come: the number of resources that are done, and of all resources."""

    done: int
    total: int

    def __str__(self) -> str:
        return f"{self.done}/{self.total}"


OnProgress = Callable[[Progress], None]


class Scope(IntEnum):
    """How much an operation must look at, because AWS and the state may differ."""

    CHANGES = 0
    """Nothing: the state is right."""
    DRIFT = 1
    """What the state contains may have been changed or deleted in AWS: the engine refreshes the state first."""
    LEFTOVERS = 2
    """AWS may also contain resources that the state lost: the engine imports them."""


Adopt = Callable[[Scope, Callable[[], frozenset[str]]], Mapping[str, str]]
"""Finds the resources to import: their physical ids by logical name. The arguments are the scope, and a function that returns
the logical names that the state contains. It may raise any error of the `Cloud` port, BucketNameTaken and TableNameTaken."""


def adopt_nothing(_scope: Scope, _known: Callable[[], frozenset[str]]) -> Mapping[str, str]:
    """Imports nothing."""
    return {}


@dataclass(frozen=True)
class StackRef:
    """One Pulumi stack and the region its resources are in."""

    name: str
    region: str
    encryption_salt: str = ""
    """Salt of the stack's secrets, if it is known. With the salt, the engine detects a wrong passphrase even if the state
    contains no secret yet."""
    access: Access | None = None
    """The access with which the stack is destroyed. None: the access that the state names."""
    departed: tuple[str, ...] = ()
    """Hosts that began an operation on the stack and are provably gone. The engine may break their locks."""


@dataclass(frozen=True)
class UpdateRequest:
    """One update of a stack."""

    stack: StackRef
    blueprint: Blueprint
    timeout_seconds: float
    create: bool = False
    """The stack may not exist yet. If False, an absent stack is an error: its state was lost."""
    scope: Scope = Scope.CHANGES
    adopt: Adopt = adopt_nothing
    """The engine calls it once it has the stack's lock, and before it registers a resource. After breaking a lock the scope is
    LEFTOVERS, whatever the scope of the request is."""


@dataclass(frozen=True)
class DestroyRequest:
    """The removal of a stack and its resources."""

    stack: StackRef
    timeout_seconds: float
    refresh: bool = False
    """Read AWS first, and forget what is gone. After breaking a lock the engine always does."""


@dataclass(frozen=True)
class EngineResult:
    """What an operation did."""

    changes: Changes = Changes()
    resources: tuple[AwsResource, ...] = ()
    changed: tuple[str, ...] = ()
    """Logical names of the resources that were created, updated, replaced or deleted."""
    cli_processes: int = 0
    broken_lock: str = ""
    """The holder of the lock that was broken, if any: a process that is provably gone."""
    encryption_salt: str = ""
    """Salt of the stack's secrets, for the next operation."""


class Engine(Protocol):
    """Builds and removes stacks."""

    def update(self, request: UpdateRequest, on_progress: OnProgress) -> EngineResult:
        """Make AWS match the blueprint.

        Raises what `adopt` raises, LockHeld, AccessDenied, StateUnreadable, UpdateFailed or UpdateTimedOut. `lock` of the
        error says whether the operation had the stack's lock.
        """

    def destroy(self, request: DestroyRequest, on_progress: OnProgress) -> EngineResult:
        """Delete the stack's resources, except those that hold data, and then the stack. An absent stack is success.

        Raises the same errors as `update`.
        """

    def forget(self, stack: StackRef) -> None:
        """Remove the stack's state and leave every resource in AWS. An absent stack is success."""
