"""What every resource type of the stand-in has: its inputs, which of them replace it, and how AWS is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from ingestion_local.provider.configuration import Configuration
from ingestion_local.provider.properties import Document, same_json, same_value
from ingestion_local.provider.shapes import Block

T = TypeVar("T")
Tags = Mapping[str, str]

SETTLE_SECONDS = 60.0
SETTLE_INTERVAL_SECONDS = 0.02
PROPAGATION_SECONDS = 10.0
PROPAGATION_INTERVAL_SECONDS = 0.2


class Refused(Exception):
    """AWS or the stand-in refused; the message is the provider's answer."""


@dataclass(frozen=True)
class Place:
    """Where AWS is and who asks: all that the stand-in is told, by the environment and by the program."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    session_token: str | None = None
    said: Configuration = Configuration()


class Aws:
    """Clients of the emulator, made when first asked for and shared: botocore's clients are thread-safe."""

    def __init__(self, place: Place) -> None:
        self.region = place.region
        self._place = place
        self._guard = threading.Lock()
        # Making a client is not thread-safe: one thread makes all, and who waits for one does not wait for the next.
        self._maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clients")
        self._clients: dict[str, Future[Any]] = {}
        self._session: Any = None

    def __call__(self, service: str) -> Any:
        """The client of a service."""
        return self._promise(service).result()

    def check_account(self) -> None:
        """Refuse credentials of another account than the program wants, or a role that cannot be assumed. Raises Refused."""
        wanted, role = self._place.said.accounts, self._place.said.role
        if not wanted and role is None:
            return
        client = self("sts")
        said = f"Cannot assume IAM Role. IAM Role ({role.arn}) cannot be assumed" if role else "finding out the account"
        with doing(said, client):
            found = client.get_caller_identity()["Account"]
        if wanted and found not in wanted:
            raise Refused(f"AWS account ID not allowed: {found}")

    def warm_up(self, services: Sequence[str]) -> None:
        """Begin to make the clients of these services, ahead of their use."""
        for service in services:
            self._promise(service)

    def _promise(self, service: str) -> Future[Any]:
        with self._guard:
            if service not in self._clients:
                self._clients[service] = self._maker.submit(self._make, service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        # Imported here: the engine waits for the port, and talks for a while before the first resource comes.
        import botocore.config

        self._session = self._session or self._new_session()
        # No proxy: it would take the calls off this machine.
        config = botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"mode": "standard"}, max_pool_connections=32, proxies={}
        )
        endpoint = self._place.said.endpoints.get(service, self._place.endpoint)
        return self._session.create_client(service, region_name=self.region, endpoint_url=endpoint, config=config)

    def _new_session(self) -> Any:
        from ingestion_local.provider.credentials import session_of

        return session_of(self._place)


