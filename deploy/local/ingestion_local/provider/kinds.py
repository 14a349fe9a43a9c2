"""What every resource type of the stand-in has: its inputs, which of them replace it, and its four verbs."""

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
