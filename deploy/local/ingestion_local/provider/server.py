"""The provider protocol: checks, differences and the four verbs. The resource types do the work.

Secrets: the stand-in does not support marked secrets. So the engine passes plain values, and marks the returned ones itself.
Logs and messages have only the names of inputs, never their values.

Source: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from typing_extensions import override

from ingestion_local.provider import configuration
from ingestion_local.provider.access import access_of
from ingestion_local.provider.calls import Refused
from ingestion_local.provider.cancellation import Cancelled, until_stopped
from ingestion_local.provider.catalogue import KINDS, USUAL_SERVICES
from ingestion_local.provider.clients import Aws
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import UNKNOWN, Document, from_struct, is_json, is_unknown, to_struct
from ingestion_local.provider.shapes import problems

T = TypeVar("T")
Context = grpc.ServicerContext
Diff = provider_pb2.PropertyDiff

VALUE = re.compile(r"value: .*?, type: ", re.DOTALL)
BANNER = (
    "aws plugin: this is the local stand-in of the ingestion operator, for an emulator only; "
    "it is not pulumi-resource-aws"
)
NAME = "ingestion-operator's local stand-in for pulumi-resource-aws"


def _known(given: Document) -> Document:
    """The configuration without the values that the program does not know yet."""
    return {name: value for name, value in given.items() if not is_unknown(value)}


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """The servicer. Calls may come at the same time, because resource types keep no state."""

    def __init__(self, version: str, stopped: threading.Event | None = None) -> None:
        self._version = version
        self._stopped = stopped or threading.Event()
        self._kinds: dict[str, ResourceKind] = {}

    @override
    def Handshake(self, request: Any, context: Context) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=False, accept_resources=False, accept_outputs=False
        )

    @override
    def Attach(self, request: Any, context: Context) -> Any:
        return empty_pb2.Empty()

    @override
    def GetPluginInfo(self, request: Any, context: Context) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    @override
    def GetSchema(self, request: Any, context: Context) -> Any:
        return provider_pb2.GetSchemaResponse(
            schema=f'{{"name":"aws","version":"{self._version}","description":"{NAME}"}}'
        )

    @override
    def CheckConfig(self, request: Any, context: Context) -> Any:
        failures = [
            provider_pb2.CheckFailure(property=name, reason=reason)
            for name, reason in configuration.problems(_known(from_struct(request.news)))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    @override
    def DiffConfig(self, request: Any, context: Context) -> Any:
        before = from_struct(request.old_inputs) or from_struct(request.olds)
        changed = configuration.changed(before, from_struct(request.news))
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            diffs=changed,
            replaces=[name for name in changed if name in configuration.REPLACES],
        )

    @override
    def Configure(self, request: Any, context: Context) -> Any:
        try:
            aws = Aws(access_of(os.environ, configuration.parse(_known(from_struct(request.args)))))
            aws.check_account()
        except Refused as refusal:
            _abort(context, grpc.StatusCode.FAILED_PRECONDITION, str(refusal))
        self.configure(aws)
        # The engine runs the program now. Meanwhile the clients are made.
        aws.warm_up(USUAL_SERVICES)
        sys.stderr.write(BANNER + "\n")
        return provider_pb2.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def configure(self, aws: Aws) -> None:
        """Make the resource types for this emulator."""
        self._kinds = {name: kind(aws) for name, kind in KINDS.items()}

    @override
    def Check(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        given = from_struct(request.news)
        given.pop("__defaults", None)
        failures = [
            provider_pb2.CheckFailure(property=path, reason=f"input {path} of {kind.type}: {reason}")
            for path, reason in (*problems(kind.inputs, given), *_wrong_values(kind, given), *kind.wrong(given))
        ]
        return provider_pb2.CheckResponse(inputs=to_struct(given), failures=failures)

    @override
    def Diff(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        before, after = _before(request, kind, request.olds), from_struct(request.news)
        changed = kind.changed(before, after)
        replaces = [name for name in changed if name in kind.replaces]
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
            # The program chooses the names. So the old resource must be deleted before the new one is created.
            deleteBeforeReplace=bool(replaces),
            detailedDiff={
                name: Diff(kind=_diff_kind(name, before, after, name in replaces), inputDiff=True) for name in changed
            },
            hasDetailedDiff=True,
        )

    @override
    def Create(self, request: Any, context: Context) -> Any:
        kind, inputs = self._kind(request, context), from_struct(request.properties)
        if request.preview:
            known_later = dict.fromkeys(kind.outputs | (kind.unmanaged - set(inputs)), UNKNOWN)
            return provider_pb2.CreateResponse(properties=to_struct({**inputs, **known_later}))
        self._refuse_unknown(inputs, context)
        identity = self._do(context, lambda: kind.create(inputs))

        def finish() -> Document:
            kind.complete(identity, inputs)
            return _state(kind, identity, inputs)

        try:
            state = until_stopped(finish, self._stopped)
        except Cancelled as error:
            _abort_half_made(context, identity, inputs, str(error))
        except Exception as error:  # noqa: BLE001 - whatever the error is, the engine must know that the resource exists
            _abort_half_made(context, identity, _half_made(kind, identity, inputs), _words(error))
        return provider_pb2.CreateResponse(id=identity, properties=to_struct(state))

    @override
    def Read(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        inputs = from_struct(request.inputs) or from_struct(request.properties)
        inputs = {name: value for name, value in inputs.items() if name in kind.inputs}
        identity = request.id if inputs else self._do(context, lambda: kind.identity(request.id))
        state = self._do(context, lambda: kind.read(request.id, inputs))
        if state is None:
            return provider_pb2.ReadResponse()
        there, outputs = state
        # Without inputs this is an import, which returns all inputs that a program can set.
        written = kind.as_written(inputs, there) if inputs else _imported(kind, there)
        return provider_pb2.ReadResponse(
            id=identity, properties=to_struct({**there, **written, **outputs}), inputs=to_struct(written)
        )

    @override
    def Update(self, request: Any, context: Context) -> Any:
        kind, after = self._kind(request, context), from_struct(request.news)
        before = _before(request, kind, request.olds)
        if request.preview:
            changed = set(kind.changed(before, after))
            moved = [name for name, causes in kind.follows.items() if causes & changed]
            state = {**from_struct(request.olds), **after, **dict.fromkeys(moved, UNKNOWN)}
            return provider_pb2.UpdateResponse(properties=to_struct(state))
        self._refuse_unknown(after, context)
        self._do(context, lambda: kind.update(request.id, before, after))
        state = self._do(context, lambda: _state(kind, request.id, after))
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    @override
    def Delete(self, request: Any, context: Context) -> Any:
        kind = self._kind(request, context)
        inputs = _before(request, kind, request.properties)
        self._do(context, lambda: kind.delete(request.id, inputs))
        return empty_pb2.Empty()

    @override
    def Cancel(self, request: Any, context: Context) -> Any:
        self._stopped.set()
        return empty_pb2.Empty()

    def _kind(self, request: Any, context: Context) -> ResourceKind:
        name = request.urn.split("::")[2].rpartition("$")[2]
        if name not in KINDS:
            _abort(context, grpc.StatusCode.UNIMPLEMENTED, f"type {name}: the stand-in does not know it")
        if not self._kinds:
            _abort(context, grpc.StatusCode.FAILED_PRECONDITION, "the stand-in is not configured")
        return self._kinds[name]

    @staticmethod
    def _refuse_unknown(inputs: Document, context: Context) -> None:
        if is_unknown(inputs):
            _abort(context, grpc.StatusCode.INVALID_ARGUMENT, "an input is unknown outside of a preview")

    def _do(self, context: Context, call: Callable[[], T]) -> T:
        try:
            return until_stopped(call, self._stopped)
        except Exception as error:  # noqa: BLE001 - the engine gets each error as a message
            _abort(context, grpc.StatusCode.UNKNOWN, _words(error))


def _before(request: Any, kind: ResourceKind, state: Any) -> Document:
    """The previous inputs. An old engine sends only the state, which contains outputs too."""
    inputs = from_struct(request.old_inputs)
    return inputs or {name: value for name, value in from_struct(state).items() if name in kind.inputs}


def _wrong_values(kind: ResourceKind, given: Document) -> list[tuple[str, str]]:
    known = {name: value for name, value in given.items() if not is_unknown(value)}
    wrong = [
        (name, f"the stand-in applies only {only!r}")
        for name, only in kind.only.items()
        if name in known and known[name] != only
    ]
    texts = [(name, known[name]) for name in sorted(kind.json) if isinstance(known.get(name), str)]
    return wrong + [(name, "is not a JSON object") for name, text in texts if not is_json(text)]


def _diff_kind(name: str, before: Document, after: Document, replaces: bool) -> Any:
    if name not in before:
        return Diff.ADD_REPLACE if replaces else Diff.ADD
    if name not in after:
        return Diff.DELETE_REPLACE if replaces else Diff.DELETE
    return Diff.UPDATE_REPLACE if replaces else Diff.UPDATE


def _state(kind: ResourceKind, identity: str, inputs: Document) -> Document:
    """The properties that the engine stores for a resource. Raises Refused."""
    state = kind.read(identity, inputs)
    if state is None:
        raise Refused(f"reading {kind.type} ({identity}): it was created, but it is not there")
    there, outputs = state
    return {**there, **inputs, **outputs}


def _half_made(kind: ResourceKind, identity: str, inputs: Document) -> Document:
    """The inputs that took effect. So the engine's next update sees what remains to be done."""
    try:
        state = kind.read(identity, inputs)
    except Exception:  # noqa: BLE001 - only the first failure matters
        state = None
    return kind.as_written(inputs, state[0]) if state else inputs


def _imported(kind: ResourceKind, there: Document) -> Document:
    return {name: value for name, value in there.items() if name in kind.inputs}


def _words(error: Exception) -> str:
    if isinstance(error, Refused | ValueError):
        return str(error)
    # botocore's message about a wrong type quotes the value, which may be a secret.
    return VALUE.sub("type: ", f"{type(error).__name__}: {error}")


def _abort(context: Context, code: grpc.StatusCode, message: str) -> NoReturn:
    context.abort(code, message)
    raise AssertionError("the call was aborted, but it goes on")


def _abort_half_made(context: Context, identity: str, inputs: Document, reason: str) -> NoReturn:
    """Fail a creation in a way that the engine keeps the resource, and finishes or deletes it the next time."""
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=identity, properties=to_struct(inputs), reasons=[reason], inputs=to_struct(inputs)
        )
    )
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=reason, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    _abort(context, code, reason)