class Kind:
    """One resource type. It keeps no state: the engine calls it from several threads at once."""

    type: ClassVar[str]
    service: ClassVar[str]
    """botocore's name of the AWS service."""
    inputs: ClassVar[Block]
    replaces: ClassVar[frozenset[str]] = frozenset()
    """Inputs that AWS cannot change in place."""
    json: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are JSON texts: what they say counts, not how it is written."""
    only: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Inputs of which the stand-in applies one value only."""
    defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """What AWS has where the program says nothing: no drift."""
    unmanaged: ClassVar[frozenset[str]] = frozenset()
    """Inputs that stay as AWS has them while the program says nothing ("Optional, Computed" in Terraform)."""
    outputs: ClassVar[frozenset[str]] = frozenset({"arn"})
    """What AWS adds to the inputs."""
    follows: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType({})
    """Outputs that a change of one of these inputs moves."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def create(self, inputs: Document) -> str:
        """Make it and return its id. Raises Refused."""
        raise NotImplementedError

    def complete(self, identity: str, inputs: Document) -> None:
        """Do what has to be done once it exists. Raises Refused; it exists all the same."""

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        """Inputs and outputs as they are in AWS, None if it is not there.

        `inputs` are the program's, for what AWS does not tell; empty when it is imported.
        """
        raise NotImplementedError

    def update(self, identity: str, before: Document, after: Document) -> None:
        """Change it in place. Raises Refused."""
        raise NotImplementedError

    def delete(self, identity: str, inputs: Document) -> None:
        """Remove it; removing the absent succeeds. Raises Refused."""
        raise NotImplementedError

    def identity(self, imported: str) -> str:
        """The id in the state of one that is imported by this id. Raises Refused."""
        return imported

    @classmethod
    def wrong(cls, given: Document) -> Iterable[tuple[str, str]]:  # noqa: ARG003
        """What is wrong with inputs beside each other: the path of an input, and why. Never tells a value."""
        return ()

    @property
    def client(self) -> Any:
        """The client of the type's service."""
        return self.aws(self.service)

    @classmethod
    def same(cls, name: str, before: Any, after: Any) -> bool:
        """Whether two values of an input mean the same."""
        default = cls.defaults.get(name)
        compare = same_json if name in cls.json else same_value
        return compare(default if before is None else before, default if after is None else after)

    @classmethod
    def changed(cls, before: Document, after: Document) -> list[str]:
        """Names of the inputs that an update has to change, in order."""
        names = sorted({*before, *after} - (cls.unmanaged - set(after)))
        return [name for name in names if not cls.same(name, before.get(name), after.get(name))]

    @classmethod
    def as_written(cls, inputs: Document, there: Document) -> Document:
        """What AWS has, in the program's words where it means the same: that is no drift."""
        found = {}
        for name in sorted({*inputs, *there} - (cls.unmanaged - set(inputs))):
            if cls.same(name, inputs.get(name), there.get(name)):
                found.update({name: inputs[name]} if name in inputs else {})
            elif name in there:
                found[name] = there[name]
        return found


def error_code(error: Exception) -> str:
    """AWS's code of a failed call; empty for every other exception."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str((response.get("Error") or {}).get("Code", ""))


@contextmanager
def doing(what: str, client: Any) -> Iterator[None]:
    """Word a failed call as the real provider does. Raises Refused."""
    try:
        yield
    except Exception as error:
        if not error_code(error):
            raise
        raise Refused(f"{what}: {_worded(error, client)}") from error


def _worded(error: Any, client: Any) -> str:
    """A failed call as the AWS SDK of the real provider words it."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    # An exception of its own class is one that the service's model knows.
    modelled = type(error).__name__ != "ClientError"
    code = f"{'' if modelled else 'api error '}{error_code(error)}"
    service = client.meta.service_model.service_id
    message = error.response["Error"].get("Message", "")
    return (
        f"operation error {service}: {error.operation_name}, "
        f"https response error StatusCode: {status}, {code}: {message}"
    )


@contextmanager
def absent_is_fine(*codes: str) -> Iterator[None]:
    """Let a call fail with one of these codes: what was asked for is not there."""
    try:
        yield
    except Exception as error:
        if error_code(error) not in codes:
            raise


def settled(what: str, check: Callable[[], bool]) -> None:
    """Wait until AWS has finished what it does in the background. Raises Refused when it takes too long."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not check():
        if time.monotonic() > deadline:
            raise Refused(f"waiting for {what}: it is not ready after {SETTLE_SECONDS:g} s")
        time.sleep(SETTLE_INTERVAL_SECONDS)


def propagated(call: Callable[[], T], is_early: Callable[[Exception], bool]) -> T:
    """Repeat a call that fails because another service does not know yet what has just been made."""
    deadline = time.monotonic() + PROPAGATION_SECONDS
    while True:
        try:
            return call()
        except Exception as error:
            if not is_early(error) or time.monotonic() > deadline:
                raise
        time.sleep(PROPAGATION_INTERVAL_SECONDS)


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Tags as most services want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a program has them."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag_changes(before: Document, after: Document) -> tuple[dict[str, str], list[str]]:
    """Tags to set and keys of tags to remove."""
    old, new = before.get("tags") or {}, after.get("tags") or {}
    return {k: v for k, v in new.items() if old.get(k) != v}, [k for k in old if k not in new]


def present(document: Mapping[str, Any]) -> Document:
    """The document without what is empty."""
    return {key: value for key, value in document.items() if value not in (None, "", {}, [])}
