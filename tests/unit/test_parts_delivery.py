"""Dead letters and delivery: queue, rule, target and permission."""

from __future__ import annotations

from builders import make_blueprint
from ingestion_operator.blueprint.resources import Ref
from unit.plan_parts import PLAIN, QUEUE, RULE, inputs, resource, statements


def test_only_the_rule_puts_into_the_queue_and_only_over_tls() -> None:
    assert statements(PLAIN, "dead-letter-queue-policy") == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": [QUEUE],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "RuleMaySend",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": [QUEUE],
            "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
        },
    ]


def test_the_queue_is_encrypted_and_keeps_events_as_long_as_is_asked() -> None:
    found = inputs(make_blueprint(deadLetter={"retentionDays": 3}), "dead-letter-queue")
    assert found["message_retention_seconds"] == 3 * 86400
    assert found["sqs_managed_sse_enabled"] is True
    assert inputs(PLAIN, "dead-letter-queue")["message_retention_seconds"] == 14 * 86400


def test_both_ways_of_giving_up_lead_to_the_queue() -> None:
    delivery = {
        "maximumAttempts": 3,
        "maximumEventAgeSeconds": 120,
        "processingAttempts": 0,
        "processingMaximumAgeSeconds": 90,
    }
    found = make_blueprint(delivery=delivery)
    target, asynchronous = inputs(found, "target"), inputs(found, "function-invoke-config")
    assert target["retry_policy"] == {"maximum_retry_attempts": 3, "maximum_event_age_in_seconds": 120}
    assert target["dead_letter_config"] == {"arn": Ref("dead-letter-queue", "arn")}
    assert (asynchronous["maximum_retry_attempts"], asynchronous["maximum_event_age_in_seconds"]) == (0, 90)
    assert asynchronous["destination_config"]["on_failure"] == {"destination": Ref("dead-letter-queue", "arn")}


def test_the_rule_has_a_target_only_when_it_may_invoke_it_and_give_up_on_it() -> None:
    assert set(resource(PLAIN, "target").depends_on) == {"permission", "dead-letter-queue-policy"}
    assert inputs(PLAIN, "permission")["source_arn"] == Ref("rule", "arn")
    assert inputs(PLAIN, "permission")["source_account"] == "123456789012"
