"""Resources around a function: its role, its log group, and the rule that sends it events; see `provider_world.Row`."""

from __future__ import annotations

import json

from ingestion_local.provider.properties import Document
from integration.provider_types import (
    LOG_GROUP,
    ROLE,
    ROLE_POLICY,
    RULE,
    TARGET,
)
from integration.provider_world import (
    ACCOUNT,
    Pair,
    ProviderWorld,
    Row,
    as_map,
    grant,
    pattern,
    present,
    trust,
)


def role_inputs(world: ProviderWorld) -> Pair:
    def boundary(name: str) -> str:
        answer = world.client("iam").create_policy(PolicyName=f"{world.name}-{name}", PolicyDocument=grant("s3:*"))
        return str(answer["Policy"]["Arn"])

    return (
        {
            "name": world.name,
            "path": "/pipelines/",
            "maxSessionDuration": 7200,
            "description": "first",
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "permissionsBoundary": boundary("one"),
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "path": "/pipelines/",
            "maxSessionDuration": 3600,
            "description": "second",
            "assumeRolePolicy": trust("events.amazonaws.com"),
            "permissionsBoundary": boundary("two"),
            "tags": {"team": "b", "more": "x"},
        },
    )


def role_seen(world: ProviderWorld, inputs: Document) -> Document:
    role = world.client("iam").get_role(RoleName=inputs["name"])["Role"]
    return {
        "name": role["RoleName"],
        "path": role["Path"],
        "maxSessionDuration": role["MaxSessionDuration"],
        "description": role.get("Description"),
        "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": as_map(world.client("iam").list_role_tags(RoleName=inputs["name"])["Tags"]),
    }


def role_policy_inputs(world: ProviderWorld) -> Pair:
    world.role()
    first = {"name": "pipeline", "role": world.name, "policy": grant("s3:GetObject")}
    return first, first | {"policy": grant("s3:PutObject")}


def role_policy_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("iam").get_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"])
    return {
        "name": answer["PolicyName"],
        "role": answer["RoleName"],
        "policy": json.dumps(answer["PolicyDocument"]),
    }


def log_group_inputs(world: ProviderWorld) -> Pair:
    name = f"/aws/lambda/{world.name}"
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    return (
        {"name": name, "retentionInDays": 30, "kmsKeyId": key, "tags": {"team": "a", "stage": "dev"}},
        {"name": name, "retentionInDays": 7, "kmsKeyId": key, "tags": {"team": "b", "more": "x"}},
    )


def log_group_seen(world: ProviderWorld, inputs: Document) -> Document:
    logs = world.client("logs")
    (group,) = logs.describe_log_groups(logGroupNamePrefix=inputs["name"])["logGroups"]
    tags = logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]
    return {
        "name": group["logGroupName"],
        "retentionInDays": group.get("retentionInDays"),
        "kmsKeyId": group.get("kmsKeyId"),
        "tags": tags,
    }


def rule_inputs(world: ProviderWorld) -> Pair:
    return (
        {
            "name": world.name,
            "description": "first",
            "eventPattern": pattern("a"),
            "state": "DISABLED",
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "description": "second",
            "eventPattern": pattern("b"),
            "state": "ENABLED",
            "tags": {"team": "b", "more": "x"},
        },
    )


def rule_seen(world: ProviderWorld, inputs: Document) -> Document:
    events = world.client("events")
    found = events.describe_rule(Name=inputs["name"])
    return {
        "name": found["Name"],
        "description": found.get("Description"),
        "eventPattern": found["EventPattern"],
        "state": found["State"],
        "tags": as_map(events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]),
    }


def target_inputs(world: ProviderWorld) -> Pair:
    first = {
        "rule": world.rule(),
        "targetId": "function",
        "arn": world.function(),
        "retryPolicy": {"maximumRetryAttempts": 5, "maximumEventAgeInSeconds": 3600},
        "deadLetterConfig": {"arn": world.queue("one")},
    }
    return first, first | {
        "arn": world.function(f"{world.name}-2"),
        "retryPolicy": {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
        "deadLetterConfig": {"arn": world.queue("two")},
    }


def target_seen(world: ProviderWorld, inputs: Document) -> Document:
    targets = world.client("events").list_targets_by_rule(Rule=inputs["rule"])["Targets"]
    (found,) = (target for target in targets if target["Id"] == inputs["targetId"])
    retry = found.get("RetryPolicy", {})
    return {
        "rule": inputs["rule"],
        "targetId": found["Id"],
        "arn": found["Arn"],
        "retryPolicy": present(
            {
                "maximumRetryAttempts": retry.get("MaximumRetryAttempts"),
                "maximumEventAgeInSeconds": retry.get("MaximumEventAgeInSeconds"),
            }
        ),
        "deadLetterConfig": present({"arn": found.get("DeadLetterConfig", {}).get("Arn")}),
    }


ROWS: dict[str, Row] = {
    ROLE: Row(role_inputs, role_seen),
    ROLE_POLICY: Row(role_policy_inputs, role_policy_seen, takes_over=True),
    # The emulator accepts a key when a group is created, but does not know the call that changes the key.
    LOG_GROUP: Row(log_group_inputs, log_group_seen, fixed=frozenset({"kmsKeyId"})),
    RULE: Row(rule_inputs, rule_seen, takes_over=True),
    TARGET: Row(target_inputs, target_seen, takes_over=True),
}
