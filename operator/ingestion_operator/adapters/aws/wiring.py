"""The check of the wiring: what carries an event from the bucket to the function, read back from AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ingestion_operator.adapters.aws.calls import Clients, allowing, error_code, translated
from ingestion_operator.blueprint.function_code import ContainerImage
from ingestion_operator.blueprint.resources import Blueprint

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

# IAM, Lambda and EventBridge may show a write only seconds later: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
SETTLING_SECONDS = 10.0
SETTLING_INTERVAL_SECONDS = 0.25
GONE = {"ResourceNotFoundException", "TrailNotFoundException"}


class WiringCheck:
    """Reads the wiring of a pipeline back, and waits until AWS shows what was just written."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def faults(self, blueprint: Blueprint) -> tuple[str, ...]:
        """See `EventPath.wiring_faults`. Waits up to `SETTLING_SECONDS` for faults to go away."""
        checks: tuple[Callable[[Blueprint], str], ...] = (
            self._bucket_fault,
            self._rule_fault,
            self._function_fault,
        )
        deadline = time.monotonic() + SETTLING_SECONDS
        while True:
            with translated("reading the wiring back"):
                faults = tuple(fault for check in checks if (fault := check(blueprint)))
            if not faults or time.monotonic() > deadline:
                return faults
            time.sleep(SETTLING_INTERVAL_SECONDS)

    def _bucket_fault(self, blueprint: Blueprint) -> str:
        if not blueprint.listens_to_bucket:
            return self._trail_fault(blueprint)
        bucket, s3 = blueprint.names.source_bucket, self._clients.s3(blueprint.place.region)
        notifications = s3.get_bucket_notification_configuration(Bucket=bucket)
        sends = "EventBridgeConfiguration" in notifications
        return "" if sends else f"bucket {bucket} does not send events to EventBridge"

    def _trail_fault(self, blueprint: Blueprint) -> str:
        arn = blueprint.trail_arn
        try:
            logging = self._clients.cloudtrail(arn.split(":")[3]).get_trail_status(Name=arn).get("IsLogging")
        except ClientError as error:
            return _gone(error, f"trail {arn}")
        return "" if logging else f"trail {arn} is not logging"

    def _rule_fault(self, blueprint: Blueprint) -> str:
        rule, events = blueprint.names.rule, self._clients.events(blueprint.place.region)
        try:
            state = events.describe_rule(Name=rule).get("State")
        except ClientError as error:
            return _gone(error, f"rule {rule}")
        if state != "ENABLED":
            return f"rule {rule} is not enabled"
        targets = {target["Arn"]: target for target in events.list_targets_by_rule(Rule=rule)["Targets"]}
        if blueprint.function_arn not in targets:
            return f"rule {rule} does not have the function as its target"
        queue = targets[blueprint.function_arn].get("DeadLetterConfig", {}).get("Arn")
        return "" if queue == blueprint.queue_arn else f"rule {rule} does not have the dead-letter queue"

    def _function_fault(self, blueprint: Blueprint) -> str:
        function, client = blueprint.names.function, self._clients.lambda_(blueprint.place.region)
        try:
            current = client.get_function_configuration(FunctionName=function)
        except ClientError as error:
            return _gone(error, f"function {function}")
        state, last_update = current.get("State", "Active"), current.get("LastUpdateStatus", "Successful")
        if state != "Active" or last_update != "Successful":
            return f"function {function} is {state}, its last update {last_update}"
        # The hash that Lambda reports for an image is not known beforehand.
        wanted = "" if isinstance(blueprint.code, ContainerImage) else blueprint.code.sha256_base64
        if wanted and current.get("CodeSha256") != wanted:
            return f"function {function} does not run the pipeline's code"
        return self._permission_fault(client, function, blueprint.rule_arn)

    @staticmethod
    def _permission_fault(client: LambdaClient, function: str, rule_arn: str) -> str:
        policy: dict[str, Any] = {"Statement": []}
        with allowing(GONE):
            policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
        named = rule_arn in json.dumps(policy["Statement"])
        return "" if named else f"function {function} does not let the rule invoke it"


def _gone(error: ClientError, what: str) -> str:
    """The fault of something that does not exist or is not visible yet. Raises any other error again."""
    if error_code(error) not in GONE:
        raise error
    return f"{what} is not visible"
