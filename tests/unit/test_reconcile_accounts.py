"""The use case with AWSAccounts: where a pipeline is built, what prevents that, and how it is deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import KEY
from fakes import ACCOUNT, FakeCloud
from ingestion_operator.blueprint.place import Place
from ingestion_operator.reasons import Reason
from unit.pipeline_under_test import DATA_BUCKET, WAITING, PipelineUnderTest
from unit.test_accounts import ROLE, body

NUMBER = "210987654321"
SEARCH: dict[str, Any] = {"accountRef": {"name": "search"}}


@pytest.fixture
def pipeline() -> PipelineUnderTest:
    found = PipelineUnderTest()
    found.cluster.accounts_by_name["search"] = body()
    return found


def account(pipeline: PipelineUnderTest, name: str = "search") -> dict[str, Any]:
    return pipeline.cluster.accounts_by_name[name]


def test_a_pipeline_is_built_in_its_account_with_its_role(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH)
    stack, update = pipeline.status.workings, pipeline.last_call.update
    assert stack is not None
    assert (stack.account, stack.account_id) == ("search", NUMBER)
    assert (update.blueprint.place.account_id, update.blueprint.access.role_arn) == (NUMBER, ROLE)
    assert update.stack.access == update.blueprint.access
    assert DATA_BUCKET in pipeline.cloud.others[NUMBER].buckets
    assert pipeline.cloud.buckets == {}
    with pipeline.no_engine_call():
        pipeline.reconcile()


def test_without_an_account_it_is_the_operators_own(pipeline: PipelineUnderTest) -> None:
    pipeline.build()
    assert pipeline.status.workings is not None
    assert (pipeline.status.workings.account, pipeline.status.workings.account_id) == ("", ACCOUNT)


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
    pipeline: PipelineUnderTest, spec: dict[str, Any] | None, condition: tuple[str, str]
) -> None:
    if spec is None:
        pipeline.cluster.accounts_by_name.clear()
    else:
        account(pipeline)["spec"] |= spec
    pipeline.create(**SEARCH)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    kind, reason = condition
    assert pipeline.conditions[kind] == ("True", reason)
    assert pipeline.status.begun is None
    assert pipeline.cloud.others == {}
    pipeline.cluster.accounts_by_name["search"] = body()
    pipeline.tick(timedelta(seconds=300))
    assert pipeline.is_ready


def test_a_role_that_cannot_be_assumed_stalls_and_heals_by_itself(pipeline: PipelineUnderTest) -> None:
    pipeline.cloud.closed.add(ROLE)
    pipeline.create(**SEARCH)
    pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "AccessDenied")
    pipeline.cloud.closed.clear()
    pipeline.tick(WAITING)
    assert pipeline.is_ready


def test_a_namespace_that_loses_its_leave_is_left_as_it_is_until_it_is_deleted(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH)
    account(pipeline)["spec"]["allowedNamespaces"] = []
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Stalled"] == ("True", "AccessDenied")
    pipeline.remove()
    assert pipeline.verbs[-1] == "destroy"
    assert pipeline.last_call.stack.access is not None
    assert pipeline.last_call.stack.access.role_arn == ROLE


def test_another_role_of_the_account_is_an_update(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH)
    account(pipeline)["spec"]["roleArn"] = f"{ROLE}-2"
    pipeline.reconcile()
    assert pipeline.last_call.update.blueprint.access.role_arn == f"{ROLE}-2"
    assert pipeline.is_ready


def test_the_default_is_for_new_pipelines_and_moves_none(pipeline: PipelineUnderTest) -> None:
    pipeline.build()
    account(pipeline)["spec"]["default"] = True
    with pipeline.no_engine_call():
        pipeline.reconcile()
    late = pipeline.neighbour("late")
    late.build()
    assert late.status.workings is not None
    assert late.status.workings.account == "search"
    account(pipeline)["spec"]["default"] = False
    other = "arn:aws:iam::333333333333:role/ingestion"
    pipeline.cluster.accounts_by_name["other"] = body("other", default=True, roleArn=other)
    late.change(tags={"a": "b"})
    late.reconcile()
    assert late.last_call.update.blueprint.place.account_id == NUMBER


def test_of_two_defaults_none_is_taken(pipeline: PipelineUnderTest) -> None:
    account(pipeline)["spec"]["default"] = True
    pipeline.cluster.accounts_by_name["other"] = body("other", default=True)
    pipeline.create()
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert pipeline.conditions["Ready"] == ("False", "DependencyNotReady")
    assert "other, search are all marked default" in pipeline.message("Ready")
    del pipeline.cluster.accounts_by_name["other"]
    pipeline.tick(WAITING)
    assert pipeline.is_ready


def test_an_account_that_goes_while_a_pipeline_is_begun_is_not_built_in(pipeline: PipelineUnderTest) -> None:
    reads: list[str] = []
    read = pipeline.cluster.account

    def going(name: str) -> Any:
        reads.append(name)
        return read(name) if len(reads) == 1 else body(deleting=True)

    pipeline.cluster.account = going  # type: ignore[method-assign]
    pipeline.create(**SEARCH)
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert len(reads) == 2, "once to gather, once after it is recorded"
    assert pipeline.conditions["Ready"] == ("False", "DependencyNotReady")


def test_what_was_built_is_never_taken_to_another_aws_account(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH)
    pipeline.cloud.moved[ROLE] = "999999999999"
    with pipeline.no_engine_call():
        pipeline.reconcile()
        assert pipeline.conditions["Stalled"] == ("True", "AccountChanged")
        pipeline.refused_removal()
    assert pipeline.conditions["Stalled"] == ("True", "AccountChanged")
    pipeline.cloud.moved.clear()
    pipeline.remove()
    assert pipeline.verbs[-1] == "destroy"


def test_neither_is_what_was_built_with_the_operators_own_identity(
    pipeline: PipelineUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.build()
    monkeypatch.setattr(FakeCloud, "place", lambda _, region: Place("999999999999", region))
    with pipeline.no_engine_call():
        pipeline.reconcile()
    assert "the operator's own identity belongs to AWS account 999999999999" in pipeline.message("Stalled")


# Deletion.


def test_data_is_looked_for_where_it_is(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH, deletion={"policy": "Delete"})
    bucket = pipeline.cloud.others[NUMBER].buckets[DATA_BUCKET]
    bucket.objects = 1
    assert DATA_BUCKET in str(pipeline.refused_removal())
    bucket.objects = 0
    pipeline.remove()
    assert pipeline.cloud.others[NUMBER].buckets == {}


def test_a_pipeline_whose_account_is_gone_is_held_until_it_is_there_again(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH)
    del pipeline.cluster.accounts_by_name["search"]
    with pipeline.no_engine_call():
        refused = pipeline.refused_removal()
    assert f"with a role of account {NUMBER}" in str(refused)
    pipeline.cluster.accounts_by_name["search"] = body()
    pipeline.remove()
    assert pipeline.verbs[-1] == "destroy"


def test_everything_can_be_left_in_aws_without_the_account(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH, deletion={"policy": "Retain"})
    del pipeline.cluster.accounts_by_name["search"]
    pipeline.remove()
    assert (pipeline.verbs[-1], pipeline.events[-1]) == ("forget", Reason.RETAINED)


@pytest.mark.parametrize("obstacle", ["missing", "forbidden", "closed", "two defaults"])
@pytest.mark.parametrize("policy", ["RetainData", "Delete"])
def test_a_pipeline_that_was_never_built_goes_without_its_account(
    pipeline: PipelineUnderTest, obstacle: str, policy: str
) -> None:
    spec: dict[str, Any] = {} if obstacle == "two defaults" else SEARCH
    if obstacle == "missing":
        pipeline.cluster.accounts_by_name.clear()
    elif obstacle == "forbidden":
        account(pipeline)["spec"]["allowedNamespaces"] = []
    elif obstacle == "closed":
        pipeline.cloud.closed.add(ROLE)
    else:
        account(pipeline)["spec"]["default"] = True
        pipeline.cluster.accounts_by_name["other"] = body("other", default=True)
    pipeline.create(**spec, deletion={"policy": policy})
    pipeline.reconcile()
    pipeline.remove()
    assert pipeline.verbs == ["destroy"], "the state is asked whether there is something all the same"
    assert pipeline.last_call.stack.access is None, "and says with what it was built"


def test_a_pipeline_whose_status_was_lost_is_taken_down_as_its_state_says(pipeline: PipelineUnderTest) -> None:
    pipeline.build(**SEARCH, deletion={"policy": "Delete"})
    pipeline.body["status"] = {}
    pipeline.remove()
    assert pipeline.last_call.verb == "destroy"
    assert pipeline.last_call.stack.access is None
    assert pipeline.cloud.others[NUMBER].buckets == {}
    assert KEY in pipeline.cluster.pipelines_by_key
