"""Event patterns: which events pass, by a matcher of the tests' own, and which rules of others may listen to a bucket."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_operator.blueprint.event_pattern import arrivals, may_listen, object_created, written
from ingestion_operator.blueprint.resources import as_json
from ingestion_operator.model.source import PATTERN_LIMIT, Filter, Trigger
from pattern_rows import BUCKET, OTHER, ROWS, Row, created, recorded

# A small matcher, written from AWS's description and not from the operator's code:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html

MISSING = object()
COMPARISONS = {">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, "=": lambda a, b: a == b}


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    return all(_field(matchers, event.get(name, MISSING)) for name, matchers in pattern.items())


def _field(matchers: Any, value: Any) -> bool:
    if isinstance(matchers, Mapping):
        return matches(matchers, value if isinstance(value, Mapping) else {})
    return any(_one(matcher, value) for matcher in matchers)


def _one(matcher: Any, value: Any) -> bool:
    if not isinstance(matcher, Mapping):
        return bool(matcher == value)
    ((operator, operand),) = matcher.items()
    if operator == "exists":
        return bool(operand) is (value is not MISSING)
    if value is MISSING:
        return False
    return OPERATORS[operator](operand, value)


def _wildcard(operand: Any, value: Any) -> bool:
    written_down = ".*".join(re.escape(part) for part in operand.split("*"))
    return re.fullmatch(written_down, value, re.DOTALL) is not None


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, list):
        return value not in operand
    ((operator, operands),) = operand.items()
    return not any(OPERATORS[operator](one, value) for one in operands)


def _numeric(operand: Any, value: Any) -> bool:
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return isinstance(value, int) and all(COMPARISONS[sign](value, number) for sign, number in pairs)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": lambda operand, value: value.startswith(operand),
    "suffix": lambda operand, value: value.endswith(operand),
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_event_starts_the_pipeline_if_it_tells_of_an_object_that_passes(row: Row) -> None:
    assert matches(row.pattern, row.event) is row.expected


def test_the_table_is_large_and_says_everything_once() -> None:
    assert len(ROWS) >= 60
    assert len({row.id for row in ROWS}) == len(ROWS)


KEY_PARTS = st.text("ab/.", min_size=1, max_size=3)
SOME_PARTS = st.lists(KEY_PARTS, max_size=2).map(tuple)
BOUNDS = st.tuples(st.integers(0, 4), st.none() | st.integers(4, 6))
FILTERS = st.one_of(
    st.builds(lambda p, s, b: Filter(prefixes=p, suffixes=s, min_size_bytes=b[0], max_size_bytes=b[1]),
              SOME_PARTS, SOME_PARTS, BOUNDS),
    st.builds(lambda p, s, b: Filter(exclude_prefixes=p, exclude_suffixes=s, min_size_bytes=b[0], max_size_bytes=b[1]),
              SOME_PARTS, SOME_PARTS, BOUNDS),
)  # fmt: skip


def passes(wanted: Filter, key: str, size: int) -> bool:
    """What the API says of a filter, in plain words."""
    pairs = [(p, s) for p in wanted.prefixes or ("",) for s in wanted.suffixes or ("",)]
    fits = any(key.startswith(p) and key.endswith(s) for p, s in pairs)
    excluded = any(key.startswith(p) for p in wanted.exclude_prefixes) or any(
        key.endswith(s) for s in wanted.exclude_suffixes
    )
    return (
        fits
        and not excluded
        and wanted.min_size_bytes <= size
        and (wanted.max_size_bytes is None or size <= wanted.max_size_bytes)
    )


@given(FILTERS, st.text("ab/.", min_size=1, max_size=8), st.integers(0, 7))
def test_the_pattern_lets_through_exactly_what_the_filter_says(wanted: Filter, key: str, size: int) -> None:
    assert matches(object_created(BUCKET, wanted), created(key, size)) is passes(wanted, key, size)


@given(FILTERS, st.text("ab/.", min_size=1, max_size=8))
def test_the_pattern_of_recorded_calls_agrees_but_for_the_size_which_they_do_not_tell(wanted: Filter, key: str) -> None:
    sizeless = wanted.model_copy(update={"min_size_bytes": 0, "max_size_bytes": None})
    assert matches(written(BUCKET, sizeless), recorded(key)) is passes(sizeless, key, 0)


@pytest.mark.parametrize("trigger", Trigger)
def test_the_largest_filter_of_its_kind_fits_into_a_rule(trigger: Trigger) -> None:
    # The sizes that admission lets pass: see PATTERN_SIZE of the model.
    wanted = Filter(prefixes=("p" * 256,) * 1, suffixes=tuple(f"{n:0>60}" for n in range(4)))
    assert len(as_json(arrivals(trigger, BUCKET, wanted))) <= PATTERN_LIMIT


S3_EVENTS = {"source": ["aws.s3"], "detail-type": ["Object Created"]}


@pytest.mark.parametrize(
    ("pattern", "listens"),
    [
        pytest.param(object_created(BUCKET, Filter()), True, id="one of the operator's own"),
        pytest.param(object_created(BUCKET, Filter(prefixes=("raw/",))), True, id="for some keys only"),
        pytest.param(object_created(OTHER, Filter()), False, id="for another bucket"),
        pytest.param(written(BUCKET, Filter()), False, id="for what a trail records of it"),
        pytest.param({"source": ["aws.s3"]}, True, id="for all of S3"),
        pytest.param(S3_EVENTS, True, id="for all buckets"),
        pytest.param({"account": ["123456789012"]}, True, id="for everything of the account"),
        pytest.param({}, True, id="for everything"),
        pytest.param({"source": ["aws.ec2"]}, False, id="for another service"),
        pytest.param({"source": ["aws.ec2", "aws.s3"]}, True, id="for S3 among others"),
        pytest.param({"source": [{"prefix": "aws."}]}, True, id="for all services by a prefix"),
        pytest.param({"source": [{"anything-but": ["aws.s3"]}]}, True, id="by an expression, which is not looked into"),
        pytest.param({"source": [None]}, True, id="by something unheard of"),
        pytest.param({"source": ["aws.s3"], "detail-type": ["Object Deleted"]}, True, id="for its deletions"),
        pytest.param(
            {"source": ["aws.s3"], "detail-type": ["AWS API Call via CloudTrail", "Object Created"]},
            True,
            id="for both kinds of event",
        ),
        pytest.param({"source": ["aws.s3"], "detail-type": ["AWS API Call via CloudTrail"]}, False, id="for calls only"),
        pytest.param({**S3_EVENTS, "detail": {"bucket": {"name": [BUCKET, OTHER]}}}, True, id="for two buckets"),
        pytest.param({**S3_EVENTS, "detail": {"bucket": {"name": [{"prefix": "team-"}]}}}, True, id="for a family of buckets"),
        pytest.param({**S3_EVENTS, "detail": {"bucket": {}}}, True, id="without a name"),
        pytest.param({**S3_EVENTS, "detail": {"bucket": [{"exists": True}]}}, True, id="with an expression for the bucket"),
        pytest.param({**S3_EVENTS, "detail": {"reason": ["PutObject"]}}, True, id="for a way of writing"),
        pytest.param({**S3_EVENTS, "detail": [{"exists": True}]}, True, id="with an expression for the detail"),
        pytest.param({**S3_EVENTS, "detail": {"$or": [{"bucket": {"name": [BUCKET]}}, {"reason": ["x"]}]}}, True, id="one or"),
        pytest.param({"$or": [{"source": ["aws.s3"]}, {"source": ["aws.ec2"]}]}, True, id="one or at the top"),
        pytest.param({"resources": [f"arn:aws:s3:::{BUCKET}"]}, True, id="by the bucket's ARN"),
    ],
)  # fmt: skip
def test_a_rule_counts_as_a_listener_unless_it_is_certainly_for_something_else(
    pattern: dict[str, Any], listens: bool
) -> None:
    assert may_listen(pattern, BUCKET) is listens


@given(FILTERS, st.text("ab/.", min_size=1, max_size=8), st.integers(0, 7))
def test_a_rule_that_would_get_an_event_of_the_bucket_counts_as_a_listener(wanted: Filter, key: str, size: int) -> None:
    rule = object_created(BUCKET, wanted)
    assert may_listen(rule, BUCKET) or not matches(rule, created(key, size))
    assert not may_listen(rule, OTHER)
