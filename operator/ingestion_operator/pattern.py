"""EventBridge event patterns as data.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

from itertools import product
from typing import Any

from ingestion_operator.model.source import Filter


def object_created(bucket: str, wanted: Filter) -> dict[str, Any]:
    """S3's own "Object Created" events of this bucket, for keys that pass the filter.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
    """
    detail: dict[str, Any] = {"bucket": {"name": [bucket]}}
    if keys := _keys(wanted):
        detail["object"] = {"key": keys}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


def _keys(wanted: Filter) -> list[dict[str, str]]:
    # Two matchers beside each other mean "or": prefix *and* suffix needs one wildcard for each pair.
    if wanted.prefixes and wanted.suffixes:
        return [{"wildcard": f"{p}*{s}"} for p, s in product(wanted.prefixes, wanted.suffixes)]
    return [{"prefix": p} for p in wanted.prefixes] + [{"suffix": s} for s in wanted.suffixes]
