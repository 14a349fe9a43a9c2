"""EventBridge event patterns as data: which events of a bucket a pipeline processes, and who else listens to the bucket.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from ingestion_operator.model.source import Filter, Trigger

Pattern = dict[str, Any]

S3 = "aws.s3"
VIA_CLOUD_TRAIL = "AWS API Call via CloudTrail"
WRITES = ("PutObject", "CopyObject", "CompleteMultipartUpload")


def arrivals(trigger: Trigger, bucket: str, wanted: Filter) -> Pattern:
    """The pattern of events that report a new object in this bucket, if the object passes the filter."""
    return object_created(bucket, wanted) if trigger is Trigger.EVENT_BRIDGE else written(bucket, wanted)


def object_created(bucket: str, wanted: Filter) -> Pattern:
    """The pattern of S3's own "Object Created" events."""
    matchers = {name: value for name, value in (("key", _keys(wanted)), ("size", _size(wanted))) if value}
    detail: Pattern = {"bucket": {"name": [bucket]}, **({"object": matchers} if matchers else {})}
    return {"source": [S3], "detail-type": ["Object Created"], "detail": detail}


def written(bucket: str, wanted: Filter) -> Pattern:
    """The pattern of the calls that write an object, as CloudTrail records them. A failed call has an errorCode.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
    """
    parameters: Pattern = {"bucketName": [bucket]}
    if keys := _keys(wanted):
        parameters["key"] = keys
    detail = {
        "eventSource": ["s3.amazonaws.com"],
        "eventName": list(WRITES),
        "requestParameters": parameters,
        "errorCode": [{"exists": False}],
    }
    return {"source": [S3], "detail-type": [VIA_CLOUD_TRAIL], "detail": detail}


def _keys(wanted: Filter) -> list[Pattern | str]:
    if excluded := [f"{p}*" for p in wanted.exclude_prefixes] + [f"*{s}" for s in wanted.exclude_suffixes]:
        # One matcher contains all exclusions, because several matchers in a list mean "or" and would let every key pass.
        return [{"anything-but": {"wildcard": excluded}}]
    # Two matchers in a list mean "or". A key with both prefix and suffix needs one wildcard for each pair.
    if wanted.prefixes and wanted.suffixes:
        pairs = list(product(wanted.prefixes, wanted.suffixes))
        return [*({"wildcard": f"{p}*{s}"} for p, s in pairs), *(key for p, s in pairs for key in _merged(p, s))]
    return [*({"prefix": p} for p in wanted.prefixes), *({"suffix": s} for s in wanted.suffixes)]


def _merged(prefix: str, suffix: str) -> list[str]:
    """The keys in which prefix and suffix overlap, as `a.t` and `.txt` do in `a.txt`. A wildcard does not match these keys."""
    shared = range(1, min(len(prefix), len(suffix)) + 1)
    return [prefix + suffix[n:] for n in shared if prefix.endswith(suffix[:n])]


def _size(wanted: Filter) -> list[Pattern]:
    if wanted.min_size_bytes == wanted.max_size_bytes:
        return [{"numeric": ["=", wanted.max_size_bytes]}]  # EventBridge refuses a range of one number
    if wanted.min_size_bytes == 1 and wanted.max_size_bytes is None:
        # A comparison does not match numbers above 5e9. This matcher has the same meaning and lets the largest objects pass.
        return [{"anything-but": [0]}]
    bounds: list[Any] = [">=", wanted.min_size_bytes] if wanted.min_size_bytes else []
    if wanted.max_size_bytes is not None:
        bounds += ["<=", wanted.max_size_bytes]
    return [{"numeric": bounds}] if bounds else []


def may_listen(pattern: Mapping[str, Any], bucket: str) -> bool:
    """Whether a rule with this pattern may match S3's own events of the bucket. In case of doubt, the answer is yes."""
    return (
        _may_be(pattern.get("source"), S3)
        and not _only(pattern.get("detail-type"), VIA_CLOUD_TRAIL)
        and _may_be(_inside(pattern, "detail", "bucket", "name"), bucket)
    )


def _inside(pattern: Any, *path: str) -> Any:
    """The value at the path; None if there is none, for example because an expression replaces a whole level."""
    for name in path:
        pattern = pattern.get(name) if isinstance(pattern, Mapping) else None
    return pattern


def _may_be(matchers: Any, value: str) -> bool:
    """Whether the value may match: there are no matchers, it equals one of them, or one of them is not plain text."""
    return not matchers or value in matchers or any(not isinstance(m, str) for m in matchers)


def _only(matchers: Any, value: str) -> bool:
    return bool(matchers) and all(m == value for m in matchers)
