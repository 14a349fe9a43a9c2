"""CloudWatch Logs: log groups."""

from __future__ import annotations

from types import MappingProxyType

from typing_extensions import override

from ingestion_local.provider.calls import absent_is_fine, doing
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import block
from ingestion_local.provider.tags import tag_changes


class LogGroup(ResourceKind):
    """`aws.cloudwatch.LogGroup`."""

    type = "aws:cloudwatch/logGroup:LogGroup"
    service = "logs"
    inputs = block("name", retentionInDays=None, kmsKeyId=None, tags=None)
    replaces = frozenset({"name"})
    # 0 means forever.
    defaults = MappingProxyType({"retentionInDays": 0})
    outputs = frozenset({"arn", "tagsAll"})
    follows = MappingProxyType({"tagsAll": frozenset({"tags"})})

    @override
    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        wanted = {"logGroupName": name, "kmsKeyId": inputs.get("kmsKeyId"), "tags": inputs.get("tags")}
        with doing(f"creating CloudWatch Logs Log Group ({name})", self.client):
            self.client.create_log_group(**present(wanted))
        return name

    @override
    def complete(self, identity: str, inputs: Document) -> None:
        if inputs.get("retentionInDays"):
            with doing(f"setting CloudWatch Logs Log Group ({identity}) retention policy", self.client):
                self._retain(identity, inputs["retentionInDays"])

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        group = self._find(identity)
        if group is None:
            return None
        arn = _arn(group)
        tags = self.client.list_tags_for_resource(resourceArn=arn).get("tags") or {}
        found = {
            "name": identity,
            "retentionInDays": group.get("retentionInDays"),
            "kmsKeyId": group.get("kmsKeyId"),
            "tags": tags,
        }
        return present(found), {"arn": arn, "tagsAll": tags}

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = self.changed(before, after)
        with doing(f"updating CloudWatch Logs Log Group ({identity})", self.client):
            if "retentionInDays" in changed:
                self._retain(identity, after.get("retentionInDays", 0))
            if "kmsKeyId" in changed:
                self._encrypt(identity, after.get("kmsKeyId"))
            if "tags" in changed:
                self._tag(identity, before, after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with (
            doing(f"deleting CloudWatch Logs Log Group ({identity})", self.client),
            absent_is_fine("ResourceNotFoundException"),
        ):
            self.client.delete_log_group(logGroupName=identity)

    def _find(self, name: str) -> Document | None:
        groups = self.client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return next((dict(group) for group in groups if group["logGroupName"] == name), None)

    def _retain(self, name: str, days: int) -> None:
        if days:
            self.client.put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            self.client.delete_retention_policy(logGroupName=name)

    def _encrypt(self, name: str, key: str | None) -> None:
        if key:
            self.client.associate_kms_key(logGroupName=name, kmsKeyId=key)
        else:
            self.client.disassociate_kms_key(logGroupName=name)

    def _tag(self, name: str, before: Document, after: Document) -> None:
        added, removed = tag_changes(before, after)
        arn = _arn(self._find(name) or {"arn": ""})
        if removed:
            self.client.untag_resource(resourceArn=arn, tagKeys=removed)
        if added:
            self.client.tag_resource(resourceArn=arn, tags=added)


def _arn(group: Document) -> str:
    """The ARN of a group. AWS's own form ends in `:*`, which the tagging calls do not accept."""
    return str(group["arn"]).removesuffix(":*")


KINDS: tuple[type[ResourceKind], ...] = (LogGroup,)
