"""The way from the bucket's event to the function: the rule, its target, and the dead-letter queue."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion_operator.blueprint import iam
from ingestion_operator.blueprint.event_pattern import arrivals
from ingestion_operator.blueprint.parts.draft import Draft
from ingestion_operator.blueprint.resources import Ref, Resource, as_json

SECONDS_PER_DAY = 86400


def dead_letters(draft: Draft) -> Iterator[Resource]:
    """The queue for events that EventBridge could not deliver, or that the function could not process."""
    yield Resource(
        "dead-letter-queue",
        "aws:sqs/queue:Queue",
        {
            "name": draft.names.queue,
            "message_retention_seconds": draft.spec.dead_letter.retention_days * SECONDS_PER_DAY,
            "sqs_managed_sse_enabled": True,
            "tags": draft.tags,
        },
    )
    statements = iam.tls_only(draft.queue_arn, "sqs"), iam.rule_may_send(draft.queue_arn, draft.rule_arn)
    yield Resource(
        "dead-letter-queue-policy",
        "aws:sqs/queuePolicy:QueuePolicy",
        {"queue_url": Ref("dead-letter-queue", "id"), "policy": as_json(iam.document(*statements))},
    )


def delivery(draft: Draft) -> Iterator[Resource]:
    """The rule, the permission to invoke the function, and the function as the rule's target."""
    source, wanted = draft.spec.source, draft.spec.delivery
    yield Resource(
        "rule",
        "aws:cloudwatch/eventRule:EventRule",
        {
            "name": draft.names.rule,
            "description": f"New objects of {draft.names.source.name} for {draft.names.function}",
            "event_pattern": as_json(arrivals(source.trigger, draft.names.source.name, source.filter)),
            "state": "ENABLED",
            "tags": draft.tags,
        },
    )
    yield Resource(
        "permission",
        "aws:lambda/permission:Permission",
        {
            "statement_id": "AllowRule",
            "action": "lambda:InvokeFunction",
            "function": Ref("function", "name"),
            "principal": "events.amazonaws.com",
            "source_arn": Ref("rule", "arn"),
            "source_account": draft.place.account_id,
        },
    )
    yield Resource(
        "target",
        "aws:cloudwatch/eventTarget:EventTarget",
        {
            "rule": Ref("rule", "name"),
            "target_id": "function",
            "arn": Ref("function", "arn"),
            "retry_policy": {
                "maximum_retry_attempts": wanted.maximum_attempts,
                "maximum_event_age_in_seconds": wanted.maximum_event_age_seconds,
            },
            "dead_letter_config": {"arn": Ref("dead-letter-queue", "arn")},
        },
        # EventBridge retries neither a refused invocation nor a refused dead letter, so the permissions have to come first.
        depends_on=("permission", "dead-letter-queue-policy"),
    )
