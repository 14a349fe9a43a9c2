"""Requests to the API server like those of kubectl, but without a process for each request."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from kubernetes import client, config

from ingestion_local.control_plane import ControlPlane
from integration.admission_rows import ACCOUNT, CODE, UNSET, Change

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ingestion"
ACCOUNTS: dict[str, Any] = {"group": "ingestion-operator.io", "version": "v1alpha1", "plural": "awsaccounts"}
RESOURCE: dict[str, Any] = {
    "group": "ingestion-operator.io",
    "version": "v1alpha1",
    "namespace": "default",
    "plural": "ingestionpipelines",
}
Document = dict[str, Any]


@contextmanager
def connected(plane: ControlPlane) -> Iterator[client.CustomObjectsApi]:
    """A connection with the rights of an administrator."""
    with config.new_client_from_config(str(plane.kubeconfig)) as connection:  # type: ignore[no-untyped-call]
        yield client.CustomObjectsApi(connection)


def manifest(*changes: Change, name: str = "pipe", **metadata: Any) -> Document:
    """The smallest valid pipeline, with changes: values that are set, or removed with UNSET, by their dotted path in the spec."""
    spec: Document = {"processor": {"code": {"inline": CODE}}}
    for path, value in changes:
        *parents, last = path.split(".")
        node = spec
        for key in parents:
            node = node.setdefault(key, {})
        if value is UNSET:
            node.pop(last, None)
        else:
            node[last] = copy.deepcopy(value)
    return {
        "apiVersion": "ingestion-operator.io/v1alpha1",
        "kind": "IngestionPipeline",
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": spec,
    }


def account(*changes: Change, name: str = "account", **metadata: Any) -> Document:
    """The smallest valid AWSAccount, with changes: values of its spec that are set, or removed with UNSET."""
    spec: Document = {"roleArn": ROLE}
    for field, value in changes:
        spec[field] = copy.deepcopy(value)
        if value is UNSET:
            del spec[field]
    return {
        "apiVersion": "ingestion-operator.io/v1alpha1",
        "kind": "AWSAccount",
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


def tried_account(api: client.CustomObjectsApi, document: Document) -> Document:
    """The document that the API server would store."""
    answer = api.create_cluster_custom_object(**ACCOUNTS, body=document, dry_run="All", field_validation="Strict")
    return cast(Document, answer)


def tried(api: client.CustomObjectsApi, document: Document) -> Document:
    """The document that the API server would store. Unknown fields are an error, as in kubectl."""
    answer = api.create_namespaced_custom_object(**RESOURCE, body=document, dry_run="All", field_validation="Strict")
    return cast(Document, answer)
