"""Everything that can go wrong, as a tree in which the class decides the outcome.

    PipelineError
    ├── Waiting              something outside must come first; looked at again by itself
    │   ├── DependencyNotReady
    │   ├── LockHeld
    │   ├── Propagating
    │   └── HoldsData
    │       ├── BucketNotEmpty
    │       └── TableNotEmpty
    ├── Stalled              a person must act; tried again only rarely, or when the object changes
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
    └── Transient            tried again soon, later and later
        ├── UpdateFailed
        └── UpdateTimedOut

Foreign exceptions are translated into these by the adapter that meets them.
"""

from __future__ import annotations

from ingestion_operator.reasons import Reason


class PipelineError(Exception):
    """A reconcile could not be finished; the message is written for the user and holds no secret."""

    reason: Reason = Reason.FAILED
    encryption_salt: str = ""
    """Salt of the stack's secrets, if the operation that failed had come to it."""


class Waiting(PipelineError):
    """Something outside must come first."""


class DependencyNotReady(Waiting):
    """A referenced object does not exist yet."""

    reason = Reason.DEPENDENCY_NOT_READY


class LockHeld(Waiting):
    """Another process works on the stack."""

    reason = Reason.LOCK_HELD


class Propagating(Waiting):
    """Everything is applied, but AWS does not show it yet."""

    reason = Reason.PROPAGATING


class HoldsData(Waiting):
    """Something that is to be deleted holds data, and nobody confirmed the purge."""

    reason = Reason.BUCKET_NOT_EMPTY


class BucketNotEmpty(HoldsData):
    """A bucket to be deleted holds objects."""


class TableNotEmpty(HoldsData):
    """A table to be deleted holds items."""

    reason = Reason.TABLE_NOT_EMPTY


class Stalled(PipelineError):
    """A person must act."""


class SpecInvalid(Stalled):
    """The spec, or the code it names, cannot work."""

    reason = Reason.SPEC_INVALID


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
    """The stack's state cannot be read or decrypted; it is never taken for a new stack."""

    reason = Reason.STATE_UNREADABLE


class CredentialsMissing(Stalled):
    """The operator has no AWS credentials, or they are not valid."""

    reason = Reason.CREDENTIALS_MISSING


class AccountChanged(Stalled):
    """The credentials lead to another AWS account than the one in which the pipeline was built."""

    reason = Reason.ACCOUNT_CHANGED


class SeveralDefaults(Stalled):
    """More than one AWSAccount is the default."""

    reason = Reason.SEVERAL_DEFAULTS


class InUse(Stalled):
    """An AWSAccount that is being deleted is still that of pipelines."""

    reason = Reason.IN_USE


class Transient(PipelineError):
    """It may work when tried again."""

    reason = Reason.RETRYING_AFTER_FAILURE


class UpdateFailed(Transient):
    """The engine or AWS reported an error."""


class UpdateTimedOut(Transient):
    """An operation took longer than reconcile.timeoutSeconds and was interrupted."""
