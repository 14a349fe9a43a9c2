"""What a program may say of the provider itself, as the real one takes it: a role to assume, whose account it has to be, endpoints.

Sources: https://www.pulumi.com/registry/packages/aws/installation-configuration/; https://github.com/hashicorp/aws-sdk-go-base
for how a role is assumed. In the protocol each value that is no text is JSON in a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from types import MappingProxyType
from typing import Any
from urllib.parse import urlparse

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# For the pods of a test cluster: RFC 2544 keeps it for tests, so nothing on the Internet has such an address.
TEST_NETWORK = IPv4Network("198.18.0.0/15")
# What the engine itself may add.
OF_THE_ENGINE = frozenset({"version", "__internal"})
REPLACES = frozenset({"region"})
"""What cannot be changed without making everything anew. A role can."""
ONLY: Mapping[str, Any] = MappingProxyType(
    {
        # Whose account it is, is asked for where the program wants to know.
        "skipCredentialsValidation": False,
        "skipRegionValidation": True,
        # An emulator on an address has no names of buckets before it.
        "s3UsePathStyle": True,
    }
)
ROLE_KEYS = frozenset({"roleArn", "sessionName", "externalId", "duration", "tags"})
# The provider's name of a service, and botocore's.
SERVICES: Mapping[str, str] = MappingProxyType(
    {
        "cloudtrail": "cloudtrail",
        "dynamodb": "dynamodb",
        "ec2": "ec2",
        "eventbridge": "events",
        "iam": "iam",
        "lambda": "lambda",
        "logs": "logs",
        "s3": "s3",
        "s3control": "s3control",
        "sqs": "sqs",
        "sts": "sts",
    }
)
SECONDS = {"h": 3600, "m": 60, "s": 1}
SHORTEST_SECONDS, LONGEST_SECONDS = 900, 43200
Given = Mapping[str, Any]


@dataclass(frozen=True)
class Role:
    """A role that is to be assumed with the identity of the environment."""

    arn: str
    session_name: str
    seconds: int
    external_id: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Configuration:
    """What the program says; empty for what the environment says."""

    region: str = ""
    role: Role | None = None
    accounts: tuple[str, ...] = ()
    """The accounts that it may be, whatever the credentials lead to; any if there is none."""
    endpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Where to reach a service, by botocore's name of it."""


def problems(given: Given) -> list[tuple[str, str]]:
    """What the stand-in would not apply, or the real provider would refuse: the name of the property, and why."""
    found = [*_unknown(given), *_wrong_values(given)]
    return found or [*_role_problems(_value(given, "assumeRoles")), *_endpoint_problems(_value(given, "endpoints"))]


def parse(given: Given) -> Configuration:
    """The configuration of inputs that have no problems."""
    roles, accounts, endpoints = (_value(given, name) for name in ("assumeRoles", "allowedAccountIds", "endpoints"))
    services = (endpoints or [{}])[0]
    return Configuration(
        str(given.get("region") or ""),
        _role(roles[0]) if roles else None,
        tuple(accounts or ()),
        {SERVICES[name]: url for name, url in services.items()},
    )


def changed(before: Given, after: Given) -> list[str]:
    """The names of what differs, in order; not what the engine adds."""
    names = sorted({*before, *after} - OF_THE_ENGINE)
    return [name for name in names if _value(before, name) != _value(after, name)]


def _unknown(given: Given) -> Iterator[tuple[str, str]]:
    known = OF_THE_ENGINE | ONLY.keys() | {"region", "assumeRoles", "allowedAccountIds", "endpoints"}
    for name in sorted(given.keys() - known):
        yield name, f"{name}: the stand-in takes its configuration from the environment"


def _wrong_values(given: Given) -> Iterator[tuple[str, str]]:
    for name, only in ONLY.items():
        if name in given and _value(given, name) != only:
            yield name, f"{name}: the stand-in applies only {json.dumps(only)}"


def _role_problems(roles: Any) -> Iterator[tuple[str, str]]:
    if roles and len(roles) > 1:
        yield "assumeRoles", "assumeRoles: the stand-in assumes one role, not one with another's credentials"
    for role in roles or ():
        for key in sorted(role.keys() - ROLE_KEYS):
            yield "assumeRoles", f"assumeRoles.{key}: the stand-in does not apply it"
        if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", role.get("roleArn", "")):
            yield "assumeRoles", "assumeRoles.roleArn: is not the ARN of a role"
        if not SHORTEST_SECONDS <= _seconds(role.get("duration", "1h")) <= LONGEST_SECONDS:
            yield "assumeRoles", "assumeRoles.duration: must be between 15 minutes (15m) and 12 hours (12h), inclusive"


def _endpoint_problems(endpoints: Any) -> Iterator[tuple[str, str]]:
    for services in endpoints or ():
        for name, url in services.items():
            if name not in SERVICES:
                yield "endpoints", f"endpoints.{name}: the stand-in does not know this service"
            elif not is_an_emulators(urlparse(url).hostname):
                yield "endpoints", f"endpoints.{name}: the stand-in talks only to an emulator on loopback, never to AWS"


def is_an_emulators(host: str | None) -> bool:
    """Whether it is this machine, or an address of a test network; a name is not, whatever it resolves to."""
    try:
        return host in LOOPBACK or IPv4Address(host or "") in TEST_NETWORK
    except AddressValueError:
        return False


def _role(given: Given) -> Role:
    return Role(
        given["roleArn"],
        given.get("sessionName") or "aws-go-sdk",
        _seconds(given.get("duration", "1h")),
        given.get("externalId", ""),
        given.get("tags") or {},
    )


def _seconds(duration: str) -> int:
    """A duration of Go, in seconds; 0 for what is none."""
    parts = re.findall(r"(\d+)([hms])", duration)
    whole = "".join(number + unit for number, unit in parts)
    return sum(int(number) * SECONDS[unit] for number, unit in parts) if whole == duration else 0


def _value(given: Given, name: str) -> Any:
    value = given.get(name)
    return json.loads(value) if isinstance(value, str) and name != "region" else value
