"""The default AWSAccount is used for new pipelines that name no account, and for no others.

The tests have their own cluster, because a default would also apply to the pipelines of other tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from aws_accounts import OtherAccount
from e2e.fixtures import ACCOUNT_ROLE, SETTINGS
from e2e.test_accounts import Accounts, in_account
from e2e.world import World, copying
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import Emulator
from ingestion_local.environment import SERVICE_ACCOUNT, SYSTEM_NAMESPACE, install_into, operator_identity
from ingestion_local.operator_process import OperatorProcess

pytestmark = pytest.mark.operator_process

OPERATOR = "default-operator"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, tools: Mapping[str, Path]) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("default-account") / "control-plane", tools) as running:
        install_into(running)
        yield running


@pytest.fixture(scope="module")
def identity(emulator: Emulator) -> dict[str, str]:
    return operator_identity(emulator, OPERATOR, account_roles=[f"arn:aws:iam::*:role/{ACCOUNT_ROLE}"])


@pytest.fixture
def world(
    cluster: ControlPlane,
    emulator: Emulator,
    identity: Mapping[str, str],
    tools: Mapping[str, Path],
    tmp_path: Path,
) -> Iterator[World]:
    operator = OperatorProcess(
        tmp_path,
        kubeconfig=cluster.service_account_kubeconfig(SYSTEM_NAMESPACE, SERVICE_ACCOUNT, tmp_path / "kubeconfig"),
        pulumi=tools["pulumi"],
        aws=identity,
        settings=SETTINGS | {"INGESTION_CLUSTER_ID": "e2e-default"},
    )
    made = World(cluster, emulator, operator)
    made.new_namespace("default")
    operator.start()
    yield made
    made.clean_up()
    gone = "get", "ipl", "-n", made.namespace, "-o", "name"
    made.wait("the end of every pipeline", lambda: not cluster.run_kubectl(*gone).stdout.strip())
    cluster.run_kubectl("delete", "awsaccounts", "--all", "--timeout=60s")
    operator.stop()


@pytest.fixture
def accounts(world: World) -> Accounts:
    return Accounts(world, f"arn:aws:iam::{world.emulator.account_id}:user/{OPERATOR}")


def account_id(world: World, name: str) -> str:
    found: str = world.wait_ready(name)["workings"]["accountId"]
    return found


def test_the_default_account_is_for_new_pipelines_that_name_none(world: World, accounts: Accounts) -> None:
    world.apply("before", copying())
    assert account_id(world, "before") == world.emulator.account_id

    first, second = accounts.new(), accounts.new()
    blue = accounts.apply(first, allowedNamespaces=["*"], default=True)
    accounts.wait(blue, "Assumed")
    world.apply("words", copying())
    assert account_id(world, "words") == first.number
    world.patch("before", {"spec": {"processor": {"memoryMiB": 512}}})
    assert account_id(world, "before") == world.emulator.account_id

    green = accounts.apply(second, allowedNamespaces=["*"], default=True)
    for name in (blue, green):
        assert f"{blue}" in accounts.wait(name, "SeveralDefaults")["message"]
    world.apply("late", copying())
    waiting = world.wait_condition("late", "Ready", "DependencyNotReady")
    assert "are all marked default" in waiting["message"]
    world.apply("named", in_account(green))
    assert account_id(world, "named") == second.number

    accounts.patch(blue, default=False)
    assert account_id(world, "late") == second.number
    accounts.wait(blue, "Assumed")
    world.patch("words", {"spec": {"processor": {"memoryMiB": 512}}})
    assert account_id(world, "words") == first.number

    comes_and_goes(world, first, second)


def comes_and_goes(world: World, first: OtherAccount, second: OtherAccount) -> None:
    """Each pipeline is taken down in the account where it was built, whatever the default is now."""
    for name in ("before", "words", "late", "named"):
        world.delete(name)
    for name in ("before", "words", "late", "named"):
        world.wait_gone(name)
    assert first.functions() == second.functions() == world.compute_left() == []


def test_an_operator_that_dies_in_an_update_takes_it_up_in_the_account(world: World, accounts: Accounts) -> None:
    account = accounts.new()
    name = accounts.apply(account, allowedNamespaces=["*"])
    world.apply("words", in_account(name))
    world.wait("the middle of the creation", lambda: world.status("words").get("operation", {}).get("progress"))
    world.operator.kill()
    world.operator.start()
    status = world.wait_ready("words")
    assert account.functions() == [status["outputs"]["functionName"]]
    assert world.compute_left() == []


def test_an_operator_without_the_right_to_accounts_says_so(world: World, accounts: Accounts) -> None:
    world.operator.stop()
    world.operator.settings["INGESTION_ACCOUNTS"] = "false"
    world.operator.start()
    account = accounts.new()
    name = accounts.apply(account, allowedNamespaces=["*"], default=True)
    world.apply("words", in_account(name))
    assert "accounts.enabled" in world.wait_condition("words", "Stalled", "AccessDenied")["message"]
    world.apply("own", copying())
    assert account_id(world, "own") == world.emulator.account_id
    world.delete("words")
    world.wait_gone("words")
