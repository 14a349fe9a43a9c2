"""The conditions: each constructor gives the complete set, and time moves only with a status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from builders import NOW
from ingestion_operator.model.status import Condition, Status
from ingestion_operator.reasons import Reason
from ingestion_operator.status.conditions import Conditions, ConditionSet
from ingestion_operator.wording import MESSAGE_LIMIT, shorten

FRESH = ConditionSet(Status(), 1, NOW)
LATER = NOW + timedelta(hours=1)


def after(conditions: Conditions) -> ConditionSet:
    """The next moment, an hour and a generation later."""
    return ConditionSet(Status(conditions=conditions), 2, LATER)


def said(conditions: Conditions) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status.value, c.reason) for c in conditions}


def of(conditions: Conditions, kind: str) -> Condition:
    return next(c for c in conditions if c.type == kind)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(
            lambda m: m.provisioned("x"),
            {"Ready": ("True", "Provisioned"), "Synced": ("True", "InSync")},
            id="a provisioned pipeline is ready and in sync",
        ),
        pytest.param(
            lambda m: m.drift_corrected("x"),
            {"Ready": ("True", "Provisioned"), "Synced": ("True", "InSync")},
            id="so is one whose drift was corrected",
        ),
        pytest.param(
            lambda m: m.progressing(Reason.CREATING, "x"),
            {"Ready": ("False", "Progressing"), "Reconciling": ("True", "Creating")},
            id="a creation under way is not ready yet",
        ),
        pytest.param(
            lambda m: m.progressing(Reason.REFRESHING, "x"),
            {"Ready": ("False", "Progressing"), "Reconciling": ("True", "Refreshing")},
            id="nor does a look make ready what never was",
        ),
        pytest.param(
            lambda m: m.waiting(Reason.DEPENDENCY_NOT_READY, "x"),
            {"Ready": ("False", "DependencyNotReady"), "Reconciling": ("True", "DependencyNotReady")},
            id="what must come first is waited for",
        ),
        pytest.param(
            lambda m: m.waiting(Reason.LOCK_HELD, "x"),
            {"Ready": ("False", "Progressing"), "Reconciling": ("True", "LockHeld")},
            id="what is waited for is the reason of Reconciling",
        ),
        pytest.param(
            lambda m: m.waiting(Reason.STATE_HEALED, "x"),
            {"Ready": ("False", "Progressing"), "Reconciling": ("True", "StateHealed")},
            id="healed state goes on in a moment",
        ),
        pytest.param(
            lambda m: m.waiting(Reason.PROPAGATING, "x"),
            {"Ready": ("False", "Propagating"), "Reconciling": ("True", "Propagating")},
            id="what is applied and not seen yet is propagating",
        ),
        pytest.param(
            lambda m: m.retrying(Reason.RETRYING_AFTER_FAILURE, "x"),
            {"Ready": ("False", "Failed"), "Reconciling": ("True", "RetryingAfterFailure")},
            id="a failure that is tried again is not stalled",
        ),
        pytest.param(
            lambda m: m.stalled(Reason.ACCESS_DENIED, "x"),
            {"Ready": ("False", "Failed"), "Stalled": ("True", "AccessDenied")},
            id="what needs a person is stalled and not reconciling",
        ),
        pytest.param(lambda m: m.suspended(), {"Ready": ("False", "Suspended")}, id="a suspended one does nothing"),
        pytest.param(
            lambda m: m.deleting("x"),
            {"Ready": ("False", "Deleting"), "Reconciling": ("True", "Destroying")},
            id="a deletion is under way",
        ),
        pytest.param(
            lambda m: m.deleting("x", retrying=Reason.LOCK_HELD),
            {"Ready": ("False", "Deleting"), "Reconciling": ("True", "LockHeld")},
            id="a deletion is tried again",
        ),
        pytest.param(
            lambda m: m.deleting("x", stalled=Reason.BUCKET_NOT_EMPTY),
            {"Ready": ("False", "Deleting"), "Stalled": ("True", "BucketNotEmpty")},
            id="a deletion needs a person",
        ),
    ],
)
def test_each_outcome_has_its_complete_set(
    make: Callable[[ConditionSet], Conditions], expected: dict[str, tuple[str, str]]
) -> None:
    assert said(make(FRESH)) == expected
    assert {c.observed_generation for c in make(FRESH)} == {1}


def test_what_no_longer_holds_is_taken_away() -> None:
    stalled = FRESH.stalled(Reason.ACCESS_DENIED, "x")
    assert "Stalled" not in said(after(stalled).provisioned("x"))
    retrying = FRESH.retrying(Reason.RETRYING_AFTER_FAILURE, "x")
    assert "Reconciling" not in said(after(retrying).stalled(Reason.ACCESS_DENIED, "x"))


def test_time_moves_with_the_status_and_not_with_reason_or_message() -> None:
    first = FRESH.retrying(Reason.RETRYING_AFTER_FAILURE, "one")
    second = after(first).waiting(Reason.LOCK_HELD, "two")
    for kind in ("Ready", "Reconciling"):
        assert of(second, kind).last_transition_time == NOW
        assert of(second, kind).message == "two"
    third = after(second).provisioned("three")
    assert of(third, "Ready").last_transition_time == LATER


def test_a_look_keeps_what_a_ready_pipeline_says() -> None:
    ready = FRESH.provisioned("as it should be")
    look = after(ready).progressing(Reason.REFRESHING, "looking")
    assert said(look)["Ready"] == ("True", "Provisioned")
    assert of(look, "Ready").message == "as it should be"
    assert said(look)["Reconciling"] == ("True", "Refreshing")


def test_an_update_makes_a_ready_pipeline_unready() -> None:
    update = after(FRESH.provisioned("x")).progressing(Reason.UPDATING, "x")
    assert said(update)["Ready"] == ("False", "Progressing")


def test_the_last_look_is_remembered_until_the_next() -> None:
    ready = FRESH.provisioned("x")
    failed = after(ready).retrying(Reason.RETRYING_AFTER_FAILURE, "x")
    assert of(failed, "Synced") == of(ready, "Synced")


@pytest.mark.parametrize(
    ("length", "kept"), [(0, 0), (MESSAGE_LIMIT, MESSAGE_LIMIT), (MESSAGE_LIMIT + 1, MESSAGE_LIMIT)], ids=str
)
def test_a_message_is_cut_only_where_it_is_too_long(length: int, kept: int) -> None:
    found = shorten("x" * length)
    assert len(found) == kept
    assert found.endswith("…") == (length > MESSAGE_LIMIT)
    assert len(of(FRESH.stalled(Reason.ACCESS_DENIED, "x" * length), "Stalled").message) == kept
