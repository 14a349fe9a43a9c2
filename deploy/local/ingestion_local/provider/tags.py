"""Tags: conversion between the program's form and AWS's form."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion_local.provider.properties import Document

Tags = Mapping[str, str]


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Tags in the form of most services."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags in the program's form."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag_changes(before: Document, after: Document) -> tuple[dict[str, str], list[str]]:
    """The tags to set, and the keys of the tags to remove."""
    old, new = before.get("tags") or {}, after.get("tags") or {}
    return {k: v for k, v in new.items() if old.get(k) != v}, [k for k in old if k not in new]
