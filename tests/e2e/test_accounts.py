"""Pipelines in AWS accounts other than the operator's: where they land, who may, and what happens when that changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from aws_accounts import OtherAccount
from e2e.fixtures import ACCOUNT_ROLE
from e2e.world import World, copying
from ingestion_local.environment import SERVICE_ACCOUNT

OPERATOR = f"user/{SERVICE_ACCOUNT}"
# They end on a full second: one of one second can be over when it is used.
LIFETIME_SECONDS = 2


@dataclass
class Accounts:
    """What an administrator of the cluster and of other AWS accounts does."""

    world: World
    operator: str
    made: list[str] = field(default_factory=list)

    def new(self, **role: Any) -> OtherAccount:
        """An AWS account that no other test has, with a role that trusts the operator."""
        account = OtherAccount(self.world.emulator, f"{uuid4().int % 10**12:012d}")
        account.role(ACCOUNT_ROLE, self.operator, **role)
        policy(account, "bounds")  # as the operator's own is called
        return account

    def apply(self, account: OtherAccount, name: str = "", **spec: Any) -> str:
        """An AWSAccount for it; returns its name."""
        name = name or f"acc-{account.number}"
        role = f"arn:aws:iam::{account.number}:role/{ACCOUNT_ROLE}"
        document = {
            "apiVersion": "ingestion-operator.io/v1alpha1",
            "kind": "AWSAccount",
            "metadata": {"name": name},
            "spec": {"roleArn": role, **spec},
        }
        self.world.control_plane.run_kubectl("apply", "-f", "-", input=json.dumps(document))
        if name not in self.made:
            self.made.append(name)
        return name

    def patch(self, name: str, **spec: Any) -> None:
        words = ("patch", "awsaccount", name, "--type=merge", "-p", json.dumps({"spec": spec}))
        self.world.control_plane.run_kubectl(*words)

    def get(self, name: str) -> dict[str, Any]:
        return self.world.reader.account(name) or {}

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any]:
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == kind), {})

    def wait(self, name: str, reason: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            found = self.condition(name)
            return found if found.get("reason") == reason else None

        found: dict[str, Any] = self.world.wait(f"AWSAccount {name}: {reason}", there)
        return found

    def delete(self, *names: str) -> None:
        self.world.control_plane.run_kubectl("delete", "awsaccount", *names, "--wait=false", "--ignore-not-found")


@pytest.fixture
def accounts(world: World) -> Iterator[Accounts]:
    arn = f"arn:aws:iam::{world.emulator.account_id}:{OPERATOR}"
    made = Accounts(world, arn)
    yield made
    if made.made:
        # They go when the last of their pipelines is gone.
        made.delete(*made.made)


def in_account(name: str, **changes: Any) -> dict[str, Any]:
    return copying(accountRef={"name": name}, **changes)


def processed_in(account: OtherAccount, world: World, name: str, namespace: str = "") -> bytes:
    """Put an object into the pipeline with the rights of its account, and return what comes out there."""
    outputs, s3 = world.status(name, namespace)["outputs"], account.client("s3")
    s3.put_object(Bucket=outputs["bucketName"], Key="raw/probe.txt", Body=b"hello")
    key = outputs["resultsPrefix"] + "raw/probe.txt"

    def result() -> bytes | None:
        try:
            body: bytes = s3.get_object(Bucket=outputs["resultsBucket"], Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return body

    found: bytes = world.wait(f"the result of {name}", result)
    return found


def test_pipelines_of_two_namespaces_land_in_the_account_of_each(world: World, accounts: Accounts) -> None:
    first, second = world.namespace, world.new_namespace("second")
    blue, green = accounts.new(external_id="blue-1"), accounts.new()
    bounds = {blue: policy(blue, "tighter"), green: f"arn:aws:iam::{green.number}:policy/bounds"}
    named = accounts.apply(blue, allowedNamespaces=[first], externalId="blue-1", permissionsBoundary=bounds[blue])
    other = accounts.apply(green, allowedNamespaces=[f"{second[:8]}*"])
    world.apply("words", in_account(named))
    world.apply("words", in_account(other), namespace=second)

    for account, name, namespace in ((blue, named, first), (green, other, second)):
        status = world.wait_ready("words", namespace)
        assert (status["workings"]["account"], status["workings"]["accountId"]) == (name, account.number)
        assert f":{account.number}:" in status["outputs"]["functionArn"]
        assert account.functions() == [status["outputs"]["functionName"]]
        role = account.client("iam").get_role(RoleName=role_of(account))["Role"]
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == bounds[account]
        assert processed_in(account, world, "words", namespace) == b"hello"
    assert world.compute_left(first) == world.compute_left(second) == []
    assert accounts.wait(named, "Assumed")["status"] == "True"

    world.delete("words")
    world.wait_gone("words")
    assert blue.functions() == []
    assert green.functions() != []


def policy(account: OtherAccount, name: str) -> str:
    """A policy of the account that can bound roles; returns its ARN."""
    made = account.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(everything()))
    return str(made["Policy"]["Arn"])


def everything() -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def role_of(account: OtherAccount) -> str:
    """The role of the account's only function."""
    (function,) = account.client("lambda").list_functions()["Functions"]
    return str(function["Role"]).rpartition("/")[2]


