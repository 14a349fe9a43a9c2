"""What each right of the operator's ServiceAccount is for: what a user sees with it, and what instead without it.

None of the stories but one needs AWS: the code of their pipelines is missing, or cannot be compiled, which the operator finds
out first. It looks at such code again only when its ConfigMap changes (or minutes later).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from e2e.world import COPY, World, copying
from ingestion_local.operator_process import OperatorProcess

# The line that cannot be compiled is part of the message.
BROKEN = "def handler(:"
BROKEN_FURTHER_DOWN = "\ndef handler(:"


def nothing(world: World) -> None:
    """The world stays as it is."""


@dataclass(frozen=True)
class Story:
    """What a user does before the operator starts and then; what comes of it with all rights; what instead without the one."""

    works: Callable[[World], Any]
    fails: Callable[[World], Any]
    before: Callable[[World], None] = nothing
    then: Callable[[World], None] = nothing
    of_accounts: bool = False
    """It is about an AWSAccount. These are everybody's, so only one such operator at a time looks after them."""


def from_config_map(name: str, **processor: Any) -> dict[str, Any]:
    """A spec whose code is in a ConfigMap."""
    return copying(processor={"code": {"configMapRef": {"name": name}}, **processor})


def said(world: World, name: str, kind: str = "Ready") -> str:
    """The message of a condition; empty while there is none."""
    message: str = world.condition(name, kind).get("message", "")
    return message


def held(world: World, name: str) -> bool:
    """Whether the operator has put its finalizer on a pipeline."""
    return bool((world.get(name) or {}).get("metadata", {}).get("finalizers"))


def waits_for_code(name: str) -> Callable[[World], bool]:
    return lambda world: "does not exist" in said(world, name)


def apply(name: str) -> Callable[[World], None]:
    """Apply a pipeline whose code is not there."""
    return lambda world: world.apply(name, from_config_map("missing"))


def seen_before(name: str) -> Story:
    """A pipeline that is there when the operator starts."""
    return Story(
        before=apply(name),
        works=lambda world: waits_for_code(name)(world) and world.operator.readiness() == "ready",
        fails=lambda world: "listing IngestionPipelines: 403" in world.operator.readiness() and not held(world, name),
    )


def seen_later(name: str) -> Story:
    """A pipeline that is made while the operator runs, after one that it has looked at."""

    def make(world: World) -> None:
        world.wait("the earlier one's status", lambda: said(world, f"{name}-earlier"))
        world.apply(name, from_config_map("missing"))

    def works_but_does_not_see(world: World) -> bool:
        """It deploys another one, or a change of the earlier, after this one was made."""
        world.apply_config_map(f"{name}-code", {"index.py": BROKEN_FURTHER_DOWN})
        world.wait("the earlier one's new code", lambda: "line 2" in said(world, f"{name}-earlier"))
        return not held(world, name) and not world.status(name)

    def make_earlier(world: World) -> None:
        world.apply_config_map(f"{name}-code", {"index.py": BROKEN})
        world.apply(f"{name}-earlier", from_config_map(f"{name}-code"))

    return Story(before=make_earlier, then=make, works=waits_for_code(name), fails=works_but_does_not_see)


def read_afresh(name: str) -> Story:
    """A pipeline is read again before anything is done about it."""
    return Story(
        then=apply(name),
        works=waits_for_code(name),
        fails=lambda world: (
            refusals(world, "get", "ingestionpipelines") and not held(world, name) and not world.status(name)
        ),
    )


def held_until_it_is_taken_down(name: str) -> Story:
    """Before anything is made in AWS, the pipeline gets the finalizer without which it could go and leave that behind."""
    return Story(
        then=apply(name),
        works=lambda world: held(world, name) and waits_for_code(name)(world),
        fails=lambda world: (
            refusals(world, "patch", "ingestionpipelines") and not held(world, name) and not world.status(name)
        ),
    )


def told(name: str) -> Story:
    """What the operator has found out is in the status."""
    return Story(
        then=apply(name),
        works=waits_for_code(name),
        fails=lambda world: held(world, name) and not world.status(name),
    )


