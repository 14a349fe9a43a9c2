"""DynamoDB: tables with on-demand billing."""

from __future__ import annotations

from types import MappingProxyType

from typing_extensions import override

from ingestion_local.provider.calls import Refused, absent_is_fine, doing, settled
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import Block, block, requiring
from ingestion_local.provider.tags import tag_changes, tag_list, tag_map

ABSENT = "ResourceNotFoundException"
PAY_PER_REQUEST = "PAY_PER_REQUEST"
IS_ON = ("ENABLED", "ENABLING", "UPDATING")
ENABLED = block("enabled")


class Table(ResourceKind):
    """`aws.dynamodb.Table`."""

    type = "aws:dynamodb/table:Table"
    service = "dynamodb"
    inputs = requiring(
        Block(
            {
                **dict.fromkeys(("name", "billingMode", "hashKey", "rangeKey")),
                "attributes": block("name", "type"),
                "pointInTimeRecovery": ENABLED,
                "serverSideEncryption": ENABLED,
                "deletionProtectionEnabled": None,
                "tags": None,
            }
        ),
        # Without it AWS would require capacities, which the stand-in does not apply.
        "billingMode",
        "name",
        "hashKey",
        "attributes",
    )
    replaces = frozenset({"name", "hashKey", "rangeKey"})
    only = MappingProxyType({"billingMode": PAY_PER_REQUEST})
    unmanaged = frozenset({"pointInTimeRecovery", "serverSideEncryption"})
    outputs = frozenset({"arn", "tagsAll"})
    follows = MappingProxyType({"tagsAll": frozenset({"tags"})})

    @override
    @classmethod
    def changed(cls, before: Document, after: Document) -> list[str]:
        # They are a set, so their order has no meaning.
        return super().changed(_sorted(before), _sorted(after))

    @override
    @classmethod
    def as_written(cls, inputs: Document, there: Document) -> Document:
        written = super().as_written(_sorted(inputs), _sorted(there))
        is_same = written.get("attributes") == _sorted(inputs).get("attributes")
        return {**written, "attributes": inputs["attributes"]} if is_same and "attributes" in inputs else written

    @override
    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        keys = {"HASH": inputs["hashKey"], "RANGE": inputs.get("rangeKey")}
        wanted = {
            "TableName": name,
            "BillingMode": inputs["billingMode"],
            "KeySchema": [{"AttributeName": key, "KeyType": kind} for kind, key in keys.items() if key],
            "AttributeDefinitions": [
                {"AttributeName": a["name"], "AttributeType": a["type"]} for a in inputs["attributes"]
            ],
            "SSESpecification": _switch(inputs, "serverSideEncryption", "Enabled"),
            "DeletionProtectionEnabled": inputs.get("deletionProtectionEnabled"),
            "Tags": tag_list(inputs.get("tags") or {}),
        }
        with doing(f"creating DynamoDB Table ({name})", self.client):
            self.client.create_table(**present(wanted))
        return name

    @override
    def complete(self, identity: str, inputs: Document) -> None:
        settled(f"DynamoDB Table ({identity})", lambda: self._is_active(identity))
        if inputs.get("pointInTimeRecovery"):
            self._recover(identity, inputs)

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        table: Document = {}
        with absent_is_fine(ABSENT):
            table = self.client.describe_table(TableName=identity)["Table"]
        if not table:
            return None
        backups = self.client.describe_continuous_backups(TableName=identity)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription") or {}
        tags = tag_map(self.client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"])
        table_inputs = {
            **_table_inputs(table),
            "pointInTimeRecovery": {"enabled": recovery.get("PointInTimeRecoveryStatus") in IS_ON},
            "tags": tags,
        }
        return present(table_inputs), {"arn": table["TableArn"], "tagsAll": tags}

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = set(self.changed(before, after))
        if "attributes" in changed:
            raise Refused("input attributes: the stand-in changes it only together with a new key")
        with doing(f"updating DynamoDB Table ({identity})", self.client):
            # AWS accepts one kind of change in one call.
            if "serverSideEncryption" in changed:
                self.client.update_table(
                    TableName=identity, SSESpecification=_switch(after, "serverSideEncryption", "Enabled")
                )
            if "deletionProtectionEnabled" in changed:
                protected = bool(after.get("deletionProtectionEnabled"))
                self.client.update_table(TableName=identity, DeletionProtectionEnabled=protected)
        if "pointInTimeRecovery" in changed:
            self._recover(identity, after)
        if "tags" in changed:
            self._tag(identity, before, after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting DynamoDB Table ({identity})", self.client), absent_is_fine(ABSENT):
            self.client.delete_table(TableName=identity)
            settled(f"the end of DynamoDB Table ({identity})", lambda: self._is_absent(identity))

    def _is_active(self, name: str) -> bool:
        return bool(self.client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")

    def _is_absent(self, name: str) -> bool:
        table: Document = {}
        with absent_is_fine(ABSENT):
            table = self.client.describe_table(TableName=name)
        return not table

    def _recover(self, name: str, inputs: Document) -> None:
        wanted = _switch(inputs, "pointInTimeRecovery", "PointInTimeRecoveryEnabled")
        with doing(f"updating DynamoDB Table ({name}) point in time recovery", self.client):
            self.client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=wanted)

    def _tag(self, name: str, before: Document, after: Document) -> None:
        added, removed = tag_changes(before, after)
        with doing(f"tagging DynamoDB Table ({name})", self.client):
            arn = self.client.describe_table(TableName=name)["Table"]["TableArn"]
            if removed:
                self.client.untag_resource(ResourceArn=arn, TagKeys=removed)
            if added:
                self.client.tag_resource(ResourceArn=arn, Tags=tag_list(added))


def _switch(inputs: Document, name: str, field: str) -> Document | None:
    part = inputs.get(name)
    return {field: bool(part["enabled"])} if part else None


def _sorted(document: Document) -> Document:
    attributes = document.get("attributes")
    if not isinstance(attributes, list) or not all(isinstance(a, dict) for a in attributes):
        return document
    return {**document, "attributes": sorted(attributes, key=lambda a: str(a.get("name")))}


def _table_inputs(table: Document) -> Document:
    keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
    return {
        "name": table["TableName"],
        "billingMode": (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "attributes": [{"name": a["AttributeName"], "type": a["AttributeType"]} for a in table["AttributeDefinitions"]],
        "serverSideEncryption": {"enabled": (table.get("SSEDescription") or {}).get("Status") in IS_ON},
        "deletionProtectionEnabled": bool(table.get("DeletionProtectionEnabled")),
    }


KINDS: tuple[type[ResourceKind], ...] = (Table,)
