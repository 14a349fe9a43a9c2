"""Sends the stand-in the requests of Pulumi's engine, in this process."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, NoReturn

from pulumi.runtime.proto import provider_pb2, status_pb2

from ingestion_local.provider.properties import Document, from_struct, to_struct
from ingestion_local.provider.server import StandIn

DETAILS = provider_pb2.PropertyDiff.Kind


class Aborted(Exception):
    """The call ended with an error for the engine."""


class Call:
    """A call's context, with the methods that the stand-in uses."""

    def __init__(self) -> None:
        self.trailers: dict[str, bytes] = {}

    def abort(self, code: Any, details: str) -> NoReturn:
        raise Aborted(details)

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.trailers = dict(metadata)


def new_call() -> Any:
    """A context in the place of gRPC's own."""
    return Call()


@dataclass(frozen=True)
class Engine:
    """Sends the stand-in the requests of Pulumi's engine."""

    provider: StandIn

    @staticmethod
    def urn(kind: str) -> str:
        return f"urn:pulumi:dev::ingestion::{kind}::thing"

    def failures(self, kind: str, inputs: Document) -> list[str]:
        answer = self.provider.Check(provider_pb2.CheckRequest(urn=self.urn(kind), news=to_struct(inputs)), new_call())
        return [failure.reason for failure in answer.failures]

    def create(self, kind: str, inputs: Document, *, preview: bool = False) -> tuple[str, Document]:
        assert self.failures(kind, inputs) == []
        request = provider_pb2.CreateRequest(urn=self.urn(kind), properties=to_struct(inputs), preview=preview)
        answer = self.provider.Create(request, new_call())
        return answer.id, from_struct(answer.properties)

    def unfinished(self, kind: str, inputs: Document) -> provider_pb2.ErrorResourceInitFailed:
        """The error that the engine gets from a creation that fails half way."""
        call: Any = Call()
        request = provider_pb2.CreateRequest(urn=self.urn(kind), properties=to_struct(inputs))
        with contextlib.suppress(Aborted):
            self.provider.Create(request, call)
        (packed,) = status_pb2.Status.FromString(call.trailers["grpc-status-details-bin"]).details
        failed = provider_pb2.ErrorResourceInitFailed()
        assert packed.Unpack(failed)
        return failed

    def read(self, kind: str, identity: str, inputs: Document) -> tuple[str, Document, Document]:
        request = provider_pb2.ReadRequest(
            id=identity, urn=self.urn(kind), properties=to_struct(inputs), inputs=to_struct(inputs)
        )
        answer = self.provider.Read(request, new_call())
        return answer.id, from_struct(answer.inputs), from_struct(answer.properties)

    def diff(self, kind: str, identity: str, old: Document, new: Document) -> tuple[list[str], list[str]]:
        request = provider_pb2.DiffRequest(**self._change(kind, identity, old, new))
        answer = self.provider.Diff(request, new_call())
        assert (answer.changes == provider_pb2.DiffResponse.DIFF_SOME) == bool(answer.diffs)
        assert answer.deleteBeforeReplace == bool(answer.replaces)
        detailed = {name: DETAILS.Name(diff.kind) for name, diff in answer.detailedDiff.items()}
        assert sorted(detailed) == list(answer.diffs)
        assert [name for name in answer.diffs if detailed[name].endswith("_REPLACE")] == list(answer.replaces)
        return list(answer.diffs), list(answer.replaces)

    def update(self, kind: str, identity: str, old: Document, new: Document, *, preview: bool = False) -> Document:
        request = provider_pb2.UpdateRequest(**self._change(kind, identity, old, new), preview=preview)
        return from_struct(self.provider.Update(request, new_call()).properties)

    def delete(self, kind: str, identity: str, inputs: Document) -> None:
        request = provider_pb2.DeleteRequest(
            id=identity, urn=self.urn(kind), properties=to_struct(inputs), old_inputs=to_struct(inputs)
        )
        self.provider.Delete(request, new_call())

    def _change(self, kind: str, identity: str, old: Document, new: Document) -> dict[str, Any]:
        """The fields of a change, both for a diff and for an update."""
        before, after = to_struct(old), to_struct(new)
        return {"id": identity, "urn": self.urn(kind), "olds": before, "news": after, "old_inputs": before}
