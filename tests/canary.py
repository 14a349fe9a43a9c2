"""Searches everything that the operator writes for a secret, byte by byte, after the end-to-end tests."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kubernetes import client, config

from cluster_reader import GROUP, PIPELINES, VERSION
from object_watch import watching

# The prefix of every secret value in the end-to-end tests. It has only characters that no encoding of text changes.
CANARY = "canary7f3a91bc"
RECORDS_ARGUMENTS = """#!/bin/sh
printf '%s\\n' "$@" >> "{record}"
exec "{program}" "$@"
"""


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it is, and as base64, hexadecimal and a part of a URL would have it."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield raw.hex().encode()
    # In the middle of a longer text, base64 depends on the place. What comes before and after decides the ends.
    for shift, beginning in enumerate((0, 2, 3)):
        coded = base64.b64encode(b"\0" * shift + raw)
        yield coded[beginning : (shift + len(raw)) * 8 // 6]


def places_with(secret: str, places: Mapping[str, bytes]) -> list[str]:
    """The names of the places that contain the secret in any form."""
    searched = set(forms(secret))
    return [name for name, content in places.items() if any(form in content for form in searched)]


@contextmanager
def everything_of_the_cluster(kubeconfig: Path, record: Path) -> Iterator[None]:
    """Write each version of each pipeline, Event and ConfigMap to a file until the block ends.

    So a status or an annotation that is there for a moment only is searched too.
    """
    api: Any = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    core, objects = client.CoreV1Api(api), client.CustomObjectsApi(api)
    listings = (
        partial(objects.list_cluster_custom_object, GROUP, VERSION, PIPELINES),
        core.list_event_for_all_namespaces,
        core.list_config_map_for_all_namespaces,
    )
    with record.open("ab", buffering=0) as file, ExitStack() as watches:
        for listing in listings:
            watches.enter_context(watching(listing, lambda line: file.write(line + b"\n")))
        yield


def recording_arguments(program: Path, directory: Path) -> Path:
    """A program that writes down its arguments and then becomes `program`, and beside it the file `arguments`."""
    directory.mkdir(parents=True, exist_ok=True)
    wrapper = directory / "pulumi"
    wrapper.write_text(RECORDS_ARGUMENTS.format(record=directory / "arguments", program=program))
    wrapper.chmod(0o755)
    return wrapper
