"""Translates the errors of the Pulumi CLI into the project's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pulumi import automation

from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.state_messages import DISK_FULL, advice_on
from ingestion_operator.errors import (
    AccessDenied,
    BucketNameTaken,
    DiskFull,
    LockHeld,
    PipelineError,
    StateUnreadable,
    UpdateFailed,
)
from ingestion_operator.wording import CLOCK_ADVICE, WRONG_CLOCK

MESSAGE_ERRORS = 3
KINDS: tuple[tuple[re.Pattern[str], type[PipelineError], str], ...] = (
    (WRONG_CLOCK, UpdateFailed, CLOCK_ADVICE),
    (
        re.compile(r"BucketAlreadyExists|BucketAlreadyOwnedByYou"),
        BucketNameTaken,
        "choose another source.bucket.name",
    ),
    (
        # Lambda's message about a role that is new must not match, because that error goes away by itself.
        re.compile(r"Cannot assume IAM Role|perform: sts:(AssumeRole|TagSession)|AWS account ID not allowed"),
        AccessDenied,
        "the condition of the AWSAccount says what its role needs",
    ),
    (
        re.compile(r"AccessDenied|UnauthorizedOperation|not authorized to perform", re.IGNORECASE),
        AccessDenied,
        "give the operator's identity this permission",
    ),
    (DISK_FULL, DiskFull, "enlarge this volume, or free room on it"),
)
"""What the CLI says, the error that it stands for, and what to do. The first that matches counts."""


@contextmanager
def translate(collector: EventCollector) -> Iterator[None]:
    """Translate the errors of the Automation API. Raises LockHeld, StateUnreadable or an error that `classify` chooses."""
    try:
        yield
    except automation.ConcurrentUpdateError as error:
        raise LockHeld(f"another process holds the lock of the stack: {lock_holder(str(error))}") from error
    except automation.StackNotFoundError as error:
        raise StateUnreadable(
            "the stack's state is gone from the backend: restore it from a backup of the state"
        ) from error
    except automation.CommandError as error:
        # Secrets are hidden before the text is put on one line. After that, a secret of several lines would not be recognized.
        raise classify(collector.errors() or (_stderr(collector.hidden(str(error))),)) from None


def classify(messages: tuple[str, ...]) -> PipelineError:
    """The error that these messages stand for. Only the first few messages are quoted."""
    text = "; ".join(messages[:MESSAGE_ERRORS]) + (
        f"; and {len(messages) - MESSAGE_ERRORS} more" if len(messages) > MESSAGE_ERRORS else ""
    )
    for pattern, kind, to_do in KINDS:
        if pattern.search(text):
            return kind(f"{text}: {to_do}")
    if advice := advice_on(text):
        return StateUnreadable(f"{text}: {advice}")
    return UpdateFailed(text)


def _stderr(text: str) -> str:
    """The part of a CommandError that helps a person: what the CLI wrote to stderr."""
    stderr = re.search(r"stderr:(.*)", text, re.DOTALL)
    return " ".join((stderr.group(1) if stderr else text).split()) or "the pulumi CLI failed without a message"


def lock_holder(text: str) -> str:
    """User, host, process and time of a lock, as the CLI's message names them."""
    holder = re.search(r"created by .*", text)
    return holder.group(0) if holder else "unknown holder"
