"""AWSAccounts that the API server accepts and refuses. Each refusal has its field and its whole message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.admission_rows import ACCOUNT, UNSET, Changes, Forbidden, Refusal, longer, more, one

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ingestion"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bounds"
OTHER = "210987654321"

ROLE_RULE = "roleArn must be the ARN of an IAM role, arn:aws:iam::<account>:role/<name>"
STAYS = "the AWS account of roleArn cannot be changed, because pipelines are built in it: create a second AWSAccount for the other account"
EXTERNAL_RULE = (
    "externalId must have 2 to 1,224 letters, digits and _+=,.@:/-: write it exactly as in the trust policy of the role"
)
TAG_KEYS = (
    "the key of a session tag must have 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws:"
)
TAG_VALUES = "the value of a session tag may have only letters, digits, spaces and _.:/=+@-"
TAG_CASE = "AWS treats keys of session tags that differ only in upper and lower case as one key: write the key once"
NAMESPACE_RULE = (
    "every entry of allowedNamespaces must be the name of a namespace, or the beginning of a name followed by *, for example "
    "team-*"
)
REGION_RULE = "every entry of allowedRegions must be the code of an AWS region, for example eu-west-1"
ENDPOINT_RULE = "endpointUrl must be https:// or http:// followed by a host and an optional port, for example https://vpce-1.example.com"
BOUNDARY_RULE = "permissionsBoundary must be the ARN of an IAM policy, arn:aws:iam::<account>:policy/<name>"
BOUNDARY_ACCOUNT = (
    "permissionsBoundary must be a policy of the account of roleArn, or a policy of AWS: name one of these"
)

EVERY_FIELD: Changes = [
    ("roleArn", f"arn:aws:iam::{ACCOUNT}:role/team/path/ingestion+=,.@_-1"),
    ("externalId", "a:B/9_+=,.@-"),
    ("sessionTags", {"team": "search", "équipe": "données 1"}),
    ("sessionDurationSeconds", 43200),
    ("allowedNamespaces", ["search", "search-*", "*"]),
    ("allowedRegions", ["eu-west-1", "ap-southeast-2"]),
    ("endpointUrl", "https://vpce-1.amazonaws.com:8443"),
    ("permissionsBoundary", BOUNDARY),
    ("default", True),
]
ACCEPTED: dict[str, Changes] = {
    "the smallest": [],
    "every field": EVERY_FIELD,
    "a role in China": [("roleArn", ROLE.replace("aws", "aws-cn", 1))],
    "a boundary of AWS": [("permissionsBoundary", "arn:aws:iam::aws:policy/PowerUserAccess")],
    "an external ID of 2": [("externalId", "ab")],
    "an external ID of 1224": [("externalId", "e" * 1224)],
    "a session of a quarter of an hour": [("sessionDurationSeconds", 900)],
    "a namespace of 63": [("allowedNamespaces", ["n" * 63])],
    "the beginning of a namespace of 62": [("allowedNamespaces", ["n" * 62 + "*"])],
    "a namespace of one letter": [("allowedNamespaces", ["n"])],
    "an emulator": [("endpointUrl", "http://127.0.0.1:4566/")],
}


def beyond_every_length() -> Iterator[tuple[str, Refusal]]:
    longest = {"externalId": 1224, "endpointUrl": 256, "permissionsBoundary": 640, "roleArn": 640}
    for name, most in longest.items():
        yield f"{name} of {most + 1}", one(name, "a" * (most + 1), longer(most))
    for name, most, of_one in (("allowedNamespaces", 256, 63), ("allowedRegions", 64, 32)):
        yield f"{most + 1} of {name}", one(name, [f"a{n}" for n in range(most + 1)], more(most + 1, most))
        yield f"one of {name} of {of_one + 1}", one(name, ["a" * (of_one + 1)], longer(of_one), f"{name}[0]")


def refused(name: str, message: str, *values: Any) -> dict[str, Refusal]:
    return {f"{name}: {value}": one(name, value, message) for value in values}


REFUSED: dict[str, Refusal] = {
    **dict(beyond_every_length()),
    "no role": one("roleArn", UNSET, "Required value"),
    **refused("roleArn", ROLE_RULE, "", "ingestion", BOUNDARY, ROLE.replace("12345", ""), f"{ROLE} ", f"{ROLE}*"),
    **refused("externalId", EXTERNAL_RULE, "a", "with space", "a;b"),
    **refused("sessionTags", TAG_KEYS, {"": "v"}, {"aws:team": "v"}, {"AWS:team": "v"}, {"a;b": "v"}),
    **refused("sessionTags", TAG_VALUES, {"k": "a;b"}),
    **refused("sessionTags", TAG_CASE, {"Team": "a", "team": "b"}),
    "51 session tags": one("sessionTags", {f"k{n}": "v" for n in range(51)}, more(51, 50)),
    "a value of a session tag of 257": one("sessionTags", {"k": "v" * 257}, longer(256), "sessionTags.k"),
    **refused("sessionDurationSeconds", "should be greater than or equal to 900", 899),
    **refused("sessionDurationSeconds", "should be less than or equal to 43200", 43201),
    **refused(
        "allowedNamespaces", NAMESPACE_RULE, [""], ["Team"], ["*-team"], ["te*am"], ["-a"], ["a-"], ["a.b"], ["**"]
    ),
    "a namespace twice": one("allowedNamespaces", ["a", "a"], 'Duplicate value: "a"', "allowedNamespaces[1]"),
    **refused("allowedRegions", REGION_RULE, [""], ["eu-west"], ["EU-WEST-1"], ["eu-west-*"]),
    "a region twice": one("allowedRegions", ["eu-west-1"] * 2, 'Duplicate value: "eu-west-1"', "allowedRegions[1]"),
    **refused("endpointUrl", ENDPOINT_RULE, "vpce-1", "ftp://a", "https://a/path", "https://user@a", "https://a?b"),
    **refused("permissionsBoundary", BOUNDARY_RULE, "bounds", ROLE),
    **refused("permissionsBoundary", BOUNDARY_ACCOUNT, BOUNDARY.replace(ACCOUNT, OTHER)),
    "keys": Refusal([("accessKeyId", "AKIA")], "", 'unknown field "spec.accessKeyId"'),
}
FORBIDDEN: dict[str, Forbidden] = {
    "the role of another account": Forbidden([], [("roleArn", ROLE.replace(ACCOUNT, OTHER))], "spec.roleArn", STAYS),
}
PERMITTED: dict[str, tuple[Changes, Changes]] = {
    "another role of the account": ([], [("roleArn", f"{ROLE}-2")]),
    "everything else": ([], EVERY_FIELD),
    "taken back": (EVERY_FIELD, []),
}
