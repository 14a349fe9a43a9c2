"""Everything that can go wrong, as a tree.

    PipelineError
    ├── Waiting                    something outside the operator must happen first
    │   ├── DependencyNotReady
    │   ├── LockHeld
    │   ├── StateHealed
    │   ├── Propagating
    │   └── HoldsData              data would be deleted, and nobody has confirmed the purge
    │       ├── BucketNotEmpty
    │       └── TableNotEmpty
    ├── Stalled                    a person must act
    │   ├── SpecInvalid
    │   ├── AccessDenied
    │   ├── BucketNameTaken
    │   ├── TableNameTaken
    │   ├── TrailMissing
    │   ├── StateUnreadable
    │   ├── DiskFull
    │   ├── CredentialsMissing
    │   ├── AccountChanged
    │   ├── SeveralDefaults
    │   └── InUse
    └── Transient                  the same operation may succeed later
        ├── UpdateFailed
        ├── UpdateTimedOut
        └── InternalError          nobody thought of this error

    Interrupted                    the operator stops, and the next operator goes on

Each class has a reason and an outcome. The status stores the reason. The outcome says what the operator does next, and
`outcome_of` returns it for a stored reason. `status.outcomes` has a table of what each outcome means.

Each adapter translates the exceptions of its library into these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import ClassVar, Self

from ingestion_operator.reasons import Reason


class Outcome(Enum):
    """What the operator does after an error."""

    WAITS = auto()
    """The operator checks again after a short time, as often as necessary."""
    HOLDS_DATA = auto()
    """The operator waits until a person confirms a purge or changes the deletion policy."""
    STALLS = auto()
    """A person must act. The operator checks again only rarely."""
    NEEDS_ANOTHER_SPEC = auto()
    """A person must change the spec, or an object that the spec refers to."""
    RETRIES = auto()
    """The operator tries again after growing pauses, and gives up in the end."""


class LockFate(Enum):
    """What became of the stack's lock in an operation that failed."""

    NOT_HAD = auto()
    """The operation never had it, as far as the engine knows."""
    RELEASED = auto()
    """The operation had it and released it."""
    LEFT = auto()
    """The operation had it and died with it."""


class PipelineError(Exception):
    """A reconcile could not be finished. The message is written for the user and contains no secret."""

    reason: ClassVar[Reason] = Reason.FAILED
    outcome: ClassVar[Outcome] = Outcome.RETRIES

    def __init__(self, message: str = "", encryption_salt: str = "", lock: LockFate = LockFate.NOT_HAD) -> None:
        super().__init__(message)
        self._encryption_salt = encryption_salt
        self._lock = lock

    @property
    def message(self) -> str:
        """What the user is told."""
        return str(self)

    @property
    def encryption_salt(self) -> str:
        """Salt of the stack's secrets; empty if the operation failed before the engine knew it."""
        return self._encryption_salt

    @property
    def lock(self) -> LockFate:
        """What became of the stack's lock."""
        return self._lock

    def after(self, encryption_salt: str, lock: LockFate) -> Self:
        """The same error, with the salt that the next operation must use, and with what the engine knows about the lock."""
        return type(self)(str(self), encryption_salt, lock)


class Waiting(PipelineError):
    """Something outside the operator must happen first."""

    outcome = Outcome.WAITS


class DependencyNotReady(Waiting):
    """A referenced object does not exist yet."""

    reason = Reason.DEPENDENCY_NOT_READY


class LockHeld(Waiting):
    """Another process works on the stack."""

    reason = Reason.LOCK_HELD


class StateHealed(Waiting):
    """A file of the stack's state was damaged and is replaced. The operation did not begin: the state may be behind AWS."""

    reason = Reason.STATE_HEALED


class Propagating(Waiting):
    """Everything is applied, but AWS does not show it yet."""

    reason = Reason.PROPAGATING


class HoldsData(Waiting):
    """A bucket or a table would be deleted with its data, and nobody has confirmed the purge."""

    outcome = Outcome.HOLDS_DATA


class BucketNotEmpty(HoldsData):
    """A bucket that would be deleted contains objects."""

    reason = Reason.BUCKET_NOT_EMPTY


class TableNotEmpty(HoldsData):
    """A table that would be deleted contains items."""

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
    """A bucket with this name exists and does not belong to the pipeline."""

    reason = Reason.BUCKET_NAME_TAKEN


class TableNameTaken(Stalled):
    """A table with this name exists and does not belong to the pipeline."""

    reason = Reason.TABLE_NAME_TAKEN


class TrailMissing(Stalled):
    """The trail that the pipeline names does not record the writes to its bucket."""

    reason = Reason.TRAIL_MISSING


class StateUnreadable(Stalled):
    """The stack's state cannot be read or decrypted; the operator never treats that as a new stack."""

    reason = Reason.STATE_UNREADABLE


class DiskFull(Stalled):
    """The volume of the state, or of temporary files, is full."""

    reason = Reason.DISK_FULL


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
    """The same operation may succeed later."""

    reason = Reason.RETRYING_AFTER_FAILURE


class UpdateFailed(Transient):
    """The engine or AWS reported an error."""


class UpdateTimedOut(Transient):
    """An operation took longer than reconcile.timeoutSeconds and was interrupted."""


class InternalError(Transient):
    """The operator met an error that nobody thought of. The message names the error's type; the log has the traceback."""

    reason = Reason.INTERNAL_ERROR


class Interrupted(Exception):
    """The operator stops, so an operation was interrupted or not begun. The pipeline did not fail.

    It is not a PipelineError, because nothing may conclude from it. The operation stays in the status, and the next operator goes on.
    """

    reason = Reason.INTERRUPTED


ERRORS: tuple[type[PipelineError], ...] = (
    DependencyNotReady,
    LockHeld,
    StateHealed,
    Propagating,
    BucketNotEmpty,
    TableNotEmpty,
    SpecInvalid,
    AccessDenied,
    BucketNameTaken,
    TableNameTaken,
    TrailMissing,
    StateUnreadable,
    DiskFull,
    CredentialsMissing,
    AccountChanged,
    SeveralDefaults,
    InUse,
    UpdateFailed,
    UpdateTimedOut,
    InternalError,
)
"""Every error class that the code raises. `outcome_of` does not know the reason of a class that is missing here."""

OUTCOMES: Mapping[str, Outcome] = {error.reason: error.outcome for error in ERRORS}


def outcome_of(reason: str) -> Outcome:
    """The outcome of the error whose reason the status stores. A reason that only a newer operator knows is tried again."""
    return OUTCOMES.get(reason, PipelineError.outcome)
