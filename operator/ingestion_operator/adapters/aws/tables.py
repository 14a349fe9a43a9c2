"""Tables: whose they are, how many items they hold, and their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ingestion_operator.adapters.aws.calls import Calls, error_code, translated
from ingestion_operator.blueprint.ownership import Owner
from ingestion_operator.errors import TableNameTaken

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TableDescriptionTypeDef

ABSENT = "ResourceNotFoundException"
PAGE = 1000


class Tables(Calls):
    """The part of the `Cloud` port that is about tables."""

    def table_tags(self, table: str, region: str) -> Mapping[str, str] | None:
        """See the port."""
        arn = self._table_arn(table, region)
        return None if arn is None else self._tags(table, arn, region)

    def _tags(self, table: str, arn: str, region: str) -> Mapping[str, str] | None:
        with translated(f"reading the tags of table {table}"):
            try:
                tags = self._dynamodb(region).list_tags_of_resource(ResourceArn=arn).get("Tags", [])
            except ClientError as error:
                if error_code(error) == ABSENT:
                    return None
                raise
        return {tag["Key"]: tag["Value"] for tag in tags}

    def tag_table(self, table: str, region: str, tags: Mapping[str, str]) -> None:
        """See the port."""
        arn = self._table_arn(table, region)
        there = None if arn is None else self._tags(table, arn, region)
        if there is None or arn is None:
            return
        with translated(f"tagging table {table}"):
            if stale := [key for key in there if key not in tags]:
                self._dynamodb(region).untag_resource(ResourceArn=arn, TagKeys=stale)
            tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
            self._dynamodb(region).tag_resource(ResourceArn=arn, Tags=tag_list)  # type: ignore[arg-type]

    def count_items(self, table: str, region: str, limit: int) -> int:
        """See the port. Counted by reading: DynamoDB's own number is up to six hours old."""
        found = 0
        with translated(f"counting the items of table {table}"):
            scan = self._dynamodb(region).get_paginator("scan")
            pages = scan.paginate(TableName=table, Select="COUNT", PaginationConfig={"PageSize": min(limit, PAGE)})
            try:
                for page in pages:
                    found += page["Count"]
                    if found >= limit:
                        return limit
            except ClientError as error:
                if error_code(error) != ABSENT:
                    raise
        return found

    def delete_table(self, table: str, region: str, owner: Owner) -> None:
        """See the port."""
        tags = self.table_tags(table, region)
        if tags is None:
            return
        if not owner.owns(tags):
            raise TableNameTaken(
                f"table {table} does not carry this pipeline's ownership tags any more and is not deleted: delete it yourself, "
                "or set spec.deletion.policy to RetainData"
            )
        with translated(f"deleting table {table}"):
            try:
                self._dynamodb(region).delete_table(TableName=table)
            except ClientError as error:
                if error_code(error) != ABSENT:
                    raise

    def table_keys(self, table: str, region: str) -> tuple[str, ...] | None:
        """See the port."""
        found = self._description(table, region)
        if found is None:
            return None
        by_kind = {key["KeyType"]: key["AttributeName"] for key in found.get("KeySchema", [])}
        return tuple(by_kind[kind] for kind in ("HASH", "RANGE") if kind in by_kind)

    def _table_arn(self, table: str, region: str) -> str | None:
        found = self._description(table, region)
        return None if found is None else found["TableArn"]

    def _description(self, table: str, region: str) -> TableDescriptionTypeDef | None:
        with translated(f"looking at table {table}"):
            try:
                return self._dynamodb(region).describe_table(TableName=table)["Table"]
            except ClientError as error:
                if error_code(error) == ABSENT:
                    return None
                raise
