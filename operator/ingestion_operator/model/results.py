"""`spec.results`: the bucket and the table that the function may write its results to."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.fields import BucketName, Encryption, bucket_name_rules, literal

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
TABLE_NAME = r"^([a-zA-Z0-9_.-]{3,255})?$"
ATTRIBUTE_NAME = r"^[a-zA-Z0-9_.-]*$"
TABLE_STAYS = "the table holds results. Create a second pipeline with another table"


class ResultsBucket(
    Model,
    json_schema_extra=rules(
        *bucket_name_rules(),
        literal("prefix", "prefix"),
        cel(
            "self.name == oldSelf.name",
            "results.bucket.name cannot be changed: the bucket holds results. Create a second pipeline with another bucket",
            ".name",
        ),
    ),
):
    """The bucket that the function may write results to.

    The environment variables `RESULTS_BUCKET` and `RESULTS_PREFIX` tell the function the name of the bucket and the
    prefix.
    """

    name: BucketName = ""
    """The name of an existing bucket. The operator never changes or deletes this bucket. If it is empty, the
    operator makes a bucket. The name cannot be changed later."""
    prefix: Annotated[str, StringConstraints(max_length=256)] = ""
    """The function may write only objects whose keys begin with this text, for example `chunks/`. Wildcards are not
    allowed. If it is empty, the function may write any key."""
    encryption: Encryption = Encryption()
    """The encryption of the objects in the bucket. By default S3 encrypts them with its own keys. The operator does
    not change the encryption of an existing bucket: name its key only to let the function write objects."""


def _unchanged(field: str) -> dict[str, str]:
    return cel(
        f"self.{field} == oldSelf.{field}", f"results.table.{field} cannot be changed: {TABLE_STAYS}", f".{field}"
    )


class ResultsTable(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.name.matches('{TABLE_NAME}')",
            "name must be a table name of 3 to 255 letters, digits, dots, hyphens and underscores; leave it out to get a "
            "generated name",
            ".name",
        ),
        *(
            cel(
                f"self.{key}.matches('{ATTRIBUTE_NAME}')",
                f"{key} must be an attribute name of letters, digits, dots, hyphens and underscores",
                f".{key}",
            )
            for key in ("partitionKey", "sortKey")
        ),
        cel(
            "self.sortKey == '' || self.partitionKey != self.sortKey",
            "partitionKey and sortKey must be different attributes: choose another name for one of them, or leave out sortKey",
            ".sortKey",
        ),
        _unchanged("name"),
        _unchanged("partitionKey"),
        _unchanged("sortKey"),
    ),
):
    """The DynamoDB table that the function may write results to.

    The environment variable `RESULTS_TABLE` tells the function the name of the table.
    """

    name: Annotated[str, StringConstraints(max_length=255)] = ""
    """The name of an existing table in the account and region of the pipeline. The operator never changes or deletes
    this table. If it is empty, the operator makes a table with on-demand billing and point-in-time recovery. The
    name cannot be changed later."""
    partition_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] = "id"
    """The partition key of the table. It is an attribute of type string. The default is `id`. An existing table must
    have the same key. The partition key cannot be changed later."""
    sort_key: Annotated[str, StringConstraints(max_length=255)] = ""
    """The sort key of the table. It is an attribute of type string. If it is empty, the table has no sort key. An
    existing table must have the same key. The sort key cannot be changed later."""


class Results(
    Model,
    json_schema_extra=rules(
        cel(
            "!has(oldSelf.bucket) || has(self.bucket)",
            "results.bucket cannot be removed: the bucket holds results. Delete the pipeline (deletion.policy RetainData keeps "
            "its buckets) and create it again without results.bucket",
        ),
        cel(
            "!has(oldSelf.table) || has(self.table)",
            "results.table cannot be removed: the table holds results. Delete the pipeline (deletion.policy RetainData keeps "
            "its table) and create it again without results.table",
        ),
    ),
):
    """The bucket and the table that the function may write its results to."""

    bucket: ResultsBucket | None = None
    table: ResultsTable | None = None
