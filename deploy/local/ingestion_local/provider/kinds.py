"""The base of every resource type: its inputs, those that replace it, and its four verbs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from ingestion_local.provider.clients import Aws
from ingestion_local.provider.properties import Document, same_json, same_value
from ingestion_local.provider.shapes import Block


class ResourceKind:
    """One resource type. It keeps no state: the engine calls it from several threads at once."""

    type: ClassVar[str]
    service: ClassVar[str]
    """botocore's name of the AWS service."""
    inputs: ClassVar[Block]
    replaces: ClassVar[frozenset[str]] = frozenset()
    """Inputs that AWS cannot change in place."""
    json: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are JSON texts. They are compared by content, not by their white space."""
    only: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Inputs for which the stand-in applies only one value."""
    defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """AWS's values for inputs that the program does not set. They do not count as drift."""
    unmanaged: ClassVar[frozenset[str]] = frozenset()
    """Inputs that keep AWS's value while the program does not set them ("Optional, Computed" in Terraform)."""
    outputs: ClassVar[frozenset[str]] = frozenset({"arn"})
    """Properties that AWS adds to the inputs."""
    follows: ClassVar[Mapping[str, frozenset[str]]] = MappingProxyType({})
    """Outputs that change with one of these inputs."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def create(self, inputs: Document) -> str:
        """Create the resource and return its id. Raises Refused."""
        raise NotImplementedError

    def complete(self, identity: str, inputs: Document) -> None:
        """Finish a resource that was just created. It exists even if this raises Refused."""

    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        """Inputs and outputs as they are in AWS; None if the resource is absent.

        `inputs` are the program's, because AWS does not return all of them. They are empty for an import.
        """
        raise NotImplementedError

    def update(self, identity: str, before: Document, after: Document) -> None:
        """Change the resource in place. Raises Refused."""
        raise NotImplementedError

    def delete(self, identity: str, inputs: Document) -> None:
        """Remove the resource. Removing an absent one succeeds. Raises Refused."""
        raise NotImplementedError

    def identity(self, imported: str) -> str:
        """The id in Pulumi's state for a resource that is imported by this id. Raises Refused."""
        return imported

    @classmethod
    def wrong(cls, given: Document) -> Iterable[tuple[str, str]]:  # noqa: ARG003
        """Problems of inputs that do not fit together: the path of an input, and the reason. It never shows a value."""
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
        """The names of the inputs that an update has to change, in order."""
        names = sorted({*before, *after} - (cls.unmanaged - set(after)))
        return [name for name in names if not cls.same(name, before.get(name), after.get(name))]

    @classmethod
    def as_written(cls, inputs: Document, there: Document) -> Document:
        """AWS's values, but in the program's form where both mean the same, because that does not count as drift."""
        found = {}
        for name in sorted({*inputs, *there} - (cls.unmanaged - set(inputs))):
            if cls.same(name, inputs.get(name), there.get(name)):
                found.update({name: inputs[name]} if name in inputs else {})
            elif name in there:
                found[name] = there[name]
        return found
