"""What is done with a live pipeline: one row for each check, and for their order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, make_blueprint, make_observed, make_operation, make_stack
from ingestion_operator.errors import DependencyNotReady, SpecInvalid
from ingestion_operator.model.status import DriftStatus, Operation, OperationResult, OperationType, Status
from ingestion_operator.reconcile.decide import Action, decide

OLD, NEW = make_blueprint(), make_blueprint(tags={"team": "search"})
DONE = make_operation()
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
RUNNING = Operation(type=OperationType.UPDATE, id="x", start_time=NOW)
ASKED = {"ingestion-operator.io/reconcile-requested-at": "1"}


def failed(retry: Any) -> Any:
    return make_operation(OperationResult.FAILED, 1, retry)


def status(**changes: Any) -> Status:
    return Status(**{"stack": make_stack(OLD), "last_operation": DONE, **changes})


def checked(ago: timedelta) -> DriftStatus:
    return DriftStatus(checked_time=NOW - ago)


SUSPENDED: dict[str, Any] = {"reconcile": {"suspend": True}}
IGNORING: dict[str, Any] = {"reconcile": {"drift": {"mode": "Ignore"}}}


@pytest.mark.parametrize(
    ("observed", "action"),
    [
        pytest.param(make_observed(wanted=NEW), Action.APPLY, id="a new pipeline is applied"),
        pytest.param(make_observed(status(), wanted=OLD), Action.SKIP, id="an applied one is left alone"),
        pytest.param(make_observed(status(), wanted=NEW), Action.APPLY, id="a changed one is applied"),
        pytest.param(make_observed(wanted=NEW, **SUSPENDED), Action.SUSPEND, id="a suspended one is left alone"),
        pytest.param(
            make_observed(status(operation=RUNNING), wanted=NEW, **SUSPENDED),
            Action.SUSPEND,
            id="suspension goes before an interrupted operation",
        ),
        pytest.param(
            make_observed(problem=SpecInvalid("x"), **SUSPENDED), Action.SUSPEND, id="suspension goes before a problem"
        ),
        pytest.param(make_observed(problem=DependencyNotReady("x")), Action.REPORT, id="a problem is reported"),
        pytest.param(
            make_observed(status(operation=RUNNING), wanted=OLD),
            Action.REFRESH,
            id="an interrupted operation on an applied pipeline is looked after",
        ),
        pytest.param(
            make_observed(status(operation=RUNNING), wanted=NEW), Action.APPLY, id="an interrupted change is applied"
        ),
        pytest.param(
            make_observed(status(stack=make_stack(None, NEW), last_operation=failed(LATER)), wanted=NEW),
            Action.HOLD,
            id="after a failure the same input waits for its time",
        ),
        pytest.param(
            make_observed(status(stack=make_stack(None, NEW), last_operation=failed(EARLIER)), wanted=NEW),
            Action.APPLY,
            id="and is tried again when that has come",
        ),
        pytest.param(
            make_observed(status(stack=make_stack(None, OLD), last_operation=failed(LATER)), wanted=NEW),
            Action.APPLY,
            id="another input does not wait",
        ),
        pytest.param(
            make_observed(status(stack=make_stack(None, NEW), last_operation=failed(None)), wanted=NEW),
            Action.HOLD,
            id="exhausted retries stay so",
        ),
        pytest.param(
            make_observed(
                status(stack=make_stack(None, NEW), last_operation=failed(None)), wanted=NEW, annotations=ASKED
            ),
            Action.APPLY,
            id="unless somebody asks",
        ),
        pytest.param(
            make_observed(status(last_operation=failed(EARLIER)), wanted=OLD),
            Action.REFRESH,
            id="a look that failed is repeated",
        ),
        pytest.param(
            make_observed(status(), wanted=OLD, annotations=ASKED), Action.REFRESH, id="a request is followed"
        ),
        pytest.param(
            make_observed(status(stack=make_stack(OLD, handled="1")), wanted=OLD, annotations=ASKED),
            Action.SKIP,
            id="once",
        ),
        pytest.param(
            make_observed(status(drift=checked(HOUR)), wanted=OLD), Action.REFRESH, id="drift is looked for in time"
        ),
        pytest.param(
            make_observed(status(drift=checked(HOUR - SECOND), next_check_time=EARLIER), wanted=OLD),
            Action.SKIP,
            id="not before, even when something else is to be looked at",
        ),
        pytest.param(
            make_observed(status(drift=checked(HOUR)), wanted=OLD, **IGNORING),
            Action.SKIP,
            id="and not when it is to be ignored",
        ),
    ],
)
def test_what_is_done(observed: Any, action: Action) -> None:
    decision = decide(observed, NOW)
    assert decision.action is action
    assert decision.why
