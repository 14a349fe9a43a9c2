"""The inputs that a type accepts, also inside other inputs. Any other input is refused by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingestion_local.provider.properties import UNKNOWN


@dataclass(frozen=True)
class Block:
    """A group of inputs: those of a resource, of an object, or of each object in a list.

    `fields` maps a name to the block inside it, or to None for a plain value.
    """

    fields: Mapping[str, Block | None]
    required: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self.fields


def block(*required: str, **optional: Block | None) -> Block:
    """A block of required values and of optional values and blocks (`name=None` is a value)."""
    return Block({**dict.fromkeys(required), **optional}, frozenset(required))


def requiring(inner: Block, *names: str) -> Block:
    """The same block, but these fields are required too."""
    return Block(inner.fields, inner.required | frozenset(names))


def problems(shape: Block, document: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str]]:
    """Problems with these inputs: the path of an input, and the reason."""
    for name in sorted(set(document) - set(shape.fields)):
        yield f"{where}{name}", "the stand-in does not apply it"
    for name in sorted(shape.required - set(document)):
        yield f"{where}{name}", "is missing"
    for name in sorted(set(document) & set(shape.fields)):
        inner = shape.fields[name]
        if inner is not None:
            yield from _inside(inner, document[name], f"{where}{name}")


def _inside(inner: Block, value: Any, where: str) -> Iterator[tuple[str, str]]:
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, Mapping):
            yield from problems(inner, part, f"{where}.")
        elif part != UNKNOWN and part is not None:
            yield where, "is not an object"
