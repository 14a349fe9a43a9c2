"""The provider protocol: checks, differences and the four verbs, handed to the kinds."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlparse

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from ingestion_local.provider import buckets, compute, events
from ingestion_local.provider.kinds import Aws, Kind, Refused
from ingestion_local.provider.properties import (
    UNKNOWN,
    Document,
    changed_keys,
    from_struct,
    is_unknown,
    pruned,
    same_value,
    to_struct,
)

KINDS: Mapping[str, type[Kind]] = {kind.type: kind for kind in (*buckets.KINDS, *compute.KINDS, *events.KINDS)}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
BANNER = "aws plugin: this is the local stand-in of the ingestion operator, for an emulator only; it is not pulumi-resource-aws"
NAME = "ingestion-operator's local stand-in for pulumi-resource-aws"

Context = grpc.ServicerContext


def loopback_endpoint(environment: Mapping[str, str]) -> str:
    """The emulator's URL. Raises Refused if there is none or if it is not on this machine."""
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    if urlparse(endpoint).hostname not in LOOPBACK:
        raise Refused(
            f"AWS_ENDPOINT_URL is {endpoint!r}: the stand-in talks only to an emulator on loopback, never to AWS"
        )
    return endpoint


def region_of(environment: Mapping[str, str]) -> str:
    """The region. Raises Refused if there is none."""
    if not environment.get("AWS_REGION"):
        raise Refused("AWS_REGION is not set")
    return environment["AWS_REGION"]


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """The servicer. Resource calls may come at the same time; each kind keeps no state of its own."""

    def __init__(self, version: str, stopped: threading.Event | None = None) -> None:
        self._version = version
        self._stopped = stopped or threading.Event()
        self._kinds: dict[str, Kind] = {}

    def Handshake(self, request: Any, context: Context) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=False, accept_resources=False, accept_outputs=False
        )

    def Attach(self, request: Any, context: Context) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Context) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def GetSchema(self, request: Any, context: Context) -> Any:
        return provider_pb2.GetSchemaResponse(
            schema=f'{{"name":"aws","version":"{self._version}","description":"{NAME}"}}'
        )

    def CheckConfig(self, request: Any, context: Context) -> Any:
        given = from_struct(request.news)
        unknown = sorted(set(given) - {"version", "region", "__internal"})
        failures = [
            provider_pb2.CheckFailure(property=name, reason="the stand-in takes its configuration from the environment")
            for name in unknown
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Context) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Context) -> Any:
        try:
            self.configure(Aws(loopback_endpoint(os.environ), region_of(os.environ)))
        except Refused as refusal:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(refusal))
        sys.stderr.write(BANNER + "\n")
        return provider_pb2.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def configure(self, aws: Aws) -> None:
        """Make the kinds for this emulator."""
        self._kinds = {name: kind(aws) for name, kind in KINDS.items()}

    def Check(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        given = from_struct(request.news)
        failures = [
            provider_pb2.CheckFailure(
                property=name, reason=f"input {name} of {kind.type}: the stand-in does not apply it"
            )
            for name in sorted(set(given) - kind.inputs - {"__defaults"})
        ]
        failures += [
            provider_pb2.CheckFailure(property=name, reason=f"input {name} of {kind.type} is missing")
            for name in sorted(kind.required - set(given))
        ]
        given.pop("__defaults", None)
        return provider_pb2.CheckResponse(inputs=to_struct(given), failures=failures)

    def Diff(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        before = from_struct(request.old_inputs) or from_struct(request.olds)
        after = from_struct(request.news)
        changed = changed_keys({k: v for k, v in before.items() if k in kind.inputs}, after)
        replaces = [key for key in changed if key in kind.replaces]
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces),
        )

    def Create(self, request: Any, context: Context) -> Any:
        kind, inputs = self._kind(request, context), from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct({**inputs, "arn": UNKNOWN}))
        self._refuse_unknown(inputs, context)
        identity = self._do(context, lambda: kind.create(inputs))
        return provider_pb2.CreateResponse(id=identity, properties=self._state(kind, identity, inputs, context))

    def Read(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        inputs = from_struct(request.inputs) or from_struct(request.properties)
        inputs = {key: value for key, value in inputs.items() if key in kind.inputs}
        found = self._do(context, lambda: kind.read(request.id, inputs))
        if found is None:
            return provider_pb2.ReadResponse()
        there = _as_written(kind, inputs, found[0]) if inputs else found[0]
        return provider_pb2.ReadResponse(
            id=request.id, properties=to_struct({**there, **found[1]}), inputs=to_struct(there)
        )

    def Update(self, request: Any, context: Context) -> Any:
        kind, after = self._kind(request, context), from_struct(request.news)
        before = from_struct(request.old_inputs) or from_struct(request.olds)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=to_struct({**from_struct(request.olds), **after}))
        self._refuse_unknown(after, context)
        self._do(context, lambda: kind.update(request.id, before, after))
        return provider_pb2.UpdateResponse(properties=self._state(kind, request.id, after, context))

    def Delete(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        inputs = from_struct(request.old_inputs) or from_struct(request.properties)
        self._do(context, lambda: kind.delete(request.id, inputs))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Context) -> Any:
        self._stopped.set()
        return empty_pb2.Empty()

    def _kind(self, request: Any, context: Context) -> Kind:
        name = request.urn.split("::")[2].rpartition("$")[2]
        if name not in self._kinds:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"type {name}: the stand-in does not know it")
        return self._kinds[name]

    def _state(self, kind: Kind, identity: str, inputs: Document, context: Context) -> struct_pb2.Struct:
        found = self._do(context, lambda: kind.read(identity, inputs))
        if found is None:
            context.abort(grpc.StatusCode.UNKNOWN, f"{kind.type} {identity} was made and is not there")
        return to_struct({**inputs, **found[1]})

    @staticmethod
    def _refuse_unknown(inputs: Document, context: Context) -> None:
        if is_unknown(inputs):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an input is unknown outside of a preview")

    @staticmethod
    def _do(context: Context, call: Any) -> Any:
        try:
            return call()
        except (Refused, ValueError, KeyError) as refusal:
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        except Exception as error:  # noqa: BLE001 - the engine is told of every failure, whatever it is
            context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")
        return None


def _as_written(kind: Kind, inputs: Document, there: Document) -> Document:
    """What AWS has, in the program's words where it means the same.

    Other white space in a policy is no drift, nor is a default that the program left out, nor an empty value.
    """
    found = {}
    for key in sorted({*inputs, *there}):
        if same_value(pruned(inputs.get(key)), pruned(there.get(key))):
            found.update({key: inputs[key]} if key in inputs else {})
        elif key in there and (key in inputs or there[key] != kind.defaults.get(key)):
            found[key] = there[key]
    return found
