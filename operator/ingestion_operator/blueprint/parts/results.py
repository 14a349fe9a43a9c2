"""The DynamoDB table for results."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion_operator.blueprint.parts.draft import Draft
from ingestion_operator.blueprint.resources import Resource


def table(draft: Draft) -> Iterator[Resource]:
    """The table, if the pipeline makes it. It is billed on demand and has point-in-time recovery."""
    wanted = draft.spec.results.table if draft.spec.results else None
    if wanted is None or not draft.names.table.made:
        return
    keys = [key for key in (wanted.partition_key, wanted.sort_key) if key]
    yield Resource(
        "results-table",
        "aws:dynamodb/table:Table",
        {
            "name": draft.names.table.name,
            "billing_mode": "PAY_PER_REQUEST",
            "hash_key": wanted.partition_key,
            **({"range_key": wanted.sort_key} if wanted.sort_key else {}),
            "attributes": [{"name": key, "type": "S"} for key in keys],
            "point_in_time_recovery": {"enabled": True},
            "tags": draft.tags,
        },
        holds_data=True,
    )
