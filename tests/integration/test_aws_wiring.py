"""The AWS adapter against the emulator: the wiring of a pipeline is read back, and each fault is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from ingestion_operator.adapters.aws import Boto3Cloud, wiring
from ingestion_operator.blueprint.event_pattern import object_created
from ingestion_operator.blueprint.function_code import CodeBundle, ContainerImage
from ingestion_operator.blueprint.resources import Blueprint, as_json
from ingestion_operator.model.source import Filter
from integration.emulated_account import Account, account, cloud, function, named_trail

__all__ = ["account", "cloud", "named_trail"]


@dataclass(frozen=True)
class Wired:
    """A pipeline that somebody wired by hand."""

    account: Account
    found: Blueprint
    arn: str

    def break_it(self, how: str) -> None:
        names, account = self.found.names, self.account
        breaks: dict[str, Callable[[], object]] = {
            "events off": lambda: account.s3.put_bucket_notification_configuration(
                Bucket=names.source.name, NotificationConfiguration={}
            ),
            "rule disabled": lambda: account.events.disable_rule(Name=names.rule),
            "no target": lambda: account.events.remove_targets(Rule=names.rule, Ids=["function"]),
            "no queue": lambda: account.events.put_targets(
                Rule=names.rule, Targets=[{"Id": "function", "Arn": self.arn}]
            ),
            "no permission": lambda: account.lambda_.remove_permission(
                FunctionName=names.function, StatementId="AllowRule"
            ),
            "other code": lambda: account.lambda_.update_function_code(
                FunctionName=names.function, ZipFile=CodeBundle.of({"index.py": "x = 1"}).zip_bytes
            ),
            "no function": lambda: account.lambda_.delete_function(FunctionName=names.function),
            "no rule": lambda: (
                account.events.remove_targets(Rule=names.rule, Ids=["function"]),
                account.events.delete_rule(Name=names.rule),
            ),
        }
        breaks[how]()
        if how == "other code":
            account.lambda_.get_waiter("function_updated_v2").wait(
                FunctionName=names.function, WaiterConfig={"Delay": 0.1}
            )


@pytest.fixture
def wired(account: Account, monkeypatch: pytest.MonkeyPatch) -> Wired:
    monkeypatch.setattr(wiring, "SETTLING_SECONDS", 0.0)
    found = account.blueprint()
    names = found.names
    account.s3.create_bucket(Bucket=names.source.name)
    account.s3.put_bucket_notification_configuration(
        Bucket=names.source.name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    account.sqs.create_queue(QueueName=names.queue)
    arn = function(account, names.function)
    account.events.put_rule(Name=names.rule, EventPattern=as_json(object_created(names.source.name, Filter())))
    account.lambda_.add_permission(
        FunctionName=names.function,
        StatementId="AllowRule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=found.rule_arn,
    )
    target = {"Id": "function", "Arn": arn, "DeadLetterConfig": {"Arn": found.queue_arn}}
    account.events.put_targets(Rule=names.rule, Targets=[target])
    return Wired(account, found, arn)


def test_wiring_that_is_as_it_should_be_has_no_fault(cloud: Boto3Cloud, wired: Wired) -> None:
    assert cloud.wiring_faults(wired.found) == ()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("events off", "bucket {source} does not send events to EventBridge"),
        ("rule disabled", "rule {rule} is not enabled"),
        ("no target", "rule {rule} does not have the function as its target"),
        ("no queue", "rule {rule} does not have the dead-letter queue"),
        ("no permission", "function {function} does not let the rule invoke it"),
        ("other code", "function {function} does not run the pipeline's code"),
        ("no function", "function {function} is not visible"),
        ("no rule", "rule {rule} is not visible"),
    ],
)
def test_each_fault_of_the_wiring_is_said(cloud: Boto3Cloud, wired: Wired, how: str, said: str) -> None:
    wired.break_it(how)
    names = wired.found.names
    expected = said.format(source=names.source.name, rule=names.rule, function=names.function)
    assert cloud.wiring_faults(wired.found) == (expected,)


def test_several_faults_are_said_together(cloud: Boto3Cloud, wired: Wired) -> None:
    for how in ("events off", "rule disabled", "no permission"):
        wired.break_it(how)
    assert len(cloud.wiring_faults(wired.found)) == 3


def test_a_fault_that_passes_is_waited_for(cloud: Boto3Cloud, wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    wired.break_it("rule disabled")
    monkeypatch.setattr(wiring, "SETTLING_SECONDS", 20.0)
    account, rule = wired.account, wired.found.names.rule
    monkeypatch.setattr(
        "ingestion_operator.adapters.aws.wiring.time.sleep", lambda _: account.events.enable_rule(Name=rule)
    )
    assert cloud.wiring_faults(wired.found) == ()


def test_the_code_of_an_image_is_not_compared(cloud: Boto3Cloud, wired: Wired) -> None:
    image = ContainerImage("123456789012.dkr.ecr.us-east-1.amazonaws.com/x@sha256:" + "0" * 64)
    assert cloud.wiring_faults(replace(wired.found, code=image)) == ()


def test_a_pipeline_on_a_trail_needs_the_trail_and_not_the_buckets_events(
    cloud: Boto3Cloud, wired: Wired, named_trail: str
) -> None:
    wired.break_it("events off")
    by_trail = replace(wired.found, listens_to_bucket=False, trail_arn=named_trail)
    assert cloud.wiring_faults(by_trail) == (f"trail {named_trail} is not logging",)
    wired.account.cloudtrail.start_logging(Name=named_trail)
    assert cloud.wiring_faults(by_trail) == ()
    wired.account.cloudtrail.delete_trail(Name=named_trail)
    assert cloud.wiring_faults(by_trail) == (f"trail {named_trail} is not visible",)
