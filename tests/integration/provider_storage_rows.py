"""Queues and tables; see `provider_world.Row`."""

from __future__ import annotations

from ingestion_local.provider.properties import Document
from integration.provider_types import (
    QUEUE,
    QUEUE_POLICY,
    TABLE,
)
from integration.provider_world import (
    Pair,
    ProviderWorld,
    Row,
    as_map,
    grant,
)


def queue_inputs(world: ProviderWorld) -> Pair:
    return (
        {
            "name": world.name,
            "messageRetentionSeconds": 1209600,
            "visibilityTimeoutSeconds": 60,
            "sqsManagedSseEnabled": True,
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "messageRetentionSeconds": 3600,
            "visibilityTimeoutSeconds": 0,
            "sqsManagedSseEnabled": False,
            "tags": {"team": "b", "more": "x"},
        },
    )


def queue_seen(world: ProviderWorld, inputs: Document) -> Document:
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=inputs["name"])["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        "name": found["QueueArn"].rpartition(":")[2],
        "messageRetentionSeconds": int(found["MessageRetentionPeriod"]),
        "visibilityTimeoutSeconds": int(found["VisibilityTimeout"]),
        "sqsManagedSseEnabled": found.get("SqsManagedSseEnabled") == "true",
        "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
    }


def queue_policy_inputs(world: ProviderWorld) -> Pair:
    world.queue("policy")
    url = world.client("sqs").get_queue_url(QueueName=f"{world.name}-policy")["QueueUrl"]
    principal = {"Service": "events.amazonaws.com"}
    return (
        {"queueUrl": url, "policy": grant("sqs:SendMessage", Principal=principal)},
        {"queueUrl": url, "policy": grant("sqs:ReceiveMessage", Principal=principal)},
    )


def queue_policy_seen(world: ProviderWorld, inputs: Document) -> Document:
    url = inputs["queueUrl"]
    answer = world.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    return {"queueUrl": url, "policy": answer["Attributes"]["Policy"]}


def table_inputs(world: ProviderWorld) -> Pair:
    first = {
        "name": world.name,
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "source",
        "rangeKey": "offset",
        "attributes": [{"name": "source", "type": "S"}, {"name": "offset", "type": "N"}],
        "pointInTimeRecovery": {"enabled": True},
        "serverSideEncryption": {"enabled": True},
        "deletionProtectionEnabled": True,
        "tags": {"team": "a", "stage": "dev"},
    }
    return first, first | {
        "pointInTimeRecovery": {"enabled": False},
        "serverSideEncryption": {"enabled": False},
        "deletionProtectionEnabled": False,
        "tags": {"team": "b", "more": "x"},
    }


def table_seen(world: ProviderWorld, inputs: Document) -> Document:
    dynamodb = world.client("dynamodb")
    found = dynamodb.describe_table(TableName=inputs["name"])["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=inputs["name"])["ContinuousBackupsDescription"]
    keys = {key["KeyType"]: key["AttributeName"] for key in found["KeySchema"]}
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return {
        "name": found["TableName"],
        "billingMode": found["BillingModeSummary"]["BillingMode"],
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "attributes": [{"name": a["AttributeName"], "type": a["AttributeType"]} for a in found["AttributeDefinitions"]],
        "pointInTimeRecovery": {"enabled": recovery == "ENABLED"},
        "serverSideEncryption": {"enabled": found.get("SSEDescription", {}).get("Status") == "ENABLED"},
        "deletionProtectionEnabled": found["DeletionProtectionEnabled"],
        "tags": as_map(dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]),
    }


ROWS: dict[str, Row] = {
    QUEUE: Row(queue_inputs, queue_seen),
    QUEUE_POLICY: Row(queue_policy_inputs, queue_policy_seen, takes_over=True),
    TABLE: Row(table_inputs, table_seen, fixed=frozenset({"billingMode", "attributes"})),
}
