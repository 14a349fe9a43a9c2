"""The operator's own IAM policy, generated from the tables of `operator_rights`.

Each statement is limited by the physical names (`<namespace>-<name>-<role>-<hash>`), and for roles by the path `ROLE_PATH`. Users may
choose the names of buckets, so buckets are limited by account and by the patterns that the administrator gives.

Resources and condition keys: https://docs.aws.amazon.com/service-authorization/latest/reference/, each service's page.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion_operator.blueprint import iam
from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.resources import ROLE_PATH
from ingestion_operator.offline.operator_rights import ALL, CALLS, RIGHTS, STATE, Feature, On, Right

LAMBDA = "lambda.amazonaws.com"
# The end of every generated name: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
HASH = "?" * 8
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; white space does not count.
MANAGED_POLICY_LIMIT = 6144


@dataclass(frozen=True)
class Reach:
    """Where the operator may work.

    No region means every region. `buckets` are patterns for the names of the pipelines' buckets; generated names begin
    with the namespace. `code_buckets` are the names of buckets with code. `state_bucket` is the bucket with Pulumi's state,
    and `state_key` the ARN of the key that encrypts secrets in the state. `boundary` is the ARN of the permissions boundary
    that every role must have. `account_roles` are the ARNs, or patterns for the ARNs, of the roles of AWSAccounts.
    """

    account_id: str
    regions: tuple[str, ...] = ()
    partition: str = "aws"
    buckets: tuple[str, ...] = ("*",)
    code_buckets: tuple[str, ...] = ()
    state_bucket: str = ""
    boundary: str = ""
    state_key: str = ""
    account_roles: tuple[str, ...] = ()

    def arn(self, service: str, resource: str, account: str | None = None) -> str:
        """An ARN pattern. Several regions become a `*`, which the statement's condition narrows."""
        region = self.regions[0] if len(self.regions) == 1 else "*"
        return f"arn:{self.partition}:{service}:{region}:{account or self.account_id}:{resource}"

    def s3(self, resources: Collection[str], keys: str = "") -> list[str]:
        """ARN patterns of buckets, or of their objects. ARNs of S3 contain neither region nor account."""
        return [f"arn:{self.partition}:s3:::{resource}{keys}" for resource in resources]

    def role(self, name: str) -> str:
        """The ARN pattern of a role. It contains no region."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{name}"


def operator_policy(reach: Reach, features: Collection[Feature] = ALL) -> iam.Policy:
    """The policy of an operator whose pipelines use these features."""
    granted: dict[On, set[str]] = {}
    for right in _rights(frozenset(features) | {Feature.CORE}, bounded=bool(reach.boundary)):
        granted.setdefault(right.on, set()).update(right.actions)
    statements = (
        iam.allow(on.value, sorted(granted[on]), resources, _condition(on, reach))
        for on in On
        if on in granted and (resources := _resources(on, reach))
    )
    return iam.document(*statements)


def operator_policies(reach: Reach, features: Collection[Feature] = ALL) -> tuple[iam.Policy, ...]:
    """The same policy in as few documents as fit into managed policies. One identity can have ten of them."""
    parts: list[list[iam.Statement]] = [[]]
    for statement in operator_policy(reach, features)["Statement"]:
        if size(iam.document(*parts[-1], statement)) > MANAGED_POLICY_LIMIT:
            parts.append([])
        parts[-1].append(statement)
    return tuple(iam.document(*part) for part in parts)


def trust_policy(access: Access, principals: Sequence[str]) -> iam.Policy:
    """The trust policy that lets the operator assume the role of an AWSAccount, with its external ID and session tags."""
    statements = [iam.trust_with_external_id(principals, access.external_id)]
    if access.session_tags:
        statements.append(iam.trust_with_tags(principals, access.session_tags))
    return iam.document(*statements)


def size(document: iam.Policy) -> int:
    """The number of characters that IAM counts: all but white space."""
    return len("".join(json.dumps(document).split()))


def _rights(features: frozenset[Feature], *, bounded: bool) -> Iterator[Right]:
    for row in (*RIGHTS.values(), *CALLS.values(), STATE):
        for right in row:
            if right.features <= features and (bounded or not right.only_with_boundary):
                yield right


def _resources(on: On, reach: Reach) -> list[str]:
    """ARN patterns of one statement; none if the reach contains no such resource."""
    tables = [reach.arn("dynamodb", f"table/*-table-{HASH}")]
    roles = [reach.role(f"{ROLE_PATH[1:]}*")]
    patterns: dict[On, list[str]] = {
        On.BUCKETS: reach.s3(reach.buckets),
        On.NEW_BUCKETS: reach.s3(reach.buckets),
        On.OBJECTS: reach.s3(reach.buckets, "/*"),
        On.CODE: reach.s3(reach.code_buckets, "/*"),
        On.CODE_KEYS: [reach.arn("kms", "key/*", account="*")] if reach.code_buckets else [],
        On.STATE: [*reach.s3([reach.state_bucket]), *reach.s3([reach.state_bucket], "/*")]
        if reach.state_bucket
        else [],
        On.STATE_KEY: [reach.state_key] if reach.state_key else [],
        # If a role does not exist, IAM checks an ARN without a path. The answer must be "not found" then, not "not allowed".
        On.READ_ROLES: [reach.role(f"*-role-{HASH}")],
        On.ROLES: roles,
        On.BOUND_ROLES: roles,
        On.PASSED_ROLES: roles,
        On.FUNCTIONS: [reach.arn("lambda", f"function:*-fn-{HASH}")],
        # A layer may belong to another account, as AWS's own layers do.
        On.LAYERS: [reach.arn("lambda", "layer:*:*", account="*")],
        # The calls for tags need the ARN without `:*`, all others the ARN with it.
        On.LOG_GROUPS: [reach.arn("logs", f"log-group:/aws/lambda/*-fn-{HASH}{end}") for end in ("", ":*")],
        On.RULES: [reach.arn("events", f"rule/*-rule-{HASH}")],
        On.QUEUES: [reach.arn("sqs", f"*-dlq-{HASH}")],
        On.TABLES: tables,
        On.COUNTED_TABLES: tables,
        On.ANY_TABLE: [reach.arn("dynamodb", "table/*")],
        On.TRAILS: [reach.arn("cloudtrail", f"trail/*-trail-{HASH}")],
        # The trail of an organization belongs to the management account.
        On.ANY_TRAIL: [reach.arn("cloudtrail", "trail/*", account="*")],
        On.REPOSITORIES: [reach.arn("ecr", "repository/*", account="*")],
        On.ACCOUNT_ROLES: list(reach.account_roles),
        On.ANYTHING: ["*"],
    }
    return patterns[on]


_WITHOUT_REGION = frozenset({
    On.BUCKETS, On.NEW_BUCKETS, On.OBJECTS, On.CODE, On.STATE, On.ROLES, On.READ_ROLES, On.BOUND_ROLES, On.PASSED_ROLES,
    On.ACCOUNT_ROLES,
})  # fmt: skip


def _condition(on: On, reach: Reach) -> dict[str, Any] | None:
    """The condition of a statement, besides its resources; None if it has none."""
    equal: dict[str, Any] = {}
    like: dict[str, Any] = {}
    if on in (On.BUCKETS, On.OBJECTS):
        equal["aws:ResourceAccount"] = reach.account_id
    if on is On.PASSED_ROLES:
        equal["iam:PassedToService"] = LAMBDA
    if on is On.BOUND_ROLES and reach.boundary:
        equal["iam:PermissionsBoundary"] = reach.boundary
    if on is On.COUNTED_TABLES:
        equal["dynamodb:Select"] = "COUNT"  # the number of items, never the items
    if on is On.CODE_KEYS:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context: the ARN of
        # the object or, if the bucket has a bucket key, of the bucket.
        like["kms:ViaService"] = "s3.*"
        like["kms:EncryptionContext:aws:s3:arn"] = [*reach.s3(reach.code_buckets), *reach.s3(reach.code_buckets, "/*")]
    if len(reach.regions) > 1 and on not in _WITHOUT_REGION:
        equal["aws:RequestedRegion"] = list(reach.regions)
    condition = {"StringEquals": equal, "StringLike": like}
    return {operator: keys for operator, keys in condition.items() if keys} or None
