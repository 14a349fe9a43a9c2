"""The AWS adapter against the emulator: what an earlier life of a pipeline left is taken over, and nothing is deleted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import pytest

from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.blueprint.resources import Blueprint
from ingestion_operator.errors import (
    UpdateFailed,
)
from integration.emulated_account import THEIRS, Account, account, cloud, function, role, trail

__all__ = ["account", "cloud"]


def tags_of(account: Account, found: Blueprint) -> dict[str, dict[str, str]]:
    """The tags of each resource that can be left behind, by logical name."""
    names, place = found.names, found.place
    url = account.sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
    group = place.arn("logs", f"log-group:{names.log_group}")
    trails = account.cloudtrail.list_tags(ResourceIdList=[found.trail_arn])["ResourceTagList"][0]["TagsList"]
    return {
        "role": {t["Key"]: t["Value"] for t in account.iam.list_role_tags(RoleName=names.role)["Tags"]},
        "dead-letter-queue": account.sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
        "log-group": account.logs.list_tags_for_resource(resourceArn=group)["tags"],
        "trail": {t["Key"]: t["Value"] for t in trails},
        "function": account.lambda_.get_function(FunctionName=names.function).get("Tags", {}),
    }


def leave_all(account: Account, found: Blueprint, tags: Mapping[str, str]) -> str:
    """Make each resource of a pipeline that can be left behind. Returns the URL of the queue."""
    names = found.names
    arn = role(account, names.role, tags)
    account.logs.create_log_group(logGroupName=names.log_group, tags=dict(tags))
    trail(account, names.trail, tags)
    function(account, names.function, tags, arn)
    account.lambda_.add_permission(
        FunctionName=names.function,
        StatementId="AllowRule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=found.rule_arn,
    )
    url: str = account.sqs.create_queue(QueueName=names.queue, tags=dict(tags))["QueueUrl"]
    return url


TAGGED = ("role", "dead-letter-queue", "log-group", "trail", "function")
CLOUD_TRAIL = {"source": {"trigger": "CloudTrail"}, "tags": {"team": "search"}}


def test_where_nothing_was_left_there_is_nothing_to_take_over(cloud: Boto3Cloud, account: Account) -> None:
    assert cloud.claim_leftovers(account.blueprint(**CLOUD_TRAIL)) == {}


def test_what_was_left_is_taken_over_with_the_tags_of_now(cloud: Boto3Cloud, account: Account) -> None:
    found = account.blueprint(**CLOUD_TRAIL)
    url = leave_all(account, found, account.mine)
    for _ in range(2):
        assert cloud.claim_leftovers(found) == {
            "role": found.names.role,
            "dead-letter-queue": url,
            "log-group": found.names.log_group,
            "trail": found.trail_arn,
            "function": found.names.function,
            "permission": f"{found.names.function}/AllowRule",
        }
        wanted = {"team": "search", **account.owner.tags()}
        assert tags_of(account, found) == dict.fromkeys(TAGGED, wanted)


def test_a_function_without_the_statement_is_taken_over_alone(cloud: Boto3Cloud, account: Account) -> None:
    found = account.blueprint()
    function(account, found.names.function, account.mine)
    assert cloud.claim_leftovers(found) == {"function": found.names.function}
    account.lambda_.add_permission(
        FunctionName=found.names.function, StatementId="Other", Action="lambda:*", Principal="s3.amazonaws.com"
    )
    assert cloud.claim_leftovers(found) == {"function": found.names.function}


@pytest.mark.parametrize("tags", [{}, THEIRS], ids=["no tags", "other tags"])
def test_what_others_have_under_these_names_is_neither_reported_nor_touched(
    cloud: Boto3Cloud, account: Account, tags: dict[str, str]
) -> None:
    found = account.blueprint(**CLOUD_TRAIL)
    leave_all(account, found, tags)
    assert cloud.claim_leftovers(found) == {}
    assert all(there == tags for there in tags_of(account, found).values())


def test_not_even_the_most_talkative_log_shows_the_environment_of_a_function(
    cloud: Boto3Cloud, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    found = account.blueprint()
    function(account, found.names.function)
    value = "s3cr3t-value"
    account.lambda_.update_function_configuration(
        FunctionName=found.names.function, Environment={"Variables": {"TOKEN": value}}
    )
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    cloud.claim_leftovers(found)
    with pytest.raises(UpdateFailed):
        cloud.wiring_faults(found)
    assert value not in caplog.text


def test_a_role_is_found_whatever_its_path(cloud: Boto3Cloud, account: Account) -> None:
    found = account.blueprint()
    role(account, found.names.role, account.mine, path="/elsewhere/")
    assert cloud.claim_leftovers(found) == {"role": found.names.role}


def test_only_what_is_asked_for_is_looked_at(cloud: Boto3Cloud, account: Account) -> None:
    found = account.blueprint(**CLOUD_TRAIL)
    leave_all(account, found, account.mine)
    before = tags_of(account, found)
    assert cloud.claim_leftovers(replace(found, resources=())) == {}
    assert tags_of(account, found) == before
