"""The switch that makes a bucket send its events to EventBridge.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from typing import Any, cast

from ingestion_operator.adapters.aws.calls import ABSENT, Clients, allowing, translated
from ingestion_operator.blueprint.event_pattern import may_listen

SWITCH = "EventBridgeConfiguration"


class BucketLocks:
    """One lock for each bucket: the operator reads, changes and writes a notification document in one thread at a time.

    All accesses share them, because two accesses may lead to one AWS account.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def of(self, bucket: str) -> threading.Lock:
        """The lock of a bucket."""
        with self._guard:
            return self._locks[bucket]


class EventSwitch:
    """The events of the buckets of one access."""

    def __init__(self, clients: Clients, locks: BucketLocks) -> None:
        self._clients = clients
        self._locks = locks

    def switch_on(self, bucket: str, region: str) -> bool:
        """See `EventPath.switch_on_events`."""
        with self._locks.of(bucket), translated(f"switching on the events of bucket {bucket}"):
            document = self._notifications(bucket, region)
            if SWITCH in document:
                return False
            self._put_notifications(bucket, region, {**document, SWITCH: {}})
        return True

    def switch_off(self, bucket: str, region: str) -> bool:
        """See `EventPath.switch_off_events`."""
        with self._locks.of(bucket), translated(f"switching off the events of bucket {bucket}"):
            document: dict[str, Any] = {}
            with allowing(ABSENT):
                document = self._notifications(bucket, region)
            if SWITCH not in document or self._somebody_listens(bucket, region):
                return False
            del document[SWITCH]
            self._put_notifications(bucket, region, document)
        return True

    def _notifications(self, bucket: str, region: str) -> dict[str, Any]:
        answer = self._clients.s3(region).get_bucket_notification_configuration(Bucket=bucket)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def _put_notifications(self, bucket: str, region: str, document: dict[str, Any]) -> None:
        # The destinations belong to others. The operator does not test whether S3 may reach them.
        self._clients.s3(region).put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=cast(Any, document), SkipDestinationValidation=True
        )

    def _somebody_listens(self, bucket: str, region: str) -> bool:
        pages = self._clients.events(region).get_paginator("list_rules").paginate()
        patterns = (rule.get("EventPattern") for page in pages for rule in page["Rules"])
        return any(may_listen(json.loads(pattern), bucket) for pattern in patterns if pattern)
