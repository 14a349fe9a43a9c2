"""What the handlers do when the API server refuses, fails, does it and then fails, or goes away. Engine and cloud are fakes."""

from __future__ import annotations

import json
import logging
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cluster_reader import ClusterReader
from faults.actions import Action, ApiAction, Rule, kubernetes_refusal
from faults.operations import Request
from faults.proxy import Proxy, proxy_before
from ingestion_local.certificates import make_certificate
from ingestion_local.control_plane import ControlPlane
from integration.handlers_user import User
from integration.running import Running, running

logger = logging.getLogger(__name__)

ALL = os.environ.get("FAULTS") == "all"
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))
SAMPLE = 4
# Twice: a caller that tries again at once meets it too.
TIMES = 2
SEVERAL = 5
FOR_EVER = 1_000_000
ONE = r"/ingestionpipelines/[^/?]+"
REQUESTS = {
    "reads the pipeline": ("GET", rf"{ONE}$"),
    "writes the status": ("PATCH", rf"{ONE}/status"),
    "writes the finalizer": ("PATCH", rf"{ONE}$"),
    "lists pipelines": ("GET", r"/ingestionpipelines(\?(?!.*watch=true).*)?$"),
    "watches pipelines": ("GET", r"/ingestionpipelines\?.*watch=true"),
    "publishes an Event": ("POST", r"/events"),
}
ACTIONS: tuple[Action | ApiAction, ...] = (
    ApiAction.CONFLICT,
    Action.THROTTLE,
    Action.FAIL,
    Action.FAIL_AFTER,
    Action.CUT,
    Action.CUT_AFTER,
)


class QuickUser(User):
    """A user whose looks cost no process. A test that waits looks often."""

    def __init__(self, control_plane: ControlPlane, namespace: str) -> None:
        super().__init__(control_plane, namespace)
        self._reader = ClusterReader(control_plane.kubeconfig)

    def get(self) -> dict[str, Any]:
        return self._reader.pipeline("words", self.namespace) or {}


@dataclass(frozen=True)
class Behind:
    """The handlers, and the proxy between them and the API server."""

    operator: Running
    proxy: Proxy
    user: User


