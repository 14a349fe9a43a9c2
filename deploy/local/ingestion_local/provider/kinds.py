"""What every resource type of the stand-in has: its inputs, which of them replace it, and the four verbs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar

from ingestion_local.provider.properties import Document

Tags = Mapping[str, str]


class Refused(Exception):
    """AWS or the stand-in refused; the message is the provider's answer."""


class Aws:
    """Clients of the emulator, made when first needed."""

    def __init__(self, endpoint: str, region: str) -> None:
        self.region = region
        self._endpoint = endpoint
        self._guard = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._session: Any = None

    def __call__(self, service: str) -> Any:
        """The client of a service."""
        with self._guard:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        # Imported here: the engine waits for the port, and talks for a while before the first resource comes.
        import botocore.config
        import botocore.session

        self._session = self._session or botocore.session.get_session()
        config = botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"mode": "standard"}, max_pool_connections=32
        )
        return self._session.create_client(
            service, region_name=self.region, endpoint_url=self._endpoint, config=config
        )


def error_code(error: Exception) -> str:
    """AWS's code of a failed call; empty for every other exception."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str((response.get("Error") or {}).get("Code", ""))


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Word a failed call as the real provider does. Raises Refused."""
    try:
        yield
    except Exception as error:
        code = error_code(error)
        if not code:
            raise
        response: dict[str, Any] = getattr(error, "response", {})
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        operation = getattr(error, "operation_name", "")
        message = response["Error"].get("Message", "")
        raise Refused(
            f"{what}: operation error {operation}, StatusCode: {status}, {code}: {message}"
        ) from error


@contextmanager
def absent_is_fine(*codes: str) -> Iterator[None]:
    """Let a call fail with one of these codes: what was to be removed is not there."""
    try:
        yield
    except Exception as error:
        if error_code(error) not in codes:
            raise


class Kind:
    """One resource type. `read` gives the inputs as AWS has them and what AWS adds, or None if there is no such thing."""

    type: ClassVar[str]
    inputs: ClassVar[frozenset[str]]
    replaces: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    # What AWS has where the program says nothing: no drift.
    defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def create(self, inputs: Document) -> str:
        """Make it and return its id. Raises Refused."""
        raise NotImplementedError

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        """Inputs and computed outputs as they are in AWS; `inputs` are those of the program, where AWS does not tell."""
        raise NotImplementedError

    def update(self, identity: str, before: Document, after: Document) -> None:
        """Change it in place. Raises Refused."""
        raise NotImplementedError

    def delete(self, identity: str, inputs: Document) -> None:
        """Remove it; removing the absent succeeds. Raises Refused."""
        raise NotImplementedError


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Tags as most services want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a program has them."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag_changes(before: Document, after: Document) -> tuple[Tags, list[str]]:
    """Tags to set and keys of tags to remove."""
    old, new = before.get("tags") or {}, after.get("tags") or {}
    return {k: v for k, v in new.items() if old.get(k) != v}, [k for k in old if k not in new]
