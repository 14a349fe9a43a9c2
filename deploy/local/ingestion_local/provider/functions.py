"""Lambda: functions."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from ingestion_local.provider.calls import absent_is_fine, doing, error_code, propagated, settled
from ingestion_local.provider.function_code import CODE, NOT_TOLD, ZIP, code_problems, code_to_aws
from ingestion_local.provider.function_configuration import (
    BLOCKS,
    CONFIGURATION,
    DEFAULT_MEMORY_MIB,
    DEFAULT_TIMEOUT_SECONDS,
    FIELDS,
    RESET,
    configuration_from_aws,
    configuration_problems,
    configuration_to_aws,
)
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import block
from ingestion_local.provider.tags import tag_changes

UNRESERVED = -1
# Lambda does not know a new role at once.
EARLY = ("cannot be assumed by Lambda", "execution role does not have permissions")


class Function(ResourceKind):
    """`aws.lambda_.Function`, from a zip, an object in S3 or an image.

    A function from an image can be created, read, changed and removed, but not invoked, because the emulator would need a
    container engine. The emulator does not check whether the image exists.
    """

    type = "aws:lambda/function:Function"
    service = "lambda"
    inputs = block(
        "name",
        "role",
        code=None,
        s3Bucket=None,
        s3Key=None,
        s3ObjectVersion=None,
        imageUri=None,
        runtime=None,
        handler=None,
        description=None,
        memorySize=None,
        timeout=None,
        sourceCodeHash=None,
        codeSha256=None,
        architectures=None,
        layers=None,
        packageType=None,
        kmsKeyArn=None,
        reservedConcurrentExecutions=None,
        tags=None,
        **BLOCKS,
    )
    replaces = frozenset({"name", "packageType"})
    defaults = MappingProxyType(
        {
            "packageType": ZIP,
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
    @classmethod
    def wrong(cls, given: Document) -> Iterator[tuple[str, str]]:
        yield from code_problems(given)
        yield from configuration_problems(given)

    @override
    @classmethod
    def same(cls, name: str, before: Any, after: Any) -> bool:
        if name == "vpcConfig":
            before, after = _as_sets(before), _as_sets(after)
        return super().same(name, before, after)

    @override
    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        wanted = {
            **configuration_to_aws(inputs),
            "FunctionName": name,
            "Code": code_to_aws(inputs),
            "Architectures": inputs.get("architectures"),
            "PackageType": inputs.get("packageType"),
            "Tags": inputs.get("tags"),
        }
        with doing(f"creating Lambda Function ({name})", self.client):
            propagated(lambda: self.client.create_function(**present(wanted)), is_early)
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
        function_inputs = _inputs(answer, inputs)
        configuration = answer["Configuration"]
        arn, region = configuration["FunctionArn"], self.aws.region
        return function_inputs, {
            "arn": arn,
            "codeSha256": configuration["CodeSha256"],
            "invokeArn": f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations",
            "lastModified": configuration["LastModified"],
            "sourceCodeSize": configuration["CodeSize"],
            "tagsAll": function_inputs.get("tags", {}),
            "version": configuration["Version"],
        }

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = set(self.changed(before, after))
        with doing(f"updating Lambda Function ({identity}) configuration", self.client):
            if changed & CONFIGURATION:
                fields = {FIELDS[name] for name in changed & CONFIGURATION}
                wanted = {
                    key: value for key, value in {**RESET, **configuration_to_aws(after)}.items() if key in fields
                }
                propagated(lambda: self.client.update_function_configuration(FunctionName=identity, **wanted), is_early)
                self._settle(identity)
        with doing(f"updating Lambda Function ({identity}) code", self.client):
            if changed & CODE:
                extra = present({"Architectures": after.get("architectures")})
                self.client.update_function_code(FunctionName=identity, **code_to_aws(after), **extra)
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
            configuration = self.client.get_function_configuration(FunctionName=name)
            states = configuration.get("State", "Active"), configuration.get("LastUpdateStatus", "Successful")
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


def is_early(error: Exception) -> bool:
    """Whether Lambda refuses a role only because it does not know the role's rights yet."""
    return error_code(error) == "InvalidParameterValueException" and any(text in str(error) for text in EARLY)


def _as_sets(config: Any) -> Any:
    """Subnets and groups in a fixed order, because they are sets."""
    return {name: sorted(map(str, ids or ())) for name, ids in config.items()} if isinstance(config, dict) else config


def _inputs(answer: Document, inputs: Document) -> Document:
    """The inputs as AWS has them."""
    there = answer["Configuration"]
    reserved = (answer.get("Concurrency") or {}).get("ReservedConcurrentExecutions", UNRESERVED)
    function_inputs: Document = {
        "name": there["FunctionName"],
        "packageType": there.get("PackageType"),
        "imageUri": (answer.get("Code") or {}).get("ImageUri"),
        "architectures": there.get("Architectures"),
        "tags": answer.get("Tags"),
        "codeSha256": there["CodeSha256"],
        "reservedConcurrentExecutions": reserved,
    }
    function_inputs |= configuration_from_aws(there, inputs)
    function_inputs |= {key: inputs[key] for key in NOT_TOLD if key in inputs}
    if not inputs:
        # An import gives the hash of the code, and never the code: https://github.com/pulumi/pulumi-aws/issues/3376
        function_inputs["sourceCodeHash"] = there["CodeSha256"]
    return present(function_inputs)


KINDS: tuple[type[ResourceKind], ...] = (Function,)
