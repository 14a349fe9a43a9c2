"""IAM policies as data, never assembled as text. No policy grants more than the pipeline needs.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

VERSION = "2012-10-17"
Statement = dict[str, Any]
Policy = dict[str, Any]


def document(*statements: Statement) -> Policy:
    """A policy document of these statements."""
    return {"Version": VERSION, "Statement": list(statements)}


def allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: dict[str, Any] | None = None
) -> Statement:
    """A statement that allows these actions on these resources."""
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return statement if condition is None else {**statement, "Condition": condition}


def lambda_trust(account_id: str) -> Policy:
    """Lets Lambda, for functions of this account, assume the function's role.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/permissions-executionrole.html
    """
    return document(
        {
            "Sid": "LambdaMayAssume",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
        }
    )


def trust_with_external_id(principals: Sequence[str], external_id: str) -> Statement:
    """Lets these principals assume the role, with this external ID if there is one.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """
    condition = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else None
    return _trust("OperatorMayAssume", principals, "sts:AssumeRole", condition)


def trust_with_tags(principals: Sequence[str], tags: Mapping[str, str]) -> Statement:
    """Lets these principals tag the session with these tags only. sts:TagSession has no external ID, so the statement is separate.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    equal: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return _trust("OperatorMayTag", principals, "sts:TagSession", {"StringEquals": equal})


def _trust(sid: str, principals: Sequence[str], action: str, condition: dict[str, Any] | None) -> Statement:
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": action}
    return statement if condition is None else {**statement, "Condition": condition}


def read_objects(bucket_arn: str, prefixes: Sequence[str]) -> Statement:
    """Lets the function read objects of the source bucket, only under the filter's prefixes."""
    return allow("ReadSource", ["s3:GetObject", "s3:GetObjectVersion"], _keys(bucket_arn, prefixes))


def write_objects(bucket_arn: str, prefix: str) -> Statement:
    """Lets the function write results, only under the prefix."""
    return allow("WriteResults", ["s3:PutObject", "s3:AbortMultipartUpload"], _keys(bucket_arn, [prefix]))


def write_log(log_group_arn: str) -> Statement:
    """Lets the function write to its own log group. The pipeline creates the group, so the function does not need that right."""
    return allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn}:*"])


def send_traces() -> Statement:
    """Lets the function send traces. X-Ray supports no narrower resource.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
    """
    return allow("SendTraces", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])


def use_items(table_arn: str) -> Statement:
    """Lets the function read and write items of the results table by their keys. It may not scan the whole table.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
    """
    verbs = (
        "BatchGetItem",
        "BatchWriteItem",
        "ConditionCheckItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "UpdateItem",
    )
    return allow("UseResultsTable", [f"dynamodb:{verb}" for verb in verbs], [table_arn])


def send_failures(queue_arn: str) -> Statement:
    """Lets the function send to the queue: Lambda uses the function's role to send an event that it could not process.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    return allow("SendFailures", ["sqs:SendMessage"], [queue_arn])


def read_with_key(sid: str, key_arn: str, service: str) -> Statement:
    """Lets the function decrypt objects that are encrypted with this key, only through S3.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    return allow(sid, ["kms:Decrypt"], [key_arn], {"StringEquals": {"kms:ViaService": service}})


def write_with_key(sid: str, key_arn: str, service: str) -> Statement:
    """Lets the function encrypt objects with this key, only through S3. A multipart upload has to decrypt too."""
    actions = ["kms:GenerateDataKey", "kms:Decrypt"]
    return allow(sid, actions, [key_arn], {"StringEquals": {"kms:ViaService": service}})


NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def join_network(function_arn: str) -> tuple[Statement, Statement]:
    """Lets Lambda attach the function to its VPC, and denies the same rights to the function's own code.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    return (
        allow("JoinNetwork", NETWORK_INTERFACES, ["*"]),
        {
            "Sid": "NotByTheFunctionItself",
            "Effect": "Deny",
            "Action": list(NETWORK_INTERFACES),
            "Resource": ["*"],
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": [function_arn]}},
        },
    )


def spare_other_pipelines(own: Sequence[str], owner_tag: str) -> Statement:
    """Denies the function every action on functions, queues and rules that carry an ownership tag and are not its own.

    The rights of `processor.permissions` may be as wide as `*`. Lambda, SQS and EventBridge compare the tags of a function (with
    its versions and aliases), a queue and a rule with `aws:ResourceTag`. Sources:
    https://docs.aws.amazon.com/lambda/latest/dg/attribute-based-access-control.html,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-abac.html and
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-tag-policies.html
    """
    return {
        "Sid": "SpareOtherPipelines",
        "Effect": "Deny",
        "Action": ["events:*", "lambda:*", "sqs:*"],
        "NotResource": list(own),
        "Condition": {"Null": {f"aws:ResourceTag/{owner_tag}": "false"}},
    }


def spare_roles(role_arns: str) -> Statement:
    """Denies the function every action on the roles of pipelines, which all have the same path."""
    return {"Sid": "SpareRoles", "Effect": "Deny", "Action": ["iam:*", "sts:*"], "Resource": [role_arns]}


def spare_state(bucket_arn: str) -> Statement:
    """Denies the function every action on the bucket with the operator's state, which holds the state of all pipelines."""
    return {"Sid": "SpareState", "Effect": "Deny", "Action": ["s3:*"], "Resource": [bucket_arn, f"{bucket_arn}/*"]}


def tls_only(arn: str, service: str = "s3") -> Statement:
    """Denies every request to a bucket or a queue that does not use TLS.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"{service}:*",
        "Resource": [arn, f"{arn}/*"] if service == "s3" else [arn],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def service_may(sid: str, service: str, action: str, resource: str, condition: dict[str, Any]) -> Statement:
    """A statement for the policy of a resource: it lets an AWS service act on the resource."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        "Resource": [resource],
        "Condition": condition,
    }


def rule_may_send(queue_arn: str, rule_arn: str) -> Statement:
    """Lets EventBridge send to the queue the events that this rule could not deliver.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    condition = {"ArnEquals": {"aws:SourceArn": rule_arn}}
    return service_may("RuleMaySend", "events.amazonaws.com", "sqs:SendMessage", queue_arn, condition)


def trail_may_write(bucket_arn: str, trail_arn: str, account_id: str) -> tuple[Statement, Statement]:
    """Lets CloudTrail write the log of this trail into its bucket.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    trail = {"StringEquals": {"aws:SourceArn": trail_arn}}
    owned = {"StringEquals": {"aws:SourceArn": trail_arn, "s3:x-amz-acl": "bucket-owner-full-control"}}
    service, log = "cloudtrail.amazonaws.com", f"{bucket_arn}/AWSLogs/{account_id}/*"
    return (
        service_may("TrailMayLook", service, "s3:GetBucketAcl", bucket_arn, trail),
        service_may("TrailMayWrite", service, "s3:PutObject", log, owned),
    )


def _keys(bucket_arn: str, prefixes: Sequence[str]) -> list[str]:
    return [f"{bucket_arn}/{prefix}*" for prefix in prefixes or [""]]
