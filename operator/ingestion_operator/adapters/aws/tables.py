"""Tables: their ownership tags, their keys, the items in them, and their deletion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ingestion_operator.adapters.aws.calls import Clients, allowing, translated
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.errors import TableNameTaken

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TableDescriptionTypeDef

ABSENT = ("ResourceNotFoundException",)
PAGE = 1000


class Tables:
    """The tables of one access."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def tags(self, table: str, region: str) -> Mapping[str, str] | None:
        """See `OwnershipTags.table_tags`."""
        arn = self._table_arn(table, region)
        return None if arn is None else self._tags(table, arn, region)

    def _tags(self, table: str, arn: str, region: str) -> Mapping[str, str] | None:
        with translated(f"reading the tags of table {table}"), allowing(ABSENT):
            tag_list = self._clients.dynamodb(region).list_tags_of_resource(ResourceArn=arn).get("Tags", [])
            return {tag["Key"]: tag["Value"] for tag in tag_list}
        return None

    def tag(self, table: str, region: str, tags: Mapping[str, str]) -> None:
        """See `OwnershipTags.tag_table`."""
        arn = self._table_arn(table, region)
        current = None if arn is None else self._tags(table, arn, region)
        if current is None or arn is None:
            return
        with translated(f"tagging table {table}"):
            if stale := [key for key in current if key not in tags]:
                self._clients.dynamodb(region).untag_resource(ResourceArn=arn, TagKeys=stale)
            tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
            self._clients.dynamodb(region).tag_resource(ResourceArn=arn, Tags=cast(Any, tag_list))

    def count_items(self, table: str, region: str, limit: int) -> int:
        """See `DataStores.count_items`. The items are read, because DynamoDB's own count is up to six hours old."""
        counted = 0
        with translated(f"counting the items of table {table}"), allowing(ABSENT):
            scan = self._clients.dynamodb(region).get_paginator("scan")
            pages = scan.paginate(TableName=table, Select="COUNT", PaginationConfig={"PageSize": min(limit, PAGE)})
            for page in pages:
                counted += page["Count"]
                if counted >= limit:
                    return limit
        return counted

    def delete(self, table: str, region: str, owner: Owner) -> None:
        """See `DataStores.delete_table`."""
        tags = self.tags(table, region)
        if tags is None:
            return
        if not owner.owns(tags):
            raise TableNameTaken(
                f"table {table} does not carry this pipeline's ownership tags any more and is not deleted: delete it yourself, "
                "or set spec.deletion.policy to RetainData"
            )
        with translated(f"deleting table {table}"), allowing(ABSENT):
            self._clients.dynamodb(region).delete_table(TableName=table)

    def keys(self, table: str, region: str) -> tuple[str, ...] | None:
        """See `CloudReader.table_keys`."""
        description = self._description(table, region)
        if description is None:
            return None
        by_type = {key["KeyType"]: key["AttributeName"] for key in description.get("KeySchema", [])}
        return tuple(by_type[type_] for type_ in ("HASH", "RANGE") if type_ in by_type)

    def _table_arn(self, table: str, region: str) -> str | None:
        description = self._description(table, region)
        return None if description is None else description["TableArn"]

    def _description(self, table: str, region: str) -> TableDescriptionTypeDef | None:
        with translated(f"looking at table {table}"), allowing(ABSENT):
            return self._clients.dynamodb(region).describe_table(TableName=table)["Table"]
        return None
