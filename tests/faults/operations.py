"""Which operation of AWS an HTTP request is. botocore's models of the services say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session

# The credential scope in the header Authorization: `Credential=<key>/<date>/<region>/<service>/aws4_request`.
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/aws4_request")
UNSIGNED = "unsigned"


@dataclass(frozen=True, order=True)
class Operation:
    """A call, for example `s3 CreateBucket`."""

    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.service} {self.name}"


@dataclass(frozen=True)
class Request:
    """What the proxy knows of a request. The names of the headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def operation_of(request: Request) -> Operation:
    """The operation that a signed request asks for."""
    signed = SCOPE.search(request.headers.get("authorization", ""))
    if signed is None:
        return Operation(UNSIGNED, f"{request.method} {urlsplit(request.target).path}")
    return Operation(signed[1], _name(signed[1], request))


def caller_of(request: Request) -> str:
    """Who asks: the operator itself, or the provider on behalf of the engine. Only the operator uses boto3."""
    return "operator" if request.headers.get("user-agent", "").startswith("Boto3/") else "engine"


def _name(service: str, request: Request) -> str:
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if protocol_of(service) == "query":
        return parse_qs(request.body.decode(errors="replace")).get("Action", ["?"])[0]
    return _rest_name(service, request)


def protocol_of(service: str) -> str:
    """`json`, `query`, `rest-json` or `rest-xml`."""
    return str(_model(service).metadata["protocol"])


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _rest_name(service: str, request: Request) -> str:
    """The operation whose template fits best: with the most fixed parameters, and then with the longest fixed path."""
    address = urlsplit(request.target)
    given = parse_qs(address.query, keep_blank_values=True).keys()
    fits = [
        (len(fixed), len(pattern.pattern), name)
        for name, method, pattern, fixed in _templates(service)
        if method == request.method and fixed <= given and pattern.fullmatch(address.path.rstrip("/") or "/")
    ]
    return max(fits)[2] if fits else f"{request.method} {address.path}"


@cache
def _templates(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[str]]]:
    found = []
    for name in _model(service).operation_names:
        http = _model(service).operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        fixed = frozenset(part.partition("=")[0] for part in query.split("&") if part)
        found.append((name, http["method"], _pattern(path.rstrip("/") or "/"), fixed))
    return found


def _pattern(template: str) -> re.Pattern[str]:
    """`{Name}` is one part of a path, and `{Name+}` is several."""
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile("".join(_part(part) for part in parts))


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return ".+" if part.endswith("+}") else "[^/]+"
