"""An operator with a proxy before AWS and one before the API server, and what a user does with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.rounds import summary
from e2e.world import World
from faults.actions import PERSISTENT, Action, Rule, aws_refusal, kubernetes_refusal
from faults.operations import UNSIGNED, Operation, Request, caller_of, operation_of
from faults.proxy import Proxy, proxy_before
from ingestion_local.control_plane import ControlPlane
from ingestion_local.emulator import EmulatedAws
from ingestion_local.environment import SERVICE_ACCOUNT, SYSTEM_NAMESPACE
from ingestion_local.operator_process import OperatorProcess
from ingestion_local.processes import LocalEnvironmentError

CLUSTER_ID = "faults"
SETTLED_SECONDS = 90.0
SETTINGS = {
    "INGESTION_TICK_SECONDS": "0.25",
    "INGESTION_WAITING_SECONDS": "1",
    "INGESTION_POLL_SECONDS": "2",
    "INGESTION_RETRY_BASE_SECONDS": "0.5",
    # Also the time between two looks at a stalled pipeline: after a refusal the operator soon tries again.
    "INGESTION_RETRY_CAP_SECONDS": "2",
    "INGESTION_CLUSTER_ID": CLUSTER_ID,
}


@dataclass(frozen=True, order=True)
class AwsCall:
    """One kind of call to AWS: when it is made, by whom, and which it is."""

    verb: str
    caller: str
    operation: Operation

    def __str__(self) -> str:
        return f"{self.verb} {self.caller} {self.operation}"

    @classmethod
    def parse(cls, line: str) -> AwsCall:
        verb, caller, service, name = line.split()
        return cls(verb, caller, Operation(service, name))

    def matches(self, request: Request) -> bool:
        return caller_of(request) == self.caller and operation_of(request) == self.operation


def calls_in(verb: str, proxy: Proxy) -> set[AwsCall]:
    """The kinds of calls that the proxy saw."""
    return {AwsCall(verb, caller_of(request), operation_of(request)) for request in tuple(proxy.rules.seen)}


@dataclass
class FaultyWorld:
    """A user's view of an operator, and the faults."""

    world: World
    aws: Proxy
    api: Proxy
    operator: OperatorProcess

    def break_aws(self, call: AwsCall, action: Action) -> Rule:
        """Let this kind of call go wrong from now on."""
        return self.aws.rules.add(Rule(call.matches, action, TIMES.get(action, PERSISTENT)))

    def break_api(self, matches: Callable[[Request], bool], action: Action, times: int) -> Rule:
        return self.api.rules.add(Rule(matches, action, times))

    def mend(self) -> None:
        """Pass everything on again."""
        self.aws.rules.clear()
        self.api.rules.clear()

    def wait_ready(self, name: str) -> None:
        """Wait until the present generation is applied. Raises AssertionError with the conditions."""
        self._wait(name, "ready", lambda: self.is_ready(name))

    def is_ready(self, name: str) -> bool:
        found = self.world.get(name) or {}
        status = found.get("status") or {}
        ready: dict[str, Any] = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), {})
        current = ready.get("observedGeneration") == found.get("metadata", {}).get("generation")
        return ready.get("status") == "True" and current and "operation" not in status

    def wait_gone(self, name: str) -> None:
        """Wait until the object is gone. Raises AssertionError with the conditions."""
        self._wait(name, "gone", lambda: self.world.get(name) is None)

    def wait_for_words(self, name: str, words: Sequence[str], is_over: Callable[[], bool]) -> None:
        """Wait until the conditions contain all of the words, or until it is over. Raises AssertionError with the conditions."""

        def said() -> bool:
            conditions = summary(self.world.get(name))
            return all(word in conditions for word in words) or is_over()

        self._wait(name, f"conditions with {words}", said)

    def _wait(self, name: str, what: str, check: Callable[[], Any]) -> None:
        try:
            self.world.wait(f"{name}: {what}", check, SETTLED_SECONDS)
        except LocalEnvironmentError as error:
            raise AssertionError(
                f"{error}\n{summary(self.world.get(name))}\n{self.operator.process.log_tail()}"
            ) from error


# As long as the test leaves it so.
FOR_EVER = 1_000_000
TIMES = {Action.DELAY: 1, Action.CUT_AFTER: 1, Action.REFUSE: FOR_EVER, Action.SKEW: FOR_EVER}
"""How often a fault comes. The others come at each attempt of the first caller, so that it sees them."""


@contextmanager
def faulty_operator(
    directory: Path, plane: ControlPlane, emulator: EmulatedAws, identity: dict[str, str], pulumi: Path
) -> Iterator[tuple[OperatorProcess, Proxy, Proxy]]:
    """An operator whose calls to AWS and to the API server go through proxies."""
    shown = {"certificate": emulator.certificate, "key": emulator.certificate.with_suffix(".key")}
    kubeconfig = plane.service_account_kubeconfig(SYSTEM_NAMESPACE, SERVICE_ACCOUNT, directory / "kubeconfig")
    with (
        proxy_before(emulator.endpoint, trusting=emulator.certificate, refusal=_aws_refusal, **shown) as aws,
        proxy_before(plane.url, trusting=plane.certificate, refusal=_api_refusal, **shown) as api,
    ):
        _redirect(kubeconfig, api.url, emulator.certificate)
        temporary = directory / "tmp"
        temporary.mkdir()
        running = OperatorProcess(
            directory / "operator",
            kubeconfig=kubeconfig,
            pulumi=pulumi,
            aws=identity | {"AWS_ENDPOINT_URL": aws.url},
            settings={**SETTINGS, "TMPDIR": str(temporary)},
        )
        with running:
            yield running, aws, api


def _redirect(kubeconfig: Path, url: str, authority: Path) -> None:
    document = json.loads(kubeconfig.read_text())
    cluster = document["clusters"][0]["cluster"]
    cluster["server"] = url
    del cluster["certificate-authority-data"]
    cluster["certificate-authority"] = str(authority)
    kubeconfig.write_text(json.dumps(document))


def _aws_refusal(action: Action, request: Request) -> Any:
    operation = operation_of(request)
    return aws_refusal(action, "s3" if operation.service == UNSIGNED else operation.service, operation.name)


def _api_refusal(action: Action, request: Request) -> Any:
    return kubernetes_refusal(action)
