"""The handlers against a real API server: what they ask of the engine, and how they react. Engine and cloud are fakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ingestion_operator.errors import AccessDenied, LockHeld, UpdateFailed
from ingestion_operator.reconcile.account_check import AccountCheck
from integration.handlers_user import User, operator, user
from integration.running import Running

__all__ = ["operator", "user"]


def test_a_new_pipeline_is_created_once(operator: Running, user: User) -> None:
    user.apply()
    found = user.wait_ready()

    assert operator.verbs == ["create"]
    assert found["metadata"]["finalizers"] == ["ingestion-operator.io/finalizer"]
    assert "operation" not in found["status"]


def test_a_change_that_changes_nothing_in_aws_calls_nothing(operator: Running, user: User) -> None:
    user.apply()
    user.wait_ready()
    user.patch({"spec": {"deletion": {"policy": "Retain"}}})
    user.wait_ready()

    assert operator.verbs == ["create"]


def test_a_changed_spec_is_applied(operator: Running, user: User) -> None:
    user.apply()
    user.wait_ready()
    user.patch({"spec": {"processor": {"memoryMiB": 1024}}})
    user.wait("the update", lambda: operator.verbs == ["create", "update"])
    user.wait_ready()


def test_a_failed_update_is_tried_again_by_itself(operator: Running, user: User) -> None:
    operator.engine.failures.append(UpdateFailed("throttled"))
    user.apply()
    user.wait_ready()

    assert len(operator.verbs) == 2


def test_retries_are_given_up_at_last_and_a_mended_spec_begins_anew(operator: Running, user: User) -> None:
    operator.engine.failures += [UpdateFailed("no luck")] * 3
    user.apply()
    user.wait("the end of the retries", lambda: user.condition("Stalled").get("reason") == "RetriesExhausted")
    assert len(operator.verbs) == 3

    user.patch({"spec": {"processor": {"memoryMiB": 1024}}})
    user.wait_ready()
    assert user.condition("Stalled") == {}


def test_a_missing_permission_stalls_with_its_reason(operator: Running, user: User) -> None:
    operator.engine.failures += [AccessDenied("iam:CreateRole: give the operator's identity this permission")]
    user.apply()

    stalled = user.wait("stalled", lambda: user.condition("Stalled"))
    assert stalled["reason"] == "AccessDenied"
    user.wait_ready()


def test_a_held_lock_is_waited_for(operator: Running, user: User) -> None:
    operator.engine.failures += [LockHeld("created by root@elsewhere (pid 7)")]
    user.apply()

    user.wait("waiting", lambda: user.condition("Reconciling").get("reason") == "LockHeld")
    user.wait_ready()


def test_a_config_map_that_appears_and_changes_is_deployed(operator: Running, user: User) -> None:
    user.apply(processor={"code": {"configMapRef": {"name": "code"}}})
    user.wait("waiting", lambda: user.condition("Ready").get("reason") == "DependencyNotReady")
    assert operator.verbs == []

    user.run("create", "configmap", "code", "--from-literal=index.py=def handler(event, context): return 1")
    user.wait_ready()
    patch = {"data": {"index.py": "def handler(event, context): return 2"}}
    user.run("patch", "configmap", "code", "--type=merge", "-p", json.dumps(patch))
    user.wait("the update", lambda: operator.verbs == ["create", "update"])


def test_a_failed_destroy_keeps_the_finalizer_until_one_succeeds(operator: Running, user: User) -> None:
    user.apply()
    user.wait_ready()
    operator.engine.failures += [UpdateFailed("throttled"), AccessDenied("lambda:DeleteFunction")]
    user.run("delete", "ipl", "words", "--wait=false")
    user.wait_gone()

    assert operator.verbs == ["create", "destroy", "destroy", "destroy"]
    assert operator.engine.stacks == {}


def test_an_error_nobody_thought_of_does_not_drop_the_finalizer(operator: Running, user: User) -> None:
    user.apply()
    user.wait_ready()
    operator.engine.failures += [ZeroDivisionError("a bug")]
    user.run("delete", "ipl", "words", "--wait=false")
    user.wait_gone()

    assert operator.verbs == ["create", "destroy", "destroy"]


def test_a_full_bucket_holds_the_deletion_until_its_purge_is_confirmed(operator: Running, user: User) -> None:
    user.apply(deletion={"policy": "Delete"})
    bucket = user.wait_ready()["status"]["outputs"]["bucketName"]
    operator.cloud.buckets[bucket].objects = 3
    user.run("delete", "ipl", "words", "--wait=false")
    user.wait("the question", lambda: user.condition("Stalled").get("reason") == "BucketNotEmpty")
    assert operator.verbs == ["create"], "nothing is taken down before the user has decided about the data"

    user.run("annotate", "ipl", "words", f"ingestion-operator.io/confirm-purge={bucket}")
    user.wait_gone()
    assert operator.verbs == ["create", "destroy"]


def test_a_reconcile_that_is_asked_for_reads_aws(operator: Running, user: User) -> None:
    user.apply()
    user.wait_ready()
    user.run("annotate", "ipl", "words", "ingestion-operator.io/reconcile-requested-at=1")
    user.wait("the look", lambda: operator.verbs == ["create", "refresh"])


def test_a_status_that_is_wiped_by_hand_is_made_again(operator: Running, user: User) -> None:
    user.apply()
    user.wait_ready()
    user.run("patch", "ipl", "words", "--subresource=status", "--type=merge", "-p", '{"status": null}')
    user.run("annotate", "ipl", "words", "example.com/touched=1")
    user.wait_ready()
    assert operator.verbs == ["create", "create"], (
        "the second creation takes over what exists, as after an interrupted one"
    )


# AWSAccounts.

ROLE = "arn:aws:iam::210987654321:role/ingestion"


@pytest.fixture
def account(user: User) -> Iterator[str]:
    """The name of an account that the test may create. Accounts are cluster-scoped, so this one is deleted before the next test."""
    yield user.namespace
    user.run("delete", "ipl", "--all", "--wait=false")
    user.run("delete", "awsaccount", user.namespace, "--ignore-not-found", "--timeout=60s")


def make_account(user: User, name: str, **spec: Any) -> None:
    document = {
        "apiVersion": "ingestion-operator.io/v1alpha1",
        "kind": "AWSAccount",
        "metadata": {"name": name},
        "spec": {"roleArn": ROLE, **spec},
    }
    user.run("apply", "-f", "-", document=document)


def reason(user: User, name: str) -> str:
    text = user.run("get", "awsaccount", name, "-o", "json", "--ignore-not-found")
    conditions = (json.loads(text) if text.strip() else {}).get("status", {}).get("conditions", [])
    return next((c["reason"] for c in conditions if c["type"] == "Ready"), "")


def test_an_account_is_tried_and_a_change_of_it_reconciles_its_pipelines(
    operator: Running, user: User, account: str
) -> None:
    user.apply(accountRef={"name": account})
    user.wait("the waiting", lambda: user.condition("Ready").get("reason") == "DependencyNotReady")
    make_account(user, account)
    user.wait("the account", lambda: reason(user, account) == "Assumed")
    user.wait("the refusal", lambda: user.condition("Stalled").get("reason") == "AccessDenied")
    assert operator.verbs == []
    make_account(user, account, allowedNamespaces=[user.namespace])
    assert user.wait_ready()["status"]["workings"]["account"] == account
    make_account(user, account)
    user.wait("the refusal", lambda: user.condition("Stalled").get("reason") == "AccessDenied")
    assert operator.verbs == ["create"]


def test_a_role_that_is_closed_is_tried_again_by_the_timer(operator: Running, user: User, account: str) -> None:
    operator.cloud.closed.add(ROLE)
    make_account(user, account)
    user.wait("the refusal", lambda: reason(user, account) == "AccessDenied")
    operator.cloud.closed.clear()
    user.wait("the account", lambda: reason(user, account) == "Assumed")


def test_an_account_goes_after_its_pipelines_and_not_before(operator: Running, user: User, account: str) -> None:
    make_account(user, account, allowedNamespaces=["*"])
    user.apply(accountRef={"name": account})
    user.wait_ready()
    user.run("delete", "awsaccount", account, "--wait=false")
    user.wait("the refusal", lambda: reason(user, account) == "Deleting")
    user.run("delete", "ipl", "words", "--wait=false")
    user.wait_gone()
    user.wait(
        "the end of the account", lambda: not user.run("get", "awsaccount", account, "--ignore-not-found").strip()
    )
    assert operator.verbs == ["create", "destroy"]


def test_an_error_nobody_thought_of_does_not_let_an_account_go(
    operator: Running, user: User, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account(user, account)
    user.wait("the account", lambda: reason(user, account) == "Assumed")
    failures = [ZeroDivisionError("a bug")]
    release = AccountCheck.release

    def fail_once(self: AccountCheck, name: str) -> None:
        if failures:
            raise failures.pop()
        release(self, name)

    monkeypatch.setattr(AccountCheck, "release", fail_once)
    user.run("delete", "awsaccount", account, "--wait=false")
    user.wait(
        "the end of the account", lambda: not user.run("get", "awsaccount", account, "--ignore-not-found").strip()
    )
    assert failures == []