def test_a_namespace_that_is_not_allowed_gets_nothing_and_heals_when_it_is(world: World, accounts: Accounts) -> None:
    account = accounts.new()
    name = accounts.apply(account, allowedNamespaces=["somebody-else"], allowedRegions=["eu-west-1"])
    world.apply("words", in_account(name))
    stalled = world.wait_condition("words", "Stalled", "AccessDenied")
    assert f"namespace {world.namespace} may not use AWSAccount {name}" in stalled["message"]

    accounts.patch(name, allowedNamespaces=[world.namespace])
    world.wait(
        "the refusal of the region", lambda: "us-east-1" in world.condition("words", "Stalled").get("message", "")
    )
    assert account.left(world.namespace[:20]) == world.compute_left() == []
    assert not (world.status("words").get("workings") or {}).get("name")

    accounts.patch(name, allowedRegions=[world.emulator.region])
    world.wait_ready("words")
    assert len(account.functions()) == 1

    accounts.patch(name, allowedNamespaces=[])
    world.wait_condition("words", "Stalled", "AccessDenied")
    assert processed_in(account, world, "words") == b"hello", "what is there goes on"
    world.delete("words")
    world.wait_gone("words")
    assert account.functions() == [], "it is taken down all the same"


def test_an_account_that_is_not_there_is_waited_for_and_a_pipeline_of_it_can_go(
    world: World, accounts: Accounts
) -> None:
    account = accounts.new()
    name = f"acc-{account.number}"
    for pipeline in ("waits", "goes"):
        world.apply(pipeline, in_account(name))
        waiting = world.wait_condition(pipeline, "Ready", "DependencyNotReady")
        assert f"AWSAccount {name}, named by spec.accountRef, does not exist" in waiting["message"]
    world.delete("goes")
    world.wait_gone("goes")
    accounts.apply(account, allowedNamespaces=["*"])
    world.wait_ready("waits")


def test_a_wrong_external_id_is_said_in_both_and_mended_by_itself(world: World, accounts: Accounts) -> None:
    account = accounts.new(external_id="right-1")
    name = accounts.apply(account, allowedNamespaces=["*"], externalId="wrong-1")
    world.apply("words", in_account(name))
    for said in (accounts.wait(name, "AccessDenied"), world.wait_condition("words", "Stalled", "AccessDenied")):
        assert "sts:AssumeRole" in said["message"]
        assert "ingestion-operator trust-policy" in said["message"]
    assert account.left(world.namespace[:20]) == []
    accounts.patch(name, externalId="right-1")
    world.wait_ready("words")
    assert accounts.wait(name, "Assumed")

    # It is asked for again and again, and what is built is taken down with the new one.
    account.trust(ACCOUNT_ROLE, accounts.operator, "newer-1")
    world.annotate("words", "reconcile-requested-at", "1")
    world.wait_condition("words", "Stalled", "AccessDenied")
    accounts.patch(name, externalId="newer-1")
    world.wait_ready("words")
    world.delete("words")
    world.wait_gone("words")
    assert account.functions() == []


