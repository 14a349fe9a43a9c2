"""The reasons of conditions and of Kubernetes Events. Everything that needs a reason takes it from this list."""

from __future__ import annotations

from enum import StrEnum


class ConditionType(StrEnum):
    """The types of condition a pipeline has."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    SYNCED = "Synced"


class Reason(StrEnum):
    """Why a condition has its status. Events use the same words."""

    # Ready
    PROVISIONED = "Provisioned"  # this generation is applied and the wiring was read back
    PROPAGATING = "Propagating"  # applied, but AWS does not show it yet
    PROGRESSING = "Progressing"  # an update is under way
    DEPENDENCY_NOT_READY = "DependencyNotReady"  # a referenced object is missing; the operator goes on once it exists
    SUSPENDED = "Suspended"  # spec.reconcile.suspend is true
    DELETING = "Deleting"  # the object is being deleted
    FAILED = "Failed"  # see the message, and the condition Stalled or Reconciling
    ASSUMED = "Assumed"  # of an AWSAccount: the operator can assume its role
    # Reconciling
    CREATING = "Creating"
    UPDATING = "Updating"
    REFRESHING = "Refreshing"
    DESTROYING = "Destroying"
    RETRYING_AFTER_FAILURE = "RetryingAfterFailure"
    LOCK_HELD = "LockHeld"  # another process works on the stack
    STATE_HEALED = "StateHealed"  # a file of the state was damaged; the operator replaced it and compares with AWS next
    INTERRUPTED = "Interrupted"  # the operator stopped during the operation; the next one goes on
    INTERNAL_ERROR = "InternalError"  # an error that nobody thought of
    # Stalled
    SPEC_INVALID = "SpecInvalid"
    ACCESS_DENIED = "AccessDenied"
    BUCKET_NAME_TAKEN = "BucketNameTaken"
    TABLE_NAME_TAKEN = "TableNameTaken"
    BUCKET_NOT_EMPTY = "BucketNotEmpty"
    TABLE_NOT_EMPTY = "TableNotEmpty"
    TRAIL_MISSING = "TrailMissing"
    STATE_UNREADABLE = "StateUnreadable"
    DISK_FULL = "DiskFull"  # the volume of the state, or of temporary files, has no room for an operation
    RETRIES_EXHAUSTED = "RetriesExhausted"
    CREDENTIALS_MISSING = "CredentialsMissing"
    ACCOUNT_CHANGED = (
        "AccountChanged"  # the credentials belong to another AWS account than the one in which the pipeline was built
    )
    SEVERAL_DEFAULTS = "SeveralDefaults"  # of an AWSAccount: another one is marked default too
    IN_USE = "InUse"  # of an AWSAccount that is being deleted: pipelines were built with it
    # Synced
    IN_SYNC = "InSync"
    # Events only
    CREATED = "Created"
    UPDATED = "Updated"
    DRIFT_CORRECTED = "DriftCorrected"
    DESTROYED = "Destroyed"
    RETAINED = "Retained"
    PURGED = "Purged"
    LOCK_BROKEN = "LockBroken"
    RUNTIME_DEPRECATED = "RuntimeDeprecated"
    WILDCARD_PERMISSION = "WildcardPermission"  # processor.permissions allows an action on every resource
    FILTER_OVERLAPS = "FilterOverlaps"  # another pipeline processes some of the same objects
