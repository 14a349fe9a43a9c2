"""Which warning Events are new.

The status remembers the reason and a hash of the message of each remark for as long as the remark is true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingestion_operator.model.status import Status, Workings
from ingestion_operator.reasons import Reason

HASH_LENGTH = 12


class Remark(Protocol):
    """Something that a user should know."""

    @property
    def reason(self) -> Reason:
        """The reason of the Event."""

    @property
    def message(self) -> str:
        """What the Event says."""


@dataclass(frozen=True)
class Warned:
    """The status with the remarks that are true now, and those of them that need an Event."""

    status: Status
    new: tuple[Remark, ...]


def warned(before: Status, status: Status, remarks: Sequence[Remark], still_true: Iterable[Remark] = ()) -> Warned:
    """Remember these remarks in `status` and forget all others.

    A remark is new unless `before` remembers it. `still_true` are remarks that need no Event now. Those that `before`
    remembers stay remembered, so that the operator does not announce them again.
    """
    known = _marks(before)
    kept = [mark_of(remark) for remark in still_true if mark_of(remark) in known]
    marks = dict.fromkeys((*map(mark_of, remarks), *kept))
    return Warned(_remembering(status, tuple(marks)), _new(remarks, known))


def _marks(status: Status) -> frozenset[str]:
    return frozenset((status.workings and status.workings.warned) or ())


def _remembering(status: Status, marks: tuple[str, ...]) -> Status:
    if not marks and status.workings is None:
        return status
    workings = status.workings or Workings()
    return status.model_copy(update={"workings": workings.model_copy(update={"warned": marks or None})})


def mark_of(remark: Remark) -> str:
    """What the status remembers about a remark: `<reason>:<hash of the whole message>`."""
    digest = hashlib.sha256(remark.message.encode()).hexdigest()[:HASH_LENGTH]
    return f"{remark.reason.value}:{digest}"


def _new(remarks: Sequence[Remark], known: Collection[str]) -> tuple[Remark, ...]:
    by_mark = {mark_of(remark): remark for remark in remarks}
    return tuple(remark for mark, remark in by_mark.items() if mark not in known)
