"""IAM policies as data: never strings put together, never wider than the pipeline needs.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """One statement that allows."""
    found: Statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return found if condition is None else {**found, "Condition": condition}


def lambda_trust(account_id: str) -> Policy:
    """Who may take the function's role: Lambda, for functions of this account.

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


def read_objects(bucket_arn: str, prefixes: Sequence[str]) -> Statement:
    """Read objects of the source bucket, under the filter's prefixes only."""
    return allow("ReadSource", ["s3:GetObject", "s3:GetObjectVersion"], _keys(bucket_arn, prefixes))


def write_objects(bucket_arn: str, prefix: str) -> Statement:
    """Write results, under the prefix only."""
    return allow("WriteResults", ["s3:PutObject", "s3:AbortMultipartUpload"], _keys(bucket_arn, [prefix]))


def write_log(log_group_arn: str) -> Statement:
    """Write to the function's own log group. Creating groups is not needed: the pipeline makes it."""
    return allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_group_arn}:*"])


def send_traces() -> Statement:
    """Send traces. X-Ray knows no narrower resource.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
    """
    return allow("SendTraces", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])


def tls_only(bucket_arn: str) -> Policy:
    """A bucket policy that refuses whatever does not come over TLS.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
    """
    return document(
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket_arn, f"{bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def _keys(bucket_arn: str, prefixes: Sequence[str]) -> list[str]:
    return [f"{bucket_arn}/{prefix}*" for prefix in prefixes or [""]]
