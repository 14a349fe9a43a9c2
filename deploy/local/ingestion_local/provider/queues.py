"""SQS: queues and their policies."""

from __future__ import annotations

from types import MappingProxyType

from typing_extensions import override

from ingestion_local.provider.calls import absent_is_fine, doing
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import block
from ingestion_local.provider.tags import tag_changes

ABSENT = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
# Pulumi's input -> the queue's attribute.
NUMBERS = {
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


class Queue(ResourceKind):
    """`aws.sqs.Queue`. Its id is its URL."""

    type = "aws:sqs/queue:Queue"
    service = "sqs"
    inputs = block("name", **dict.fromkeys(NUMBERS), sqsManagedSseEnabled=None, tags=None)
    replaces = frozenset({"name"})
    defaults = MappingProxyType({"messageRetentionSeconds": 345600, "visibilityTimeoutSeconds": 30})
    unmanaged = frozenset({"sqsManagedSseEnabled"})
    outputs = frozenset({"arn", "url", "tagsAll"})
    follows = MappingProxyType({"tagsAll": frozenset({"tags"})})

    @override
    def create(self, inputs: Document) -> str:
        wanted = {"QueueName": inputs["name"], "Attributes": _attributes(inputs), "tags": inputs.get("tags")}
        with doing(f"creating SQS Queue ({inputs['name']})", self.client):
            return str(self.client.create_queue(**present(wanted))["QueueUrl"])

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        answer: Document = {}
        with absent_is_fine(*ABSENT):
            answer = self.client.get_queue_attributes(QueueUrl=identity, AttributeNames=["All"])
        if not answer:
            return None
        there = answer["Attributes"]
        tags = self.client.list_queue_tags(QueueUrl=identity).get("Tags") or {}
        queue_inputs = {
            "name": identity.rpartition("/")[2],
            **{ours: int(there[theirs]) for ours, theirs in NUMBERS.items() if theirs in there},
            "sqsManagedSseEnabled": there.get("SqsManagedSseEnabled", "false") == "true",
            "tags": tags,
        }
        return present(queue_inputs), {"arn": there["QueueArn"], "url": identity, "tagsAll": tags}

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = set(self.changed(before, after))
        with doing(f"updating SQS Queue ({identity})", self.client):
            if changed - {"tags"}:
                wanted = {**self.defaults, **after}
                self.client.set_queue_attributes(QueueUrl=identity, Attributes=_attributes(wanted))
            added, removed = tag_changes(before, after)
            if removed:
                self.client.untag_queue(QueueUrl=identity, TagKeys=removed)
            if added:
                self.client.tag_queue(QueueUrl=identity, Tags=added)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting SQS Queue ({identity})", self.client), absent_is_fine(*ABSENT):
            self.client.delete_queue(QueueUrl=identity)


def _attributes(inputs: Document) -> dict[str, str]:
    attributes = {theirs: str(inputs[ours]) for ours, theirs in NUMBERS.items() if ours in inputs}
    if "sqsManagedSseEnabled" in inputs:
        attributes["SqsManagedSseEnabled"] = str(bool(inputs["sqsManagedSseEnabled"])).lower()
    return attributes


class QueuePolicy(ResourceKind):
    """`aws.sqs.QueuePolicy`. Its id is the queue's URL."""

    type = "aws:sqs/queuePolicy:QueuePolicy"
    service = "sqs"
    inputs = block("queueUrl", "policy")
    replaces = frozenset({"queueUrl"})
    json = frozenset({"policy"})
    outputs = frozenset()

    @override
    def create(self, inputs: Document) -> str:
        self._put("creating", str(inputs["queueUrl"]), inputs["policy"])
        return str(inputs["queueUrl"])

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        policy = ""
        with absent_is_fine(*ABSENT):
            answer = self.client.get_queue_attributes(QueueUrl=identity, AttributeNames=["Policy"])
            policy = (answer.get("Attributes") or {}).get("Policy", "")
        return ({"queueUrl": identity, "policy": policy}, {}) if policy else None

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        self._put("updating", identity, after["policy"])

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with absent_is_fine(*ABSENT):
            self.client.get_queue_attributes(QueueUrl=identity, AttributeNames=["Policy"])
            self._put("deleting", identity, "")

    def _put(self, verb: str, url: str, policy: str) -> None:
        with doing(f"{verb} SQS Queue Policy ({url})", self.client):
            self.client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


KINDS: tuple[type[ResourceKind], ...] = (Queue, QueuePolicy)