def code_is_read(name: str) -> Story:
    def make(world: World) -> None:
        world.apply_config_map(name, {"index.py": BROKEN})
        world.apply(name, from_config_map(name))

    return Story(
        then=make,
        works=lambda world: "line 1" in said(world, name),
        fails=lambda world: f"reading ConfigMap {world.namespace}/{name}: 403" in said(world, name),
    )


def changed_code_is_deployed(name: str) -> Story:
    """Code that changes is looked at; a pipeline that is made later shows that it would be found."""

    def change(world: World) -> None:
        world.apply_config_map(name, {"index.py": BROKEN})
        world.apply(name, from_config_map(name))
        world.wait("the first code's fault", lambda: "line 1" in said(world, name))
        world.apply_config_map(name, {"index.py": BROKEN_FURTHER_DOWN})
        world.apply(f"{name}-later", from_config_map(name))
        world.wait("the second code's fault", lambda: "line 2" in said(world, f"{name}-later"))

    return Story(
        then=change,
        works=lambda world: "line 2" in said(world, name),
        fails=lambda world: "line 1" in said(world, name),
    )


def secret_is_read(name: str) -> Story:
    def make(world: World) -> None:
        world.apply_secret(name, {"other": "x"})
        reference = {"secretKeyRef": {"name": name, "key": "token"}}
        environment = [{"name": "TOKEN", "valueFrom": reference}]
        world.apply(name, copying(processor={"code": {"inline": COPY}, "environment": environment}))

    return Story(
        then=make,
        works=lambda world: f"Secret {world.namespace}/{name} has no key" in said(world, name),
        fails=lambda world: f"reading Secret {world.namespace}/{name}: 403" in said(world, name),
    )


def told_as_an_event(name: str) -> Story:
    def make(world: World) -> None:
        world.apply_config_map(name, {"index.py": BROKEN})
        world.apply(name, from_config_map(name))
        world.wait("the fault", lambda: "line 1" in said(world, name))

    return Story(
        then=make,
        works=lambda world: "SpecInvalid" in world.event_reasons(),
        fails=lambda world: "publishing an Event" in world.operator.output() and not world.event_reasons(),
    )


def made_in_aws(name: str) -> Story:
    """The whole of it: names and tags in AWS have the cluster's id in them."""
    return Story(
        then=lambda world: world.apply(name, copying()),
        works=lambda world: world.condition(name, "Ready").get("status") == "True",
        fails=lambda world: "reading the namespace kube-system: 403" in said(world, name),
    )


def taken_over_from_a_pod(name: str) -> Story:
    """The lock of an earlier pod of the operator is broken once that pod is gone."""
    earlier = "lost-pod"

    def lose(world: World) -> None:
        world.apply(name, copying())
        stack = world.wait_ready(name)["workings"]["name"]
        assert isinstance(world.operator, OperatorProcess)
        lock = world.operator.state_directory / f".pulumi/locks/organization/ingestion/{stack}/lost.json"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text(
            json.dumps({"pid": 1, "username": "ingestion", "hostname": earlier, "timestamp": "2026-01-01T00:00:00Z"})
        )
        entry = {"type": "Update", "pod": f"{world.namespace}/{earlier}/its-uid"}
        holder = {"status": {"workings": {"unfinished": {"lost": entry}}}}
        words = ["patch", "ipl", name, "-n", world.namespace, "--subresource=status", "--type=merge"]
        world.control_plane.run_kubectl(*words, "-p", json.dumps(holder))
        world.patch(name, {"spec": {"processor": {"memoryMiB": 512}}})

    return Story(
        then=lose,
        works=lambda world: "LockBroken" in world.event_reasons() and bool(world.wait_ready(name)),
        fails=lambda world: world.condition(name, "Reconciling").get("reason") == "LockHeld",
    )


def make_account(name: str) -> Callable[[World], None]:
    """Make an AWSAccount whose role there is not."""

    def make(world: World) -> None:
        account = {
            "apiVersion": "ingestion-operator.io/v1alpha1",
            "kind": "AWSAccount",
            "metadata": {"name": account_of(world, name)},
            "spec": {"roleArn": "arn:aws:iam::210987654321:role/there-is-none"},
        }
        world.control_plane.run_kubectl("apply", "-f", "-", input=json.dumps(account))

    return make


