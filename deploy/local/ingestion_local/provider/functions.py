"""Lambda: functions from a zip."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from ingestion_local.provider.kinds import (
    Kind,
    absent_is_fine,
    doing,
    error_code,
    present,
    propagated,
    settled,
    tag_changes,
)
from ingestion_local.provider.properties import Document, archive_path
from ingestion_local.provider.shapes import block

DEFAULT_MEMORY_MIB = 128
DEFAULT_TIMEOUT_SECONDS = 3
UNRESERVED = -1

# Pulumi's input to the field of Lambda's API, for those that are passed as they are.
PLAIN = {
    "description": "Description",
    "role": "Role",
    "runtime": "Runtime",
    "handler": "Handler",
    "memorySize": "MemorySize",
    "timeout": "Timeout",
}
# The same for those that are a small object of values, with what is in it.
OBJECTS = {
    "environment": ("Environment", {"variables": "Variables"}),
    "tracingConfig": ("TracingConfig", {"mode": "Mode"}),
    "ephemeralStorage": ("EphemeralStorage", {"size": "Size"}),
    "loggingConfig": ("LoggingConfig", {"logFormat": "LogFormat", "logGroup": "LogGroup"}),
    "deadLetterConfig": ("DeadLetterConfig", {"targetArn": "TargetArn"}),
}
# What an update sends for what the program does not say (any more); without it AWS would leave what was there.
RESET: Document = {
    "Description": "",
    "MemorySize": DEFAULT_MEMORY_MIB,
    "Timeout": DEFAULT_TIMEOUT_SECONDS,
    "Environment": {"Variables": {}},
    "DeadLetterConfig": {"TargetArn": ""},
    "Layers": [],
}
CODE = frozenset({"code", "sourceCodeHash", "codeSha256", "architectures"})
CONFIGURATION = frozenset({*PLAIN, *OBJECTS, "layers"})
# A new role is not known to Lambda at once.
EARLY = ("cannot be assumed by Lambda", "execution role does not have permissions")


class Function(Kind):
    """`aws.lambda_.Function`, from a zip."""

    type = "aws:lambda/function:Function"
    service = "lambda"
    inputs = block(
        "name",
        "role",
        "code",
        "runtime",
        "handler",
        description=None,
        memorySize=None,
        timeout=None,
        sourceCodeHash=None,
        codeSha256=None,
        architectures=None,
        layers=None,
        packageType=None,
        reservedConcurrentExecutions=None,
        tags=None,
        **{ours: block(**dict.fromkeys(names)) for ours, (_, names) in OBJECTS.items()},
    )
    replaces = frozenset({"name", "packageType"})
    only = MappingProxyType({"packageType": "Zip"})
    defaults = MappingProxyType(
        {
            "packageType": "Zip",
            "memorySize": DEFAULT_MEMORY_MIB,
            "timeout": DEFAULT_TIMEOUT_SECONDS,
            "reservedConcurrentExecutions": UNRESERVED,
        }
    )
    unmanaged = frozenset(
        {"architectures", "codeSha256", "ephemeralStorage", "loggingConfig", "sourceCodeHash", "tracingConfig"}
    )
    outputs = frozenset({"arn", "codeSha256", "invokeArn", "lastModified", "sourceCodeSize", "tagsAll", "version"})
    follows = MappingProxyType(
        {
            "tagsAll": frozenset({"tags"}),
            "codeSha256": CODE,
            "sourceCodeSize": CODE,
            "lastModified": CODE | CONFIGURATION,
        }
    )

    @override
    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        wanted = {
            **_configuration(inputs),
            "FunctionName": name,
            "Code": {"ZipFile": _zip(inputs)},
            "Architectures": inputs.get("architectures"),
            "PackageType": inputs.get("packageType"),
            "Tags": inputs.get("tags"),
        }
        with doing(f"creating Lambda Function ({name})", self.client):
            propagated(lambda: self.client.create_function(**present(wanted)), _is_early)
        return name

    @override
    def complete(self, identity: str, inputs: Document) -> None:
        self._settle(identity)
        self._reserve(identity, UNRESERVED, inputs.get("reservedConcurrentExecutions", UNRESERVED))

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        answer: Document = {}
        with absent_is_fine("ResourceNotFoundException"):
            answer = self.client.get_function(FunctionName=identity)
        if not answer:
            return None
        found = _inputs(answer, inputs)
        configuration = answer["Configuration"]
        arn, region = configuration["FunctionArn"], self.aws.region
        return found, {
            "arn": arn,
            "codeSha256": configuration["CodeSha256"],
            "invokeArn": f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations",
            "lastModified": configuration["LastModified"],
            "sourceCodeSize": configuration["CodeSize"],
            "tagsAll": found.get("tags", {}),
            "version": configuration["Version"],
        }

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = set(self.changed(before, after))
        with doing(f"updating Lambda Function ({identity}) configuration", self.client):
            if changed & CONFIGURATION:
                wanted = {"FunctionName": identity, **RESET, **_configuration(after)}
                propagated(lambda: self.client.update_function_configuration(**wanted), _is_early)
                self._settle(identity)
        with doing(f"updating Lambda Function ({identity}) code", self.client):
            if changed & CODE:
                extra = present({"Architectures": after.get("architectures")})
                self.client.update_function_code(FunctionName=identity, ZipFile=_zip(after), **extra)
                self._settle(identity)
        if "reservedConcurrentExecutions" in changed:
            reserved = (inputs.get("reservedConcurrentExecutions", UNRESERVED) for inputs in (before, after))
            self._reserve(identity, *reserved)
        if "tags" in changed:
            self._tag(identity, before, after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting Lambda Function ({identity})", self.client), absent_is_fine("ResourceNotFoundException"):
            self.client.delete_function(FunctionName=identity)

    def _settle(self, name: str) -> None:
        """Wait until the function can be invoked, as the real provider does."""

        def is_ready() -> bool:
            found = self.client.get_function_configuration(FunctionName=name)
            states = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
            return states == ("Active", "Successful")

        settled(f"Lambda Function ({name})", is_ready)

    def _reserve(self, name: str, before: int, after: int) -> None:
        with doing(f"setting Lambda Function ({name}) concurrency", self.client):
            if after != UNRESERVED:
                self.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=after)
            elif before != UNRESERVED:
                self.client.delete_function_concurrency(FunctionName=name)

    def _tag(self, name: str, before: Document, after: Document) -> None:
        added, removed = tag_changes(before, after)
        with doing(f"tagging Lambda Function ({name})", self.client):
            arn = self.client.get_function_configuration(FunctionName=name)["FunctionArn"]
            if removed:
                self.client.untag_resource(Resource=arn, TagKeys=removed)
            if added:
                self.client.tag_resource(Resource=arn, Tags=added)


def _zip(inputs: Document) -> bytes:
    return Path(archive_path(inputs["code"])).read_bytes()


def _is_early(error: Exception) -> bool:
    return error_code(error) == "InvalidParameterValueException" and any(text in str(error) for text in EARLY)


def _configuration(inputs: Document) -> Document:
    """What both making and updating a configuration take, of what the program says."""
    wanted = {theirs: inputs[ours] for ours, theirs in PLAIN.items() if ours in inputs}
    for ours, (theirs, names) in OBJECTS.items():
        if part := inputs.get(ours):
            wanted[theirs] = {names[name]: value for name, value in part.items()}
    if "layers" in inputs:
        wanted["Layers"] = inputs["layers"]
    return wanted


def _inputs(answer: Document, inputs: Document) -> Document:
    """The inputs as AWS has them."""
    there = answer["Configuration"]
    reserved = (answer.get("Concurrency") or {}).get("ReservedConcurrentExecutions", UNRESERVED)
    found: Document = {
        "name": there["FunctionName"],
        "packageType": there.get("PackageType"),
        "architectures": there.get("Architectures"),
        "layers": [layer["Arn"] for layer in there.get("Layers") or []],
        "tags": answer.get("Tags"),
        "codeSha256": there["CodeSha256"],
        "reservedConcurrentExecutions": reserved,
    }
    found |= {ours: there.get(theirs) for ours, theirs in PLAIN.items()}
    for ours, (theirs, names) in OBJECTS.items():
        part = there.get(theirs) or {}
        found[ours] = present({name: part.get(field) for name, field in names.items()})
    found["loggingConfig"] = _logging(found["loggingConfig"], inputs, f"/aws/lambda/{there['FunctionName']}")
    # AWS does not give the zip back, and the source hash is only what the program said.
    found |= {key: inputs[key] for key in ("code", "sourceCodeHash") if key in inputs}
    return present(found)


def _logging(found: Document, inputs: Document, default_group: str) -> Document:
    """AWS names the log group also when the program does not."""
    said: dict[str, Any] = inputs.get("loggingConfig") or {}
    if "logGroup" not in said and found.get("logGroup") == default_group:
        return {key: value for key, value in found.items() if key != "logGroup"}
    return found


KINDS: tuple[type[Kind], ...] = (Function,)
