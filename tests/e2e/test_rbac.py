"""No right of the operator's ServiceAccount is superfluous, and none is missing.

Each right of the chart's rules is taken away in turn, from an operator of its own; something that a user would notice fails
then, for that reason and no other. An operator with all of them does all of it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from cluster_rights import RIGHTS, Right
from e2e.rbac_stories import STORIES, Story
from e2e.world import World
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import Emulator
from ingestion_local.environment import CRDS, operator_identity
from ingestion_local.operator_process import OperatorProcess

pytestmark = pytest.mark.operator_process

ACCOUNT = "operator"
SETTINGS = {"INGESTION_WAITING_SECONDS": "1", "INGESTION_RETRY_BASE_SECONDS": "1"}
REFUSAL = re.compile(r'cannot (\w+) resource \\*"([\w/]+)\\*"')
# An operator takes seconds to start, most of them on one core.
AT_THE_SAME_TIME = 2


@dataclass(frozen=True)
class Stage:
    """What all operators share: a cluster in which nobody has rights yet, and AWS."""

    directory: Path
    cluster: ControlPlane
    emulator: Emulator
    identity: Mapping[str, str]
    pulumi: Path
    of_accounts: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def world(self, about: str, rights: Sequence[Right], *, accounts: bool = False) -> Iterator[World]:
        """A namespace with an operator of its own, which has these rights and is not started yet.

        With `accounts` it looks after AWSAccounts, and no other one does meanwhile.
        """
        directory = self.directory / re.sub(r"\W+", "-", about)
        directory.mkdir()
        operator = OperatorProcess(
            directory, kubeconfig=directory / "kubeconfig", pulumi=self.pulumi, aws=self.identity, settings=SETTINGS
        )
        made = World(self.cluster, self.emulator, operator)
        operator.settings["INGESTION_NAMESPACES"] = made.new_namespace(about)
        operator.settings["INGESTION_ACCOUNTS"] = str(accounts)
        self._grant(made.namespace, rights)
        self.cluster.service_account_kubeconfig(made.namespace, ACCOUNT, directory / "kubeconfig")
        try:
            with self.of_accounts if accounts else nullcontext():
                yield made
        finally:
            operator.stop(timeout_seconds=0)  # what it has begun is of no interest

    def _grant(self, name: str, rights: Sequence[Right]) -> None:
        """Make a ServiceAccount with these rights, as the chart would."""
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": name}}
        role = {"kind": "ClusterRole", "metadata": {"name": name}, "rules": [dict(right.rule) for right in rights]}
        binding = {
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": name}],
        }
        items = [account, *({"apiVersion": "rbac.authorization.k8s.io/v1", **item} for item in (role, binding))]
        listed = {"apiVersion": "v1", "kind": "List", "items": items}
        self.cluster.run_kubectl("create", "-f", "-", input=json.dumps(listed))


def tell(world: World, stories: Sequence[Story]) -> None:
    for story in stories:
        story.before(world)
    world.operator.start()
    for story in stories:
        story.then(world)


def refused(world: World) -> set[str]:
    """The rights that the operator was refused, by its log and by what it says of its pipelines."""
    statuses = world.control_plane.run_kubectl("get", "ipl", "-n", world.namespace, "-o", "json").stdout
    return {" ".join(found) for found in REFUSAL.findall(world.operator.output() + statuses)}


def attempt_without(stage: Stage, right: Right, story: Story) -> None:
    """See that the story fails without the right, for want of it and of nothing else."""
    others = [other for other in RIGHTS if other is not right]
    with stage.world(f"without {right}", others, accounts=story.of_accounts) as world:
        tell(world, [story])

        world.wait("the failure", lambda: story.fails(world))
        assert not story.works(world)
        # Of an answer about a Secret the operator repeats nothing.
        assert refused(world) == ({str(right)} if right.resource != "secrets" else set())


def attempt_with_all(stage: Stage, *, of_accounts: bool) -> None:
    """See that every story works, in the hands of one operator, which leaves nothing behind."""
    stories = {right: story for right, story in STORIES.items() if story.of_accounts is of_accounts}
    with stage.world(f"with all rights {of_accounts}", RIGHTS, accounts=of_accounts) as world:
        tell(world, list(stories.values()))

        for right, story in stories.items():
            world.wait(f"what `{right}` is for", partial(story.works, world))
        assert not [right for right, story in stories.items() if story.fails(world)]
        assert refused(world) == set()
        world.clean_up()
        gone = "get", "ipl", "-n", world.namespace, "-o", "name"
        world.wait("the end of every pipeline", lambda: not world.control_plane.run_kubectl(*gone).stdout.strip())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, tools: Mapping[str, Path]) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("rbac")
    with ControlPlane(directory / "control-plane", tools) as running:
        running.run_kubectl("apply", "--server-side", "-f", str(CRDS))
        running.run_kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield Stage(directory, running, emulator, operator_identity(emulator, "rbac-operator"), tools["pulumi"])


@pytest.fixture(scope="module")
def attempts(stage: Stage) -> Iterator[Mapping[str, Future[None]]]:
    """All of them, under way: each test waits for the one that it is about."""
    with ThreadPoolExecutor(AT_THE_SAME_TIME) as pool:
        known = [right for right in RIGHTS if str(right) in STORIES]
        with_all = {str(which): pool.submit(attempt_with_all, stage, of_accounts=which) for which in (False, True)}
        without = {str(right): pool.submit(attempt_without, stage, right, STORIES[str(right)]) for right in known}
        yield {**with_all, **without}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("of_accounts", [False, True], ids=["with pipelines", "with accounts"])
def test_with_all_rights_everything_works(attempts: Mapping[str, Future[None]], of_accounts: bool) -> None:
    attempts[str(of_accounts)].result()


@pytest.mark.parametrize("right", RIGHTS, ids=str)
def test_without_a_right_something_fails(attempts: Mapping[str, Future[None]], right: Right) -> None:
    assert str(right) in attempts, (
        f"nobody knows what `{right}` is for: add a story to tests/e2e/rbac_stories.py, or take it out of the rules"
    )
    attempts[str(right)].result()


def test_every_story_is_about_a_right() -> None:
    assert STORIES.keys() <= {str(right) for right in RIGHTS}