@pytest.fixture(scope="module")
def behind(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    directory = tmp_path_factory.mktemp("api-proxy")
    certificate, key = directory / "proxy.crt", directory / "proxy.key"
    make_certificate(certificate, key)
    namespace = f"faults-{uuid4().hex[:8]}"
    control_plane.run_kubectl("create", "namespace", namespace)
    refusal = lambda action, _: kubernetes_refusal(action)  # noqa: E731
    with (
        pytest.MonkeyPatch.context() as patch,
        proxy_before(
            control_plane.url, trusting=control_plane.certificate, certificate=certificate, key=key, refusal=refusal
        ) as proxy,
    ):
        patch.setattr("ingestion_handlers.passes.ASK_AGAIN_SECONDS", 0.2, raising=False)
        patch.setenv("KUBECONFIG", str(redirected(control_plane.kubeconfig, directory, proxy.url, certificate)))
        with running(namespace, patch) as operator:
            yield Behind(operator, proxy, QuickUser(control_plane, namespace))


@pytest.fixture
def through(behind: Behind) -> Iterator[Behind]:
    """The same, with nothing broken and no pipeline."""
    behind.proxy.rules.clear()
    behind.operator.engine.calls.clear()
    behind.operator.engine.during = lambda: None
    yield behind
    behind.proxy.rules.clear()
    behind.user.run("delete", "ipl", "--all", "--wait=false")
    behind.user.wait_gone()


def redirected(kubeconfig: Path, directory: Path, url: str, authority: Path) -> Path:
    """A kubeconfig that leads to the proxy."""
    document = json.loads(kubeconfig.read_text())
    document["clusters"][0]["cluster"] = {"server": url, "certificate-authority": str(authority)}
    written = directory / "kubeconfig"
    written.write_text(json.dumps(document))
    return written


def asking(what: str) -> Callable[[Request], bool]:
    method, target = REQUESTS[what]
    return lambda request: request.method == method and bool(re.search(target, request.target))


def can_be(what: str, action: Action | ApiAction) -> bool:
    """An API server answers 409 only to a request that writes."""
    return action is not ApiAction.CONFLICT or REQUESTS[what][0] != "GET"


ROWS = [
    (what, action) for what in REQUESTS if what != "watches pipelines" for action in ACTIONS if can_be(what, action)
]


def test_some_requests_that_go_wrong_are_got_over(through: Behind) -> None:
    logger.info("to repeat this: FAULTS_SEED=%d", SEED)
    for what, action in random.Random(SEED).sample(ROWS, SAMPLE):  # noqa: S311 - repeatable, not secret
        logger.info("%s: %s", what, action)
        live_through(through, what, action)
        through.proxy.rules.clear()


if ALL:

    @pytest.mark.parametrize(("what", "action"), [pytest.param(*row, id=": ".join(row)) for row in ROWS])
    def test_a_request_that_goes_wrong_is_got_over(through: Behind, what: str, action: Action | ApiAction) -> None:
        live_through(through, what, action)


def live_through(through: Behind, what: str, action: Action | ApiAction) -> None:
    """Create a pipeline, change it and delete it, while these requests go wrong."""
    user, rules = through.user, through.proxy.rules

    broken = rules.add(Rule(asking(what), action, TIMES))
    user.apply()
    user.wait_ready()
    broken.hits = 0
    user.patch({"spec": {"processor": {"memoryMiB": 1024}}})
    user.wait_ready()
    assert applied(through) == 1024
    broken.hits = 0
    user.run("delete", "ipl", "words", "--wait=false")
    user.wait_gone()

    assert through.operator.verbs[-1] == "destroy"
    assert through.operator.engine.stacks == {}


def test_a_change_while_every_watch_is_dropped_is_noticed(through: Behind) -> None:
    user = through.user
    user.apply()
    user.wait_ready()

    broken = through.proxy.rules.add(Rule(asking("watches pipelines"), Action.CUT, TIMES))
    through.proxy.drop_connections()
    user.patch({"spec": {"processor": {"memoryMiB": 1024}}})

    user.wait("the update", lambda: applied(through) == 1024)
    user.wait_ready()
    assert broken.hits > 0, "no watch was dropped"


def test_a_change_while_the_api_server_is_away_is_applied_when_it_is_back(through: Behind) -> None:
    """As while the API server is restarted: no connection lives, and no new one leads anywhere."""
    user = through.user
    user.apply()
    user.wait_ready()

    away = through.proxy.rules.add(Rule(lambda _: True, Action.CUT, FOR_EVER))
    through.proxy.drop_connections()
    user.patch({"spec": {"processor": {"memoryMiB": 1024}}})
    user.wait("attempts in vain", lambda: away.hits >= SEVERAL)
    through.proxy.rules.clear()

    user.wait("the update", lambda: applied(through) == 1024)
    user.wait_ready()


def test_a_change_of_code_is_deployed_although_a_read_fails_at_that_moment(through: Behind) -> None:
    user = through.user
    user.run("create", "configmap", "code", "--from-literal=index.py=def handler(event, context): return 1")
    user.apply(processor={"code": {"configMapRef": {"name": "code"}}})
    user.wait_ready()
    through.proxy.rules.add(Rule(asking("reads the pipeline"), Action.FAIL, TIMES))

    changed = {"data": {"index.py": "def handler(event, context): return 2"}}
    user.run("patch", "configmap", "code", "--type=merge", "-p", json.dumps(changed))

    user.wait("the update", lambda: through.operator.verbs == ["create", "update"])
    user.run("delete", "configmap", "code")


def applied(through: Behind) -> Any:
    """The function's memory in the last update."""
    calls = [call for call in through.operator.engine.calls if call.request is not None]
    (function,) = (r for r in calls[-1].update.blueprint.resources if r.name == "function")
    return function.inputs["memory_size"]
