"""The emulator delivers as strictly as AWS: with the permission, asynchronously, and to dead-letter queues.

A sentinel proves that an event is *not* delivered: another target of the same rule gets the event.
"""

from __future__ import annotations

import json
from typing import Any

import psutil
import pytest

from ingestion_local.emulator import Emulator
from ingestion_local.processes import wait_until
from integration.delivery_account import DeliveryAccount, account

__all__ = ["account"]


def test_without_the_permission_nothing_is_delivered_and_with_it_the_object_is_processed(
    account: DeliveryAccount,
) -> None:
    allowed, denied = account.function("allowed"), account.function("denied")
    for arn in (denied, allowed):
        account.target(arn)
    account.permit(allowed, account.rule)

    account.put("raw/first")
    account.wait_processed("allowed", "raw/first")
    assert not account.processed("denied", "raw/first")

    account.permit(denied, account.rule)
    account.put("raw/second")
    account.wait_processed("denied", "raw/second")
    assert not account.processed("denied", "raw/first")


def test_a_permission_for_another_rule_is_none(account: DeliveryAccount) -> None:
    allowed, denied = account.function("allowed"), account.function("denied")
    for arn in (denied, allowed):
        account.target(arn)
    account.permit(allowed, account.rule)
    account.permit(denied, account.rule + "-other")

    account.put("raw/first")
    account.wait_processed("allowed", "raw/first")
    assert not account.processed("denied", "raw/first")


def test_what_cannot_be_delivered_goes_to_the_targets_dead_letter_queue_if_that_lets_the_rule_send(
    account: DeliveryAccount,
) -> None:
    open_url, open_arn = account.queue("open", open_to=account.rule)
    shut_url, shut_arn = account.queue("shut", open_to=account.rule + "-other")
    account.target(account.function("shut"), DeadLetterConfig={"Arn": shut_arn})
    account.target(account.function("open"), DeadLetterConfig={"Arn": open_arn})

    account.put("raw/first")

    message = account.wait_message(open_url)
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "raw/first"
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    function = f"{account.name}-open"
    assert attributes == {
        "RULE_ARN": account.rule,
        "TARGET_ARN": f"arn:aws:lambda:us-east-1:{account.emulator.account_id}:function:{function}",
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": f"function {function} does not let {account.rule} invoke it",
        "RETRY_ATTEMPTS": "0",
    }
    assert "Messages" not in account.sqs.receive_message(QueueUrl=shut_url)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(None, id="no policy"),
        pytest.param({"Principal": {"Service": "events.amazonaws.com"}, "Effect": "Deny"}, id="a policy that denies"),
        pytest.param({"Principal": {"AWS": "123456789012"}, "Effect": "Allow"}, id="a policy for the account only"),
    ],
)
def test_a_dead_letter_queue_without_a_policy_for_the_rule_gets_nothing(
    policy: dict[str, Any] | None, account: DeliveryAccount
) -> None:
    url, arn = account.queue("shut")
    if policy is not None:
        document = json.dumps({"Statement": [{**policy, "Action": "sqs:SendMessage", "Resource": arn}]})
        account.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    account.target(account.function("shut"), DeadLetterConfig={"Arn": arn})

    account.put("raw/first")

    account.wait_metric("AWS/Events", "InvocationsFailedToBeSentToDlq", RuleName=account.name)
    assert "Messages" not in account.sqs.receive_message(QueueUrl=url)
    assert account.metric("AWS/Events", "FailedInvocations", RuleName=account.name) == 1


def test_a_function_that_is_gone_is_a_dead_letter_too(account: DeliveryAccount) -> None:
    url, arn = account.queue("open", open_to=account.rule)
    function = account.function("gone")
    account.target(function, DeadLetterConfig={"Arn": arn})
    account.functions.delete_function(FunctionName=function)

    account.put("raw/first")

    assert account.wait_message(url)["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


def test_a_bucket_whose_events_are_off_sends_none(account: DeliveryAccount) -> None:
    function = account.function("copy")
    account.connect(function)
    account.switch_events(on=False)
    account.put("raw/unseen")
    account.switch_events(on=True)

    account.put("raw/seen")

    account.wait_processed("copy", "raw/seen")
    assert not account.processed("copy", "raw/unseen")


def test_stopping_the_emulator_leaves_no_process_not_even_of_a_function(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Emulator(tmp_path_factory.mktemp("own")) as emulator:
        account = DeliveryAccount(emulator, "stopping")
        function = account.function("copy")
        account.connect(function)
        account.put("raw/first")
        account.wait_processed("copy", "raw/first")
        family = [psutil.Process(emulator.process.pid), *psutil.Process(emulator.process.pid).children(recursive=True)]
        assert len(family) > 1
    wait_until("the end of the family", lambda: not any(p.is_running() for p in family), timeout_seconds=20)