def test_sessions_of_two_seconds_are_renewed_within_an_update_and_between(world: World, accounts: Accounts) -> None:
    account = accounts.new(session_seconds=LIFETIME_SECONDS)
    name = accounts.apply(account, allowedNamespaces=["*"])
    world.apply("words", in_account(name, source={"trigger": "CloudTrail"}, results={"bucket": {}, "table": {}}))
    status = world.wait_ready("words")
    assert seconds(status["lastOperation"]) > LIFETIME_SECONDS, "the update took longer than a session lasts"
    world.annotate("words", "reconcile-requested-at", "1")
    world.wait("the look", lambda: world.status("words").get("lastOperation", {}).get("type") == "Refresh")
    assert world.wait_ready("words")["lastOperation"]["result"] == "Succeeded"


def seconds(operation: Mapping[str, Any]) -> float:
    start, end = (datetime.fromisoformat(operation[name]) for name in ("startTime", "endTime"))
    return (end - start).total_seconds()


def test_an_account_in_use_is_not_deleted_before_its_pipelines(world: World, accounts: Accounts) -> None:
    account = accounts.new()
    name = accounts.apply(account, allowedNamespaces=["*"])
    world.apply("words", in_account(name))
    world.wait_ready("words")
    accounts.delete(name)
    held = accounts.wait(name, "Deleting")
    assert f"{world.namespace}/words" in held["message"]
    assert accounts.condition(name, "Stalled")["reason"] == "InUse"

    world.apply("late", in_account(name))
    assert "is being deleted" in world.wait_condition("late", "Ready", "DependencyNotReady")["message"]
    world.patch("words", {"spec": {"processor": {"memoryMiB": 512}}})
    world.wait_ready("words")
    for pipeline in ("words", "late"):
        world.delete(pipeline)
        world.wait_gone(pipeline)
    assert account.functions() == []
    world.wait("the end of the account", lambda: not accounts.get(name))


def test_an_account_that_was_taken_away_by_force_leaves_nothing_behind(world: World, accounts: Accounts) -> None:
    account = accounts.new()
    name = accounts.apply(account, allowedNamespaces=["*"])
    world.apply("words", in_account(name))
    world.wait_ready("words")
    accounts.delete(name)
    accounts.wait(name, "Deleting")
    world.control_plane.run_kubectl(
        "patch", "awsaccount", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}'
    )
    world.delete("words")
    message = world.wait("what is missing", lambda: needs(world, name))
    assert f"with a role of account {account.number}" in message
    assert len(account.functions()) == 1
    accounts.apply(account, name)
    world.wait_gone("words")
    assert account.functions() == []


def needs(world: World, name: str) -> str:
    message: str = world.condition("words", "Ready").get("message", "")
    return message if f"AWSAccount {name}, with which the pipeline was built, no longer exists" in message else ""


def test_a_pipeline_never_moves_to_another_aws_account(world: World, accounts: Accounts) -> None:
    account, elsewhere = accounts.new(), accounts.new()
    name = accounts.apply(account, allowedNamespaces=["*"])
    world.apply("words", in_account(name))
    world.wait_ready("words")
    accounts.delete(name)
    accounts.wait(name, "Deleting")
    world.control_plane.run_kubectl(
        "patch", "awsaccount", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}'
    )
    accounts.apply(elsewhere, name, allowedNamespaces=["*"])
    stalled = world.wait_condition("words", "Stalled", "AccountChanged")
    assert elsewhere.number in stalled["message"]
    assert account.number in stalled["message"]
    world.delete("words")
    world.wait("the refusal", lambda: "AccountChanged" in str(world.condition("words", "Stalled").get("reason")))
    assert elsewhere.functions() == []
    assert len(account.functions()) == 1
    accounts.delete(name)
    world.control_plane.run_kubectl("wait", "--for=delete", "awsaccount", name, "--timeout=1s", check=False)
    world.control_plane.run_kubectl(
        "patch", "awsaccount", name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}', check=False
    )
    world.wait("the end of the wrong one", lambda: not accounts.get(name))
    accounts.apply(account, name)
    world.wait_gone("words")
    assert account.functions() == []