def account_of(world: World, name: str) -> str:
    return f"{name}-{world.namespace}"[:60].rstrip("-")


def account(world: World, name: str) -> dict[str, Any]:
    found = world.reader.account(account_of(world, name))
    assert found is not None
    return found


def tried(name: str) -> Callable[[World], Any]:
    """Whether the operator has said of the account whether its role can be assumed."""
    return lambda world: account(world, name).get("status", {}).get("conditions")


def account_is_held(world: World, name: str) -> bool:
    return bool(account(world, name)["metadata"].get("finalizers"))


def default_account_is_looked_for(name: str) -> Story:
    """A pipeline that names no account is built in the default one, if there is one."""
    return Story(
        then=apply(name),
        works=waits_for_code(name),
        fails=lambda world: "listing AWSAccounts: 403" in said(world, name),
        of_accounts=True,
    )


def account_is_looked_up(name: str) -> Story:
    """A pipeline that names an account."""
    return Story(
        then=lambda world: world.apply(name, {**from_config_map("missing"), "accountRef": {"name": "nobodys"}}),
        works=lambda world: "AWSAccount nobodys, named by spec.accountRef, does not exist" in said(world, name),
        fails=lambda world: "reading AWSAccount nobodys: 403" in said(world, name),
        of_accounts=True,
    )


def account_made_later(name: str) -> Story:
    """An account that is made while the operator runs."""

    def make(world: World) -> None:
        world.apply(name, from_config_map("missing"))
        world.wait("the pipeline's status", lambda: said(world, name))
        make_account(name)(world)

    def works_but_does_not_see(world: World) -> bool:
        world.apply(f"{name}-later", from_config_map("missing"))
        world.wait("the later pipeline's status", lambda: said(world, f"{name}-later"))
        return not tried(name)(world) and not account_is_held(world, name)

    return Story(then=make, works=tried(name), fails=works_but_does_not_see, of_accounts=True)


def account_is_kept_while_it_is_used(name: str) -> Story:
    """An account gets the finalizer without which it could go before the pipelines that were built with it."""
    return Story(
        then=make_account(name),
        works=lambda world: account_is_held(world, name) and tried(name)(world),
        fails=lambda world: not account_is_held(world, name) and refusals(world, "patch", "awsaccounts"),
        of_accounts=True,
    )


def account_is_said_to_be_of_use(name: str) -> Story:
    return Story(
        then=make_account(name),
        works=tried(name),
        fails=lambda world: refusals(world, "patch", "awsaccounts/status") and not tried(name)(world),
        of_accounts=True,
    )


def refusals(world: World, verb: str, resource: str) -> bool:
    """Whether the operator was refused that, by its log."""
    return re.search(rf'cannot {verb} resource \\*"{resource}\\*"', world.operator.output()) is not None


STORIES: Mapping[str, Story] = {
    "list ingestionpipelines": seen_before("there"),
    "watch ingestionpipelines": seen_later("late"),
    "get ingestionpipelines": read_afresh("read"),
    "patch ingestionpipelines": held_until_it_is_taken_down("held"),
    "patch ingestionpipelines/status": told("told"),
    "get configmaps": code_is_read("code"),
    "list configmaps": changed_code_is_deployed("listed"),
    "watch configmaps": changed_code_is_deployed("watched"),
    "get secrets": secret_is_read("secret"),
    "create events": told_as_an_event("event"),
    "get namespaces": made_in_aws("made"),
    "get pods": taken_over_from_a_pod("taken-over"),
    "list awsaccounts": default_account_is_looked_for("defaulted"),
    "get awsaccounts": account_is_looked_up("looked-up"),
    "watch awsaccounts": account_made_later("made-later"),
    "patch awsaccounts": account_is_kept_while_it_is_used("kept"),
    "patch awsaccounts/status": account_is_said_to_be_of_use("of-use"),
}
