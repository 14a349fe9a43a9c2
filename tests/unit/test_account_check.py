"""What the status of an AWSAccount says, and when the account may be deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import NOW
from fakes import FakeCloud, FakeCluster, FakeCodeCheck, FakeEngine
from ingestion_operator.errors import UpdateFailed
from ingestion_operator.model.account import AccountStatus, parse_account
from ingestion_operator.model.pipeline import PipelineKey
from ingestion_operator.reconcile.account_check import AccountCheck
from ingestion_operator.reconcile.context import Context, StillThere
from ingestion_operator.status.schedule import Backoff
from unit.test_accounts import ROLE, body

BACKOFF = Backoff(cap_seconds=300, waiting_seconds=15)


class AccountsUnderTest:
    """One cluster and one AWS."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self.now = NOW
        self.cluster = FakeCluster(accounts_by_name={found["metadata"]["name"]: found for found in bodies})
        self.cloud = FakeCloud()
        context = Context(
            self.cluster,
            self.cloud,
            FakeEngine(self.cloud),
            "us-east-1",
            BACKOFF,
            clock=lambda: self.now,
            code_check=FakeCodeCheck(),
        )
        self.accounts = AccountCheck(context)

    def status(self, name: str = "search") -> AccountStatus:
        return parse_account(self.cluster.accounts_by_name[name]).status

    def conditions(self, name: str = "search") -> dict[str, tuple[str, str]]:
        return {c.type: (c.status.value, c.reason) for c in self.status(name).conditions}

    def message(self, name: str = "search") -> str:
        found = self.status(name).condition("Ready")
        return found.message if found else ""

    def build(self, name: str) -> None:
        key = PipelineKey("team-a", name)
        stack = {"name": "s", "region": "r", "account": "search", "accountId": "210987654321"}
        metadata = {"namespace": key.namespace, "name": name, "uid": name}
        self.cluster.pipelines_by_key[key] = {"metadata": metadata, "status": {"workings": stack}}


def test_a_role_that_can_be_assumed_is_said_with_who_may_use_it() -> None:
    tested = AccountsUnderTest(body(allowedNamespaces=["search", "search-*"], allowedRegions=["eu-west-1"]))
    tested.build("words")
    tested.accounts.check("search")
    status = tested.status()
    assert tested.conditions() == {"Ready": ("True", "Assumed")}
    assert (status.account_id, status.pipelines, status.observed_generation) == ("210987654321", 1, 1)
    assert status.assumed_role_arn == "arn:aws:sts::210987654321:assumed-role/r/ingestion-operator-test"
    assert status.assumed_role_arn in tested.message()
    assert "pipelines of search, search-* may be built in eu-west-1" in tested.message()
    assert status.next_check_time == NOW + timedelta(seconds=300)


def test_an_account_that_nobody_may_use_says_so() -> None:
    tested = AccountsUnderTest(body(allowedNamespaces=[]))
    tested.accounts.check("search")
    assert "no namespace may use the account yet: add one to allowedNamespaces" in tested.message()


def test_a_role_that_cannot_be_assumed_is_tried_again_soon_and_heals() -> None:
    tested = AccountsUnderTest(body())
    tested.cloud.closed.add(ROLE)
    assert tested.accounts.check("search") == NOW + timedelta(seconds=15)
    assert tested.conditions() == {"Ready": ("False", "AccessDenied"), "Stalled": ("True", "AccessDenied")}
    assert "sts:AssumeRole" in tested.message()
    assert tested.status().next_check_time == NOW + timedelta(seconds=15)
    tested.cloud.closed.clear()
    tested.now += timedelta(seconds=15)
    tested.accounts.check("search")
    assert tested.conditions() == {"Ready": ("True", "Assumed")}
    changed = tested.status().condition("Ready")
    assert changed is not None
    assert changed.last_transition_time == tested.now


def test_an_answer_that_says_nothing_of_the_role_does_not_flip_it() -> None:
    tested = AccountsUnderTest(body())
    tested.accounts.check("search")
    tested.cloud.others["210987654321"].failures.append(UpdateFailed("throttled"))
    tested.accounts.check("search")
    assert tested.conditions() == {"Ready": ("True", "Assumed"), "Reconciling": ("True", "RetryingAfterFailure")}


def test_an_error_nobody_thought_of_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    tested = AccountsUnderTest(body())
    tested.accounts.check("search")
    tested.cloud.others["210987654321"].failures.append(ZeroDivisionError("s3cret"))
    assert tested.accounts.check("search") == NOW + timedelta(seconds=15)
    assert tested.conditions() == {"Ready": ("True", "Assumed"), "Reconciling": ("True", "InternalError")}
    reconciling = tested.status().condition("Reconciling")
    assert reconciling is not None
    assert reconciling.message.startswith("unexpected ZeroDivisionError in cloud.py, line ")
    assert "s3cret" not in reconciling.message
    assert caplog.records[-1].exc_info


def test_a_spec_that_cannot_be_read_is_said() -> None:
    tested = AccountsUnderTest(body(sessionDurationSeconds="long"))
    tested.accounts.check("search")
    assert tested.conditions()["Stalled"] == ("True", "SpecInvalid")


def test_a_second_default_is_said_in_both_at_once_and_taken_back_in_both() -> None:
    tested = AccountsUnderTest(body("blue", default=True), body("green", default=True), body())
    tested.accounts.check("blue")
    tested.accounts.changed("green")
    for name in ("blue", "green"):
        assert tested.conditions(name)["Stalled"] == ("True", "SeveralDefaults")
    tested.cluster.accounts_by_name["blue"]["spec"]["default"] = False
    assert tested.accounts.changed("blue") == tested.status("blue").next_check_time
    for name in ("blue", "green"):
        assert tested.conditions(name) == {"Ready": ("True", "Assumed")}
    assert tested.conditions() == {}, "an account that has nothing to do with it is not tried"


def test_nothing_is_written_when_nothing_has_changed_but_the_time() -> None:
    tested = AccountsUnderTest(body())
    tested.accounts.check("search")
    before = tested.cluster.accounts_by_name["search"]["status"]
    tested.accounts.check("search")
    assert tested.cluster.accounts_by_name["search"]["status"] == before


def test_an_account_with_pipelines_is_held_and_says_which() -> None:
    tested = AccountsUnderTest(body(deleting=True))
    for name in ("d", "a", "c", "b"):
        tested.build(name)
    with pytest.raises(StillThere) as held:
        tested.accounts.release("search")
    assert held.value.delay_seconds == BACKOFF.waiting_seconds
    assert tested.conditions() == {"Ready": ("False", "Deleting"), "Stalled": ("True", "InUse")}
    assert "team-a/a, team-a/b, team-a/c and 1 more. Delete them first" in tested.message()
    assert tested.status().pipelines == 4
    tested.accounts.check("search")
    assert tested.conditions()["Ready"] == ("False", "Deleting"), "an account that goes is not tried any more"
    tested.cluster.pipelines_by_key.clear()
    tested.accounts.release("search")


def test_what_is_not_known_is_no_reason_to_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = AccountsUnderTest(body(deleting=True))

    def fail() -> None:
        raise UpdateFailed("Kubernetes does not answer")

    monkeypatch.setattr(tested.cluster, "pipelines", fail)
    with pytest.raises(StillThere, match="does not answer"):
        tested.accounts.release("search")


def test_an_account_that_is_gone_needs_nothing() -> None:
    tested = AccountsUnderTest()
    tested.accounts.check("search")
    tested.accounts.release("search")
