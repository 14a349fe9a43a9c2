"""How an AWS service puts a message into a queue of MiniStack."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Mapping
from typing import Any


def policy_of(arn: str) -> str:
    """The policy of a standard queue. Raises PermissionError if it does not exist or is a FIFO queue."""
    return str(_found(arn)["attributes"].get("Policy") or "{}")


def send(arn: str, body: str, attributes: Mapping[str, tuple[str, str]], sender: str) -> None:
    """Put a message with attributes (data type and value). Raises PermissionError if there is no such standard queue.

    The caller checks whether the sender may do so.
    """
    from ministack.services import sqs

    queue, now = _found(arn), time.time()
    message = {
        "id": str(uuid.uuid4()),
        "body": body,
        "md5_body": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
        "receive_count": 0,
        "attributes": {},
        "message_attributes": {k: {"DataType": t, "StringValue": v} for k, (t, v) in attributes.items()},
        "sys": {"SenderId": sender, "SentTimestamp": str(int(now * 1000))},
    }
    sqs._ensure_msg_fields(message)
    queue["messages"].append(message)


def _found(arn: str) -> dict[str, Any]:
    from ministack.services import sqs

    queue: dict[str, Any] | None = sqs._queue_by_arn(arn)
    if queue is None:
        raise PermissionError(f"queue {arn} does not exist")
    if queue.get("is_fifo"):
        raise PermissionError(f"queue {arn} is a FIFO queue, which accepts no dead letters")
    return queue
