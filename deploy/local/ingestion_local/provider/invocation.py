"""Lambda: who may invoke a function, and what happens to its asynchronous invocations."""

from __future__ import annotations

import json
from types import MappingProxyType

from typing_extensions import override

from ingestion_local.provider.calls import Refused, absent_is_fine, doing, propagated
from ingestion_local.provider.functions import is_early
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import Block, block

DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 21600


class InvokeConfig(ResourceKind):
    """`aws.lambda_.FunctionEventInvokeConfig`. Its id is the function's name."""

    type = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    service = "lambda"
    inputs = block(
        "functionName",
        maximumRetryAttempts=None,
        maximumEventAgeInSeconds=None,
        destinationConfig=Block({"onFailure": block("destination")}),
    )
    replaces = frozenset({"functionName"})
    defaults = MappingProxyType(
        {"maximumRetryAttempts": DEFAULT_RETRIES, "maximumEventAgeInSeconds": DEFAULT_AGE_SECONDS}
    )
    outputs = frozenset()

    @override
    def create(self, inputs: Document) -> str:
        self._put(inputs)
        return str(inputs["functionName"])

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        answer: Document = {}
        with absent_is_fine("ResourceNotFoundException"):
            answer = self.client.get_function_event_invoke_config(FunctionName=identity)
        if not answer:
            return None
        destinations = answer.get("DestinationConfig") or {}
        failure = (destinations.get("OnFailure") or {}).get("Destination")
        success = (destinations.get("OnSuccess") or {}).get("Destination")
        targets = {
            "onFailure": {"destination": failure} if failure else None,
            # A setting that a program cannot express is drift too.
            "onSuccess": {"destination": success} if success else None,
        }
        config_inputs = {
            "functionName": identity,
            "maximumRetryAttempts": answer.get("MaximumRetryAttempts"),
            "maximumEventAgeInSeconds": answer.get("MaximumEventAgeInSeconds"),
            "destinationConfig": present(targets),
        }
        return present(config_inputs), {}

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        self._put(after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        what = f"deleting Lambda Function Event Invoke Config ({identity})"
        with doing(what, self.client), absent_is_fine("ResourceNotFoundException"):
            self.client.delete_function_event_invoke_config(FunctionName=identity)

    def _put(self, inputs: Document) -> None:
        name = inputs["functionName"]
        failure = (inputs.get("destinationConfig") or {}).get("onFailure")
        wanted = {
            "FunctionName": name,
            "MaximumRetryAttempts": inputs.get("maximumRetryAttempts"),
            "MaximumEventAgeInSeconds": inputs.get("maximumEventAgeInSeconds"),
            "DestinationConfig": {"OnFailure": {"Destination": failure["destination"]}} if failure else None,
        }
        with doing(f"putting Lambda Function Event Invoke Config ({name})", self.client):
            propagated(lambda: self.client.put_function_event_invoke_config(**present(wanted)), is_early)


class Permission(ResourceKind):
    """`aws.lambda_.Permission`. Every change replaces it. Its id is the statement's id."""

    type = "aws:lambda/permission:Permission"
    service = "lambda"
    inputs = block("statementId", "action", "function", "principal", sourceArn=None, sourceAccount=None)
    replaces = frozenset(inputs)
    outputs = frozenset()

    @override
    def create(self, inputs: Document) -> str:
        function, statement = inputs["function"], inputs["statementId"]
        wanted = {
            "FunctionName": function,
            "StatementId": statement,
            "Action": inputs["action"],
            "Principal": inputs["principal"],
            "SourceArn": inputs.get("sourceArn"),
            "SourceAccount": inputs.get("sourceAccount"),
        }
        with doing(f"adding Lambda Permission ({function}/{statement})", self.client):
            self.client.add_permission(**present(wanted))
        return str(statement)

    @override
    def identity(self, imported: str) -> str:
        return _parts(imported)[1]

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        known = (str(inputs["function"]), identity) if "function" in inputs else _parts(identity)
        function, statement_id = known
        statements = []
        with absent_is_fine("ResourceNotFoundException"):
            policy = json.loads(self.client.get_policy(FunctionName=function)["Policy"])
            statements = [s for s in policy["Statement"] if s.get("Sid") == statement_id]
        return (_permission_inputs(function, statements[0]), {}) if statements else None

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        raise Refused(f"updating Lambda Permission ({identity}): it is replaced, never updated")

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with (
            doing(f"removing Lambda Permission ({identity})", self.client),
            absent_is_fine("ResourceNotFoundException"),
        ):
            self.client.remove_permission(FunctionName=inputs["function"], StatementId=identity)


def _parts(imported: str) -> tuple[str, str]:
    """The function and the statement in an id to import. Raises Refused."""
    function, slash, statement = imported.partition("/")
    if not (function and slash and statement):
        raise Refused(f"unexpected format of ID ({imported}), expected <function>/<statement id>")
    return function, statement


def _permission_inputs(function: str, statement: Document) -> Document:
    principal, condition = statement["Principal"], statement.get("Condition") or {}
    pairs = {key.lower(): value for operator in condition.values() for key, value in operator.items()}
    return present(
        {
            "statementId": statement["Sid"],
            "action": statement["Action"],
            "function": function,
            "principal": principal if isinstance(principal, str) else next(iter(principal.values())),
            "sourceArn": pairs.get("aws:sourcearn"),
            "sourceAccount": pairs.get("aws:sourceaccount"),
        }
    )


KINDS: tuple[type[ResourceKind], ...] = (InvokeConfig, Permission)
