"""Lambda: a function's configuration, as Pulumi's inputs and as the fields of Lambda's API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingestion_local.provider.properties import UNKNOWN, Document, present
from ingestion_local.provider.shapes import block, requiring

DEFAULT_MEMORY_MIB = 128
DEFAULT_TIMEOUT_SECONDS = 3

# Pulumi's input -> the field of Lambda's API, for inputs that are passed unchanged.
PLAIN = {
    "description": "Description",
    "role": "Role",
    "runtime": "Runtime",
    "handler": "Handler",
    "memorySize": "MemorySize",
    "timeout": "Timeout",
    "kmsKeyArn": "KMSKeyArn",
}
# The same for inputs that are small objects of values, with the fields of the object.
OBJECTS = {
    "environment": ("Environment", {"variables": "Variables"}),
    "tracingConfig": ("TracingConfig", {"mode": "Mode"}),
    "ephemeralStorage": ("EphemeralStorage", {"size": "Size"}),
    "loggingConfig": (
        "LoggingConfig",
        {
            "logFormat": "LogFormat",
            "logGroup": "LogGroup",
            "applicationLogLevel": "ApplicationLogLevel",
            "systemLogLevel": "SystemLogLevel",
        },
    ),
    "deadLetterConfig": ("DeadLetterConfig", {"targetArn": "TargetArn"}),
    "vpcConfig": ("VpcConfig", {"subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}),
}
BLOCKS = {ours: block(**dict.fromkeys(names)) for ours, (_, names) in OBJECTS.items()} | {
    "vpcConfig": block(*OBJECTS["vpcConfig"][1]),
    "loggingConfig": requiring(block(**dict.fromkeys(OBJECTS["loggingConfig"][1])), "logFormat"),
}
LOG_LEVELS = ("applicationLogLevel", "systemLogLevel")
JSON_LOG = "JSON"
# An update sends these for inputs that the program does not set (any more). Otherwise AWS would keep the old values.
RESET: Document = {
    "Description": "",
    "MemorySize": DEFAULT_MEMORY_MIB,
    "Timeout": DEFAULT_TIMEOUT_SECONDS,
    "Environment": {"Variables": {}},
    "DeadLetterConfig": {"TargetArn": ""},
    "Layers": [],
    "KMSKeyArn": "",
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
FIELDS = {**PLAIN, **{ours: theirs for ours, (theirs, _) in OBJECTS.items()}, "layers": "Layers"}
CONFIGURATION = frozenset(FIELDS)


def configuration_problems(given: Document) -> Iterator[tuple[str, str]]:
    """Inputs that do not fit together: the name of an input, and the reason."""
    for name, value in _part(_part(given, "environment"), "variables").items():
        # The name only. The value may be a secret.
        if not isinstance(value, str):
            yield f"environment.variables.{name}", "is not a text"
    if "kmsKeyArn" in given and "environment" not in given:
        yield "kmsKeyArn", "is for an environment, but the function has none, and AWS would drop the key"
    logging = _part(given, "loggingConfig")
    for name in LOG_LEVELS:
        if name in logging and logging.get("logFormat") not in (JSON_LOG, UNKNOWN):
            yield f"loggingConfig.{name}", f"is for logFormat {JSON_LOG!r} only"


def _part(document: Document, name: str) -> Document:
    """An object among the inputs; empty if it is absent or not known yet."""
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def configuration_to_aws(inputs: Document) -> Document:
    """The program's inputs in the form that both creating and updating a configuration accept."""
    wanted = {theirs: inputs[ours] for ours, theirs in PLAIN.items() if ours in inputs}
    for ours, (theirs, names) in OBJECTS.items():
        if part := inputs.get(ours):
            wanted[theirs] = {names[name]: value for name, value in part.items()}
    if "layers" in inputs:
        wanted["Layers"] = inputs["layers"]
    return wanted


def configuration_from_aws(there: Document, inputs: Document) -> Document:
    """The inputs as AWS has them. `inputs` are the program's, because AWS also returns values that the program did not set."""
    found: Document = {ours: there.get(theirs) for ours, theirs in PLAIN.items()}
    for ours, (theirs, names) in OBJECTS.items():
        part = there.get(theirs) or {}
        found[ours] = present({name: part.get(field) for name, field in names.items()})
    found["layers"] = [layer["Arn"] for layer in there.get("Layers") or []]
    found["loggingConfig"] = _logging(found["loggingConfig"], inputs, f"/aws/lambda/{there['FunctionName']}")
    return found


def _logging(found: Document, inputs: Document, default_group: str) -> Document:
    """The logging configuration. AWS returns a log group and levels that the program did not set. These levels do not count as drift."""
    said: dict[str, Any] = inputs.get("loggingConfig") or {}
    silent = {key for key in LOG_LEVELS if key not in said} if said else set()
    if "logGroup" not in said and found.get("logGroup") == default_group:
        silent.add("logGroup")
    return {key: value for key, value in found.items() if key not in silent}
