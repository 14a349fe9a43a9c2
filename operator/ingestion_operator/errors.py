"""Everything that can go wrong, as a tree.

    PipelineError
    ├── Waiting                    something outside must come first
    │   ├── DependencyNotReady
    │   ├── LockHeld
    │   ├── Propagating
    │   └── HoldsData              what is to be deleted holds data, and nobody has confirmed the purge
    │       ├── BucketNotEmpty
    │       └── TableNotEmpty
    ├── Stalled                    a person must act
    │   ├── SpecInvalid
    │   ├── AccessDenied
    │   ├── BucketNameTaken
    │   ├── TableNameTaken
    │   ├── TrailMissing
    │   ├── StateUnreadable
    │   ├── CredentialsMissing
    │   ├── AccountChanged
    │   ├── SeveralDefaults
    │   └── InUse
    └── Transient                  the same attempt may succeed later
        ├── UpdateFailed
        └── UpdateTimedOut

Each class has a reason, which the status stores, and an outcome, which says how the operator goes on. The outcome follows
from the stored reason too: see `outcome_of`. `status.outcomes` is the table of what each outcome means.

An adapter translates foreign exceptions into these where it meets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import ClassVar, Self

from ingestion_operator.reasons import Reason


class Outcome(Enum):
    """How the operator goes on after an error."""

    WAITS = auto()
    """It looks again soon, for as long as it takes."""
    HOLDS_DATA = auto()
    """It waits for a person to confirm a purge or to change the deletion policy."""
    STALLS = auto()
    """A person must act; it looks again only rarely."""
    NEEDS_ANOTHER_SPEC = auto()
    """A person must change the spec, or what the spec refers to."""
    RETRIES = auto()
    """It tries again, later and later, and gives up in the end."""


class PipelineError(Exception):
    """A reconcile could not be finished. The message is written for the user and holds no secret."""

    reason: ClassVar[Reason] = Reason.FAILED
    outcome: ClassVar[Outcome] = Outcome.RETRIES
    lock_is_anothers: ClassVar[bool] = False
    """Whether the operation never began, because another process holds the stack's lock."""

    def __init__(self, message: str = "", encryption_salt: str = "") -> None:
        super().__init__(message)
        self._encryption_salt = encryption_salt

    @property
    def message(self) -> str:
        """What the user is told."""
        return str(self)

    @property
    def encryption_salt(self) -> str:
        """Salt of the stack's secrets; empty if the operation failed before the engine knew it."""
        return self._encryption_salt

    def with_salt(self, encryption_salt: str) -> Self:
        """The same error, with the salt that the next operation must use."""
        return type(self)(str(self), encryption_salt)


class Waiting(PipelineError):
    """Something outside must come first."""

    outcome = Outcome.WAITS


class DependencyNotReady(Waiting):
    """A referenced object does not exist yet."""

    reason = Reason.DEPENDENCY_NOT_READY


class LockHeld(Waiting):
    """Another process works on the stack."""

    reason = Reason.LOCK_HELD
    lock_is_anothers = True


class Propagating(Waiting):
    """Everything is applied, but AWS does not show it yet."""

    reason = Reason.PROPAGATING


class HoldsData(Waiting):
    """Something that the operator must delete holds data, and nobody has confirmed the purge."""

    outcome = Outcome.HOLDS_DATA


class BucketNotEmpty(HoldsData):
    """A bucket to be deleted holds objects."""

    reason = Reason.BUCKET_NOT_EMPTY


class TableNotEmpty(HoldsData):
    """A table to be deleted holds items."""

    reason = Reason.TABLE_NOT_EMPTY


class Stalled(PipelineError):
    """A person must act."""

    outcome = Outcome.STALLS


class SpecInvalid(Stalled):
    """The spec, or the code it names, cannot work."""

    reason = Reason.SPEC_INVALID
    outcome = Outcome.NEEDS_ANOTHER_SPEC


class AccessDenied(Stalled):
    """AWS refused a call for lack of a permission."""

    reason = Reason.ACCESS_DENIED


class BucketNameTaken(Stalled):
    """A bucket of that name belongs to somebody else."""

    reason = Reason.BUCKET_NAME_TAKEN


class TableNameTaken(Stalled):
    """A table of that name belongs to somebody else."""

    reason = Reason.TABLE_NAME_TAKEN


class TrailMissing(Stalled):
    """The trail that the pipeline names does not record the writes to its bucket."""

    reason = Reason.TRAIL_MISSING


class StateUnreadable(Stalled):
    """The stack's state cannot be read or decrypted; the operator never treats that as a new stack."""

    reason = Reason.STATE_UNREADABLE


class CredentialsMissing(Stalled):
    """The operator has no AWS credentials, or they are not valid."""

    reason = Reason.CREDENTIALS_MISSING


class AccountChanged(Stalled):
    """The credentials belong to another AWS account than the one in which the pipeline was built."""

    reason = Reason.ACCOUNT_CHANGED


class SeveralDefaults(Stalled):
    """More than one AWSAccount is marked default."""

    reason = Reason.SEVERAL_DEFAULTS


class InUse(Stalled):
    """An AWSAccount is being deleted, and pipelines were built with it."""

    reason = Reason.IN_USE


class Transient(PipelineError):
    """It may work when tried again."""

    reason = Reason.RETRYING_AFTER_FAILURE


class UpdateFailed(Transient):
    """The engine or AWS reported an error."""


class UpdateTimedOut(Transient):
    """An operation took longer than reconcile.timeoutSeconds and was interrupted."""


ERRORS: tuple[type[PipelineError], ...] = (
    DependencyNotReady,
    LockHeld,
    Propagating,
    BucketNotEmpty,
    TableNotEmpty,
    SpecInvalid,
    AccessDenied,
    BucketNameTaken,
    TableNameTaken,
    TrailMissing,
    StateUnreadable,
    CredentialsMissing,
    AccountChanged,
    SeveralDefaults,
    InUse,
    UpdateFailed,
    UpdateTimedOut,
)
"""Every error that is raised. One that is missing here has no outcome once only its reason is left."""

OUTCOMES: Mapping[Reason, Outcome] = {error.reason: error.outcome for error in ERRORS}


def outcome_of(reason: Reason) -> Outcome:
    """The outcome of the error whose reason the status stores."""
    return OUTCOMES.get(reason, PipelineError.outcome)
