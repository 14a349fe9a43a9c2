"""`spec.results`: where the function may write what it makes of an object."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.fields import BucketName, Encryption, bucket_name_rules, literal

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
TABLE_NAME = r"^([a-zA-Z0-9_.-]{3,255})?$"
ATTRIBUTE_NAME = r"^[a-zA-Z0-9_.-]*$"
TABLE_STAYS = "results are there already. Create a second pipeline for the other table"


class ResultsBucket(
    Model,
    json_schema_extra=rules(
        *bucket_name_rules(),
        literal("prefix", "prefix"),
        cel(
            "self.name == oldSelf.name",
            "results.bucket.name cannot be changed: results are there already. Create a second pipeline for the other bucket",
            ".name",
        ),
    ),
):
    """The bucket for results, handed to the function as `RESULTS_BUCKET` and `RESULTS_PREFIX`."""

    name: BucketName = ""
    """Name of an existing bucket, which the operator neither changes nor deletes. Empty: one is made. Immutable."""
    prefix: Annotated[str, StringConstraints(max_length=256)] = ""
    """Beginning of the keys under which the function may write, for example `chunks/`."""
    encryption: Encryption = Encryption()


def _unchanged(field: str) -> dict[str, str]:
    return cel(
        f"self.{field} == oldSelf.{field}", f"results.table.{field} cannot be changed: {TABLE_STAYS}", f".{field}"
    )


class ResultsTable(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.name.matches('{TABLE_NAME}')",
            "name must be a table name of 3 to 255 letters, digits, dots, hyphens and underscores; leave it out for a generated "
            "one",
            ".name",
        ),
        *(
            cel(
                f"self.{key}.matches('{ATTRIBUTE_NAME}')",
                f"{key} is the name of an attribute: letters, digits, dots, hyphens and underscores",
                f".{key}",
            )
            for key in ("partitionKey", "sortKey")
        ),
        cel(
            "self.sortKey == '' || self.partitionKey != self.sortKey",
            "partitionKey and sortKey are two attributes: choose another name for one, or leave sortKey out",
            ".sortKey",
        ),
        _unchanged("name"),
        _unchanged("partitionKey"),
        _unchanged("sortKey"),
    ),
):
    """The DynamoDB table for results, handed to the function as `RESULTS_TABLE`."""

    name: Annotated[str, StringConstraints(max_length=255)] = ""
    """Name of an existing table of the pipeline's account and region, which the operator neither changes nor deletes. Empty:
    one is made, paid by request, with point-in-time recovery. Immutable."""
    partition_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] = "id"
    """Partition key of the table, a string attribute. Immutable."""
    sort_key: Annotated[str, StringConstraints(max_length=255)] = ""
    """Sort key of the table, a string attribute. Empty: none. Immutable."""


class Results(
    Model,
    json_schema_extra=rules(
        cel(
            "!has(oldSelf.bucket) || has(self.bucket)",
            "results.bucket cannot be taken away: it holds results. Delete the pipeline (its buckets stay under RetainData) and "
            "create it without results",
        ),
        cel(
            "!has(oldSelf.table) || has(self.table)",
            "results.table cannot be taken away: it holds results. Delete the pipeline (its table stays under RetainData) and "
            "create it without results",
        ),
    ),
):
    """Where the function may write its results."""

    bucket: ResultsBucket | None = None
    table: ResultsTable | None = None
