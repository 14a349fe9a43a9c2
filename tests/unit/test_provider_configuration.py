"""The stand-in reads a provider's configuration, and names what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingestion_local.provider.configuration import Configuration, Role, changed, parse, problems

ARN = "arn:aws:iam::210987654321:role/ingestion"
SERVICES = ("cloudtrail", "dynamodb", "ec2", "eventbridge", "iam", "lambda", "logs", "s3", "s3control", "sqs", "sts")


def given(**values: Any) -> dict[str, Any]:
    """The configuration as the engine sends it: a value that is not a text is JSON in a text."""
    return {name: value if name in ("region", "version") else json.dumps(value) for name, value in values.items()}


def role(**more: Any) -> dict[str, Any]:
    return given(assumeRoles=[{"roleArn": ARN, **more}])


def test_a_role_is_taken_with_all_that_is_said_of_it() -> None:
    said = given(
        region="eu-west-1",
        version="7.51.1",
        allowedAccountIds=["210987654321"],
        assumeRoles=[
            {"roleArn": ARN, "sessionName": "op", "externalId": "id-1", "duration": "1h30m5s", "tags": {"a": "b"}}
        ],
        endpoints=[dict.fromkeys(SERVICES, "https://127.0.0.1:1")],
        s3UsePathStyle=True,
        skipCredentialsValidation=False,
        skipRegionValidation=True,
    )
    assert problems(said) == []
    found = parse(said)
    assert (found.region, found.accounts) == ("eu-west-1", ("210987654321",))
    assert found.role == Role(ARN, "op", 5405, "id-1", {"a": "b"})
    assert set(found.endpoints) == {"events" if service == "eventbridge" else service for service in SERVICES}


def test_nothing_said_is_what_the_environment_says() -> None:
    assert problems({}) == []
    assert parse({"version": "7.51.1", "__internal": {}}) == Configuration()
    assert parse(role()).role == Role(ARN, "aws-go-sdk", 3600)


@pytest.mark.parametrize(
    ("said", "name", "reason"),
    [
        (given(profile="me"), "profile", "reads its configuration from the environment"),
        (given(accessKey="AKIA"), "accessKey", "reads its configuration from the environment"),
        (given(s3UsePathStyle=False), "s3UsePathStyle", "applies only true"),
        (given(skipCredentialsValidation=True), "skipCredentialsValidation", "applies only false"),
        (role(policy="{}"), "assumeRoles", "assumeRoles.policy: the stand-in does not apply it"),
        (role(sourceIdentity="me"), "assumeRoles", "assumeRoles.sourceIdentity"),
        (role(transitiveTagKeys=["a"]), "assumeRoles", "assumeRoles.transitiveTagKeys"),
        (given(assumeRoles=[{"sessionName": "op"}]), "assumeRoles", "is not the ARN of a role"),
        (given(assumeRoles=[{"roleArn": ARN}] * 2), "assumeRoles", "assumes one role"),
        (role(duration="14m59s"), "assumeRoles", "must be between 15 minutes"),
        (role(duration="12h1s"), "assumeRoles", "must be between 15 minutes"),
        (role(duration="an hour"), "assumeRoles", "must be between 15 minutes"),
        (given(endpoints=[{"sns": "https://127.0.0.1:1"}]), "endpoints", "endpoints.sns"),
        (given(endpoints=[{"s3": "https://s3.amazonaws.com"}]), "endpoints", "never to AWS"),
    ],
)
def test_what_is_not_applied_is_refused_by_name(said: dict[str, Any], name: str, reason: str) -> None:
    ((found, why),) = problems(said)
    assert found == name
    assert reason in why


def test_a_change_is_one_of_meaning_and_not_of_what_the_engine_adds() -> None:
    before = {**role(externalId="a1"), "version": "1"}
    assert changed(before, {**role(externalId="a1"), "version": "2"}) == []
    assert changed(before, role(externalId="b1")) == ["assumeRoles"]
    assert changed(before, {**before, "region": "eu-west-1"}) == ["region"]
