"""What is done with a live pipeline: one row for each check, and for their order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, make_blueprint, make_observed, make_operation, make_spec, make_workings
from ingestion_operator.errors import DependencyNotReady, SpecInvalid
from ingestion_operator.model.status import DriftStatus, OperationResult, OperationType, Status, Unfinished
from ingestion_operator.observe.observed import Buildable, Observed, Unbuildable
from ingestion_operator.ports.engine import Scope
from ingestion_operator.reconcile.decide import Decision, Hold, Operate, Report, Skip, Suspend, Yield, decide
from ingestion_operator.reconcile.next_step import Go, Presence

OLD, NEW = make_blueprint(), make_blueprint(tags={"team": "search"})
DONE = make_operation()
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
LATER, EARLIER = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
POD = "system/operator-1/uid-1"


def interrupted(ago: timedelta = timedelta(), applied: Any = OLD) -> Any:
    entry = Unfinished(type=OperationType.UPDATE, pod=POD, start_time=NOW - ago)
    return make_workings(applied, NEW).model_copy(update={"unfinished": {"x": entry}})


ASKED = {"ingestion-operator.io/reconcile-requested-at": "1"}


def failed(retry: Any) -> Any:
    return make_operation(OperationResult.FAILED, 1, retry)


def status(**changes: Any) -> Status:
    return Status(**{"workings": make_workings(OLD), "last_operation": DONE, **changes})


def checked(ago: timedelta) -> DriftStatus:
    return DriftStatus(checked_time=NOW - ago)


CREATE, UPDATE, REFRESH = OperationType.CREATE, OperationType.UPDATE, OperationType.REFRESH
SUSPENDED: dict[str, Any] = {"reconcile": {"suspend": True}}
IGNORING: dict[str, Any] = {"reconcile": {"drift": {"mode": "Ignore"}}}


@pytest.mark.parametrize(
    ("observed", "action"),
    [
        pytest.param(make_observed(wanted=NEW), CREATE, id="a new pipeline is applied"),
        pytest.param(make_observed(status(), wanted=OLD), Skip, id="an applied one is left alone"),
        pytest.param(make_observed(status(), wanted=NEW), UPDATE, id="a changed one is applied"),
        pytest.param(make_observed(wanted=NEW, **SUSPENDED), Suspend, id="a suspended one is left alone"),
        pytest.param(
            make_observed(status(workings=interrupted()), wanted=NEW, **SUSPENDED),
            Suspend,
            id="suspension goes before an interrupted operation",
        ),
        pytest.param(
            make_observed(problem=SpecInvalid("x"), **SUSPENDED), Suspend, id="suspension goes before a problem"
        ),
        pytest.param(make_observed(problem=DependencyNotReady("x")), Report, id="a problem is reported"),
        pytest.param(
            make_observed(status(workings=interrupted()), wanted=OLD),
            REFRESH,
            id="an interrupted operation on an applied pipeline is looked after",
        ),
        pytest.param(
            make_observed(status(workings=interrupted()), wanted=NEW), UPDATE, id="an interrupted change is applied"
        ),
        pytest.param(
            make_observed(status(workings=make_workings(None, NEW), last_operation=failed(LATER)), wanted=NEW),
            Hold,
            id="after a failure the same input waits for its time",
        ),
        pytest.param(
            make_observed(status(workings=make_workings(None, NEW), last_operation=failed(EARLIER)), wanted=NEW),
            CREATE,
            id="and is tried again when that has come",
        ),
        pytest.param(
            make_observed(status(workings=make_workings(None, OLD), last_operation=failed(LATER)), wanted=NEW),
            CREATE,
            id="another input does not wait",
        ),
        pytest.param(
            make_observed(status(workings=make_workings(None, NEW), last_operation=failed(None)), wanted=NEW),
            Hold,
            id="exhausted retries stay so",
        ),
        pytest.param(
            make_observed(
                status(workings=make_workings(None, NEW), last_operation=failed(None)), wanted=NEW, annotations=ASKED
            ),
            CREATE,
            id="unless somebody asks",
        ),
        pytest.param(
            make_observed(status(workings=interrupted(HOUR), last_operation=failed(LATER)), wanted=NEW),
            Hold,
            id="what failed after an interruption waits for its time",
        ),
        pytest.param(
            make_observed(status(workings=interrupted(), last_operation=failed(None)), wanted=NEW),
            UPDATE,
            id="an attempt that was interrupted does not wait for the one before it",
        ),
        pytest.param(
            make_observed(status(last_operation=failed(None)), wanted=OLD),
            REFRESH,
            id="what worked and an older operator gave up is tried again",
        ),
        pytest.param(
            make_observed(status(last_operation=failed(EARLIER)), wanted=OLD),
            REFRESH,
            id="a look that failed is repeated",
        ),
        pytest.param(make_observed(status(), wanted=OLD, annotations=ASKED), REFRESH, id="a request is followed"),
        pytest.param(
            make_observed(status(workings=make_workings(OLD, handled="1")), wanted=OLD, annotations=ASKED),
            Skip,
            id="once",
        ),
        pytest.param(make_observed(status(drift=checked(HOUR)), wanted=OLD), REFRESH, id="drift is looked for in time"),
        pytest.param(
            make_observed(status(drift=checked(HOUR - SECOND), next_check_time=EARLIER), wanted=OLD),
            Skip,
            id="not before, even when something else is to be looked at",
        ),
        pytest.param(
            make_observed(status(drift=checked(HOUR)), wanted=OLD, **IGNORING),
            Skip,
            id="and not when it is to be ignored",
        ),
    ],
)
def test_what_is_done(observed: Observed, action: type[Decision] | OperationType) -> None:
    decision = decide(observed, NOW)
    done = decision.type if isinstance(decision, Operate) else type(decision)
    assert done is action
    assert decision.why


def test_nothing_is_done_while_another_pod_works_but_what_needs_no_operation_is() -> None:
    alive = {POD: Presence.ALIVE}
    busy = decide(make_observed(status(workings=interrupted()), wanted=NEW), NOW, alive)
    assert isinstance(busy, Yield)
    assert "operator pod system/operator-1 " in busy.why
    assert isinstance(
        decide(make_observed(status(workings=interrupted()), wanted=NEW, **SUSPENDED), NOW, alive), Suspend
    )


def test_a_decision_carries_what_it_takes_to_act_on_it() -> None:
    def decided(observed: Observed) -> Decision:
        return decide(observed, NOW)

    new = make_observed(wanted=NEW)
    assert decided(new) == Operate(
        Buildable(make_spec(), NEW), CREATE, Go(Scope.LEFTOVERS, "nothing was applied yet"), "the pipeline changed"
    )
    assert decided(make_observed(status(), wanted=OLD)) == Skip(Buildable(make_spec(), OLD))
    problem = DependencyNotReady("x")
    assert decided(make_observed(problem=problem)) == Report(Unbuildable(problem, make_spec()))
    last = failed(LATER)
    held = make_observed(status(workings=make_workings(None, NEW), last_operation=last), wanted=NEW)
    assert decided(held) == Hold(last, make_spec(), "the next attempt is at 12:00:01")
