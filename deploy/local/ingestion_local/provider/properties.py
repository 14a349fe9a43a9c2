"""Pulumi's property values: conversion of protobuf structs to plain documents and back, and comparison.

Source: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/properties.go (signatures)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Document = dict[str, Any]


def from_struct(struct: struct_pb2.Struct) -> Document:
    """A plain document. Whole numbers become ints, because these types have no fractions. Secrets are unwrapped."""
    document: Document = _whole(json_format.MessageToDict(struct))
    return document


def to_struct(document: Mapping[str, Any]) -> struct_pb2.Struct:
    """A struct of the document, without what is None."""
    struct = struct_pb2.Struct()
    struct.update({key: value for key, value in document.items() if value is not None})
    return struct


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return _whole(value.get("value"))
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return value


def is_unknown(value: Any) -> bool:
    """Whether a value is unknown before the update, or contains an unknown one."""
    if isinstance(value, dict):
        return any(is_unknown(inner) for inner in value.values())
    if isinstance(value, list):
        return any(is_unknown(inner) for inner in value)
    return bool(value == UNKNOWN)


def archive_path(value: Any) -> str:
    """The path of a file archive. Raises ValueError for every other archive."""
    if isinstance(value, dict) and value.get(SIGNATURE) == ARCHIVE and value.get("path"):
        return str(value["path"])
    raise ValueError("input code: the stand-in accepts only a FileArchive of a zip")


def same_value(before: Any, after: Any) -> bool:
    """Whether two values mean the same. Archives are compared by their hash, and empty values count as absent."""
    if _is_archive(before) and _is_archive(after):
        return bool(before.get("hash") == after.get("hash"))
    return bool(pruned(before) == pruned(after))


def _is_archive(value: Any) -> bool:
    return isinstance(value, dict) and value.get(SIGNATURE) == ARCHIVE


def same_json(before: Any, after: Any) -> bool:
    """Whether two JSON texts mean the same. In a policy, a list of one element means the same as the element."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return same_value(before, after)
    try:
        return before == after or bool(_canonical(json.loads(before)) == _canonical(json.loads(after)))
    except ValueError:
        return False


def is_json(text: str) -> bool:
    """Whether a text is a JSON object, as policies and patterns are."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return _canonical(value[0]) if len(value) == 1 else [_canonical(inner) for inner in value]
    return value


def pruned(value: Any) -> Any:
    """The value without parts that mean the same as absent ones: None, False and empty maps, lists and texts.

    An empty text inside a map or a list stays: a tag and a variable may be empty.
    """
    return None if value == "" else _pruned(value)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        members = {key: _pruned(inner) for key, inner in value.items()}
        return {key: inner for key, inner in members.items() if inner is not None} or None
    if isinstance(value, list):
        return [_pruned(inner) for inner in value] or None
    return None if value is False else value


def present(document: Mapping[str, Any]) -> Document:
    """The document without empty values."""
    return {key: value for key, value in document.items() if value not in (None, "", {}, [])}
