"""The use case with AWSAccounts: where a pipeline is built, what keeps it from that, and how it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import KEY
from fakes import ACCOUNT, FakeCloud
from ingestion_operator.blueprint.place import Place
from ingestion_operator.reasons import Reason
from unit.reconcile_world import DATA_BUCKET, WAITING, World
from unit.test_accounts import ROLE, body

NUMBER = "210987654321"
SEARCH: dict[str, Any] = {"accountRef": {"name": "search"}}


@pytest.fixture
def world() -> World:
    found = World()
    found.cluster.accounts_by_name["search"] = body()
    return found


def account(world: World, name: str = "search") -> dict[str, Any]:
    return world.cluster.accounts_by_name[name]


def test_a_pipeline_is_built_in_its_account_with_its_role(world: World) -> None:
    world.build(**SEARCH)
    stack, update = world.status.stack, world.last_call.update
    assert stack is not None
    assert (stack.account, stack.account_id) == ("search", NUMBER)
    assert (update.blueprint.place.account_id, update.blueprint.access.role_arn) == (NUMBER, ROLE)
    assert update.stack.access == update.blueprint.access
    assert DATA_BUCKET in world.cloud.others[NUMBER].buckets
    assert world.cloud.buckets == {}
    with world.no_engine_call():
        world.reconcile()


def test_without_an_account_it_is_the_operators_own(world: World) -> None:
    world.build()
    assert world.status.stack is not None
    assert (world.status.stack.account, world.status.stack.account_id) == ("", ACCOUNT)


@pytest.mark.parametrize(
    ("spec", "condition"),
    [
        ({"allowedNamespaces": []}, ("Stalled", "AccessDenied")),
        ({"allowedRegions": ["us-east-1"]}, ("Stalled", "AccessDenied")),
        ({"roleArn": 7}, ("Stalled", "SpecInvalid")),
        (None, ("Reconciling", "DependencyNotReady")),
    ],
    ids=["namespace", "region", "spec", "missing"],
)
def test_what_keeps_it_from_the_account_makes_nothing_and_heals(
    world: World, spec: dict[str, Any] | None, condition: tuple[str, str]
) -> None:
    if spec is None:
        world.cluster.accounts_by_name.clear()
    else:
        account(world)["spec"] |= spec
    world.create(**SEARCH)
    with world.no_engine_call():
        world.reconcile()
    kind, reason = condition
    assert world.conditions[kind] == ("True", reason)
    assert world.status.stack is None
    assert world.cloud.others == {}
    world.cluster.accounts_by_name["search"] = body()
    world.tick(timedelta(seconds=300))
    assert world.is_ready


def test_a_role_that_cannot_be_assumed_stalls_and_heals_by_itself(world: World) -> None:
    world.cloud.closed.add(ROLE)
    world.create(**SEARCH)
    world.reconcile()
    assert world.conditions["Stalled"] == ("True", "AccessDenied")
    world.cloud.closed.clear()
    world.tick(WAITING)
    assert world.is_ready


def test_a_namespace_that_loses_its_leave_is_left_as_it_is_until_it_is_deleted(world: World) -> None:
    world.build(**SEARCH)
    account(world)["spec"]["allowedNamespaces"] = []
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Stalled"] == ("True", "AccessDenied")
    world.remove()
    assert world.verbs[-1] == "destroy"
    assert world.last_call.stack.access is not None
    assert world.last_call.stack.access.role_arn == ROLE


def test_another_role_of_the_account_is_an_update(world: World) -> None:
    world.build(**SEARCH)
    account(world)["spec"]["roleArn"] = f"{ROLE}-2"
    world.reconcile()
    assert world.last_call.update.blueprint.access.role_arn == f"{ROLE}-2"
    assert world.is_ready


def test_the_default_is_for_new_pipelines_and_moves_none(world: World) -> None:
    world.build()
    account(world)["spec"]["default"] = True
    with world.no_engine_call():
        world.reconcile()
    late = world.neighbour("late")
    late.build()
    assert late.status.stack is not None
    assert late.status.stack.account == "search"
    account(world)["spec"]["default"] = False
    other = "arn:aws:iam::333333333333:role/ingestion"
    world.cluster.accounts_by_name["other"] = body("other", default=True, roleArn=other)
    late.change(tags={"a": "b"})
    late.reconcile()
    assert late.last_call.update.blueprint.place.account_id == NUMBER


def test_of_two_defaults_none_is_taken(world: World) -> None:
    account(world)["spec"]["default"] = True
    world.cluster.accounts_by_name["other"] = body("other", default=True)
    world.create()
    with world.no_engine_call():
        world.reconcile()
    assert world.conditions["Ready"] == ("False", "DependencyNotReady")
    assert "other, search are all marked default" in world.message("Ready")
    del world.cluster.accounts_by_name["other"]
    world.tick(WAITING)
    assert world.is_ready


def test_an_account_that_goes_while_a_pipeline_is_begun_is_not_built_in(world: World) -> None:
    reads: list[str] = []
    read = world.cluster.account

    def going(name: str) -> Any:
        reads.append(name)
        return read(name) if len(reads) == 1 else body(deleting=True)

    world.cluster.account = going  # type: ignore[method-assign]
    world.create(**SEARCH)
    with world.no_engine_call():
        world.reconcile()
    assert len(reads) == 2, "once to gather, once after it is recorded"
    assert world.conditions["Ready"] == ("False", "DependencyNotReady")


def test_what_was_built_is_never_taken_to_another_aws_account(world: World) -> None:
    world.build(**SEARCH)
    world.cloud.moved[ROLE] = "999999999999"
    with world.no_engine_call():
        world.reconcile()
        assert world.conditions["Stalled"] == ("True", "AccountChanged")
        world.refused_removal()
    assert world.conditions["Stalled"] == ("True", "AccountChanged")
    world.cloud.moved.clear()
    world.remove()
    assert world.verbs[-1] == "destroy"


def test_neither_is_what_was_built_with_the_operators_own_identity(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.build()
    monkeypatch.setattr(FakeCloud, "place", lambda _, region: Place("999999999999", region))
    with world.no_engine_call():
        world.reconcile()
    assert "the operator's own identity belongs to AWS account 999999999999" in world.message("Stalled")


# Deletion.


def test_data_is_looked_for_where_it_is(world: World) -> None:
    world.build(**SEARCH, deletion={"policy": "Delete"})
    bucket = world.cloud.others[NUMBER].buckets[DATA_BUCKET]
    bucket.objects = 1
    assert DATA_BUCKET in str(world.refused_removal())
    bucket.objects = 0
    world.remove()
    assert world.cloud.others[NUMBER].buckets == {}


def test_a_pipeline_whose_account_is_gone_is_held_until_it_is_there_again(world: World) -> None:
    world.build(**SEARCH)
    del world.cluster.accounts_by_name["search"]
    with world.no_engine_call():
        refused = world.refused_removal()
    assert f"with a role of account {NUMBER}" in str(refused)
    world.cluster.accounts_by_name["search"] = body()
    world.remove()
    assert world.verbs[-1] == "destroy"


def test_everything_can_be_left_in_aws_without_the_account(world: World) -> None:
    world.build(**SEARCH, deletion={"policy": "Retain"})
    del world.cluster.accounts_by_name["search"]
    world.remove()
    assert (world.verbs[-1], world.events[-1]) == ("forget", Reason.RETAINED)


@pytest.mark.parametrize("obstacle", ["missing", "forbidden", "closed", "two defaults"])
@pytest.mark.parametrize("policy", ["RetainData", "Delete"])
def test_a_pipeline_that_was_never_built_goes_without_its_account(world: World, obstacle: str, policy: str) -> None:
    spec: dict[str, Any] = {} if obstacle == "two defaults" else SEARCH
    if obstacle == "missing":
        world.cluster.accounts_by_name.clear()
    elif obstacle == "forbidden":
        account(world)["spec"]["allowedNamespaces"] = []
    elif obstacle == "closed":
        world.cloud.closed.add(ROLE)
    else:
        account(world)["spec"]["default"] = True
        world.cluster.accounts_by_name["other"] = body("other", default=True)
    world.create(**spec, deletion={"policy": policy})
    world.reconcile()
    world.remove()
    assert world.verbs == ["destroy"], "the state is asked whether there is something all the same"
    assert world.last_call.stack.access is None, "and says with what it was built"


def test_a_pipeline_whose_status_was_lost_is_taken_down_as_its_state_says(world: World) -> None:
    world.build(**SEARCH, deletion={"policy": "Delete"})
    world.body["status"] = {}
    world.remove()
    assert world.last_call.verb == "destroy"
    assert world.last_call.stack.access is None
    assert world.cloud.others[NUMBER].buckets == {}
    assert KEY in world.cluster.pipelines_by_key
