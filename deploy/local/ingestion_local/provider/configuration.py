"""A program's configuration of the provider, in the real provider's form: a role to assume, allowed accounts, endpoints.

Sources: https://www.pulumi.com/registry/packages/aws/installation-configuration/; https://github.com/hashicorp/aws-sdk-go-base
for how a role is assumed. In the protocol, each value that is not a text is JSON in a text.
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
# The pods of a test cluster use it. RFC 2544 reserves it for tests, so nothing on the Internet has such an address.
TEST_NETWORK = IPv4Network("198.18.0.0/15")
# The engine itself may add these.
OF_THE_ENGINE = frozenset({"version", "__internal"})
REPLACES = frozenset({"region"})
"""A change of these replaces every resource. A change of the role does not."""
ONLY: Mapping[str, Any] = MappingProxyType(
    {
        # The stand-in asks for the account only if the program limits the accounts.
        "skipCredentialsValidation": False,
        "skipRegionValidation": True,
        # An emulator at an IP address has no host names with bucket names.
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
    """A role that the identity of the environment assumes."""

    arn: str
    session_name: str
    seconds: int
    external_id: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Configuration:
    """The program's own values. An empty value leaves the choice to the environment."""

    region: str = ""
    role: Role | None = None
    accounts: tuple[str, ...] = ()
    """The allowed accounts, whatever account the credentials belong to. Empty allows any account."""
    endpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The URL of a service, by botocore's name of the service."""


def problems(given: Given) -> list[tuple[str, str]]:
    """The properties that the stand-in would not apply or the real provider would refuse: name and reason."""
    return [*_unknown(given), *_wrong_values(given)] or [
        *_role_problems(_value(given, "assumeRoles")),
        *_endpoint_problems(_value(given, "endpoints")),
    ]


def parse(given: Given) -> Configuration:
    """The configuration in these inputs, which must have no problems."""
    roles, accounts, endpoints = (_value(given, name) for name in ("assumeRoles", "allowedAccountIds", "endpoints"))
    services = (endpoints or [{}])[0]
    return Configuration(
        str(given.get("region") or ""),
        _role(roles[0]) if roles else None,
        tuple(accounts or ()),
        {SERVICES[name]: url for name, url in services.items()},
    )


def changed(before: Given, after: Given) -> list[str]:
    """The names of the properties that differ, in order, without those that the engine adds."""
    names = sorted({*before, *after} - OF_THE_ENGINE)
    return [name for name in names if _value(before, name) != _value(after, name)]


def _unknown(given: Given) -> Iterator[tuple[str, str]]:
    known = OF_THE_ENGINE | ONLY.keys() | {"region", "assumeRoles", "allowedAccountIds", "endpoints"}
    for name in sorted(given.keys() - known):
        yield name, f"{name}: the stand-in reads its configuration from the environment"


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
    """Whether the host is this machine or an address of the test network. No other name counts, whatever it resolves to."""
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
    """A duration in Go's form, in seconds. 0 for a text that is not a duration."""
    parts = re.findall(r"(\d+)([hms])", duration)
    whole = "".join(number + unit for number, unit in parts)
    return sum(int(number) * SECONDS[unit] for number, unit in parts) if whole == duration else 0


def _value(given: Given, name: str) -> Any:
    value = given.get(name)
    return json.loads(value) if isinstance(value, str) and name != "region" else value
