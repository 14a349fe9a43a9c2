"""Whether a trail records every write to a bucket, from CloudTrail's own answers.

Source of the rows: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from __future__ import annotations

from typing import Any

import pytest

from ingestion_operator.blueprint.trail_selectors import OPERATORS, data_event_selector, records_writes

ARN = "arn:aws:s3:::docs"
Selector = dict[str, Any]


def basic(*values: str, kind: str = "AWS::S3::Object", rw: str | None = "All") -> Selector:
    found = {"IncludeManagementEvents": True, "DataResources": [{"Type": kind, "Values": list(values)}]}
    return found if rw is None else {**found, "ReadWriteType": rw}


def field(name: str, **operators: list[str]) -> Selector:
    return {"Field": name, **operators}


def advanced(*fields: Selector, kind: str = "AWS::S3::Object", category: str = "Data") -> Selector:
    always = [field("eventCategory", Equals=[category]), field("resources.type", Equals=[kind])]
    return {"Name": "x", "FieldSelectors": [*always, *fields]}


def arn(**operators: list[str]) -> Selector:
    return field("resources.ARN", **operators)


WRITES_ONLY = field("readOnly", Equals=["false"])


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        pytest.param([basic("arn:aws:s3:::docs/")], True, id="the bucket"),
        pytest.param([basic("arn:aws:s3")], True, id="all buckets"),
        pytest.param([basic("arn:aws:s3:::")], True, id="all buckets, as the console writes it"),
        pytest.param([basic("arn:aws:s3:::other/", "arn:aws:s3:::docs/")], True, id="the bucket among others"),
        pytest.param([basic("arn:aws:s3:::other/"), basic("arn:aws:s3:::docs/")], True, id="in the second selector"),
        pytest.param([basic("arn:aws:s3:::docs/", rw="WriteOnly")], True, id="writes only"),
        pytest.param([basic("arn:aws:s3:::docs/", rw=None)], True, id="not said, which means all"),
        pytest.param([basic("arn:aws:s3:::docs/", rw="ReadOnly")], False, id="reads only"),
        pytest.param([basic("arn:aws:s3:::docs/raw/")], False, id="a part of the bucket"),
        pytest.param([basic("arn:aws:s3:::docs-old/")], False, id="a bucket whose name goes on"),
        pytest.param([basic("arn:aws:s3:::other/")], False, id="another bucket"),
        pytest.param([basic("arn:aws:lambda", kind="AWS::Lambda::Function")], False, id="functions"),
        pytest.param([basic("arn:aws:s3", kind="AWS::S3Express::Object")], False, id="objects of another kind"),
        pytest.param([basic()], False, id="no resource"),
        pytest.param([{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}], False, id="a new trail"),
        pytest.param([], False, id="nothing"),
    ],
)  # fmt: skip
def test_a_basic_selector_records_the_writes_if_it_names_the_bucket_or_all(
    selectors: list[Selector], expected: bool
) -> None:
    assert records_writes({"TrailARN": "t", "EventSelectors": selectors}, ARN) is expected


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        pytest.param([advanced()], True, id="all objects of all buckets"),
        pytest.param([advanced(WRITES_ONLY)], True, id="all writes"),
        pytest.param([advanced(field("readOnly", Equals=["true"]))], False, id="all reads"),
        pytest.param([advanced(kind="AWS::Lambda::Function")], False, id="functions"),
        pytest.param([advanced(category="Management")], False, id="management events"),
        pytest.param([advanced(category="Management"), advanced()], True, id="data events in the second selector"),
        pytest.param([advanced(arn(StartsWith=["arn:aws:s3:::docs/"]))], True, id="the bucket"),
        pytest.param([advanced(arn(StartsWith=["arn:aws:s3:::other/", "arn:aws:s3:::docs/"]))], True, id="among others"),
        pytest.param([advanced(arn(StartsWith=["arn:aws:s3:::d"]))], True, id="buckets by a beginning"),
        pytest.param([advanced(arn(StartsWith=["arn:aws:s3:::docs/raw/"]))], False, id="a part of the bucket"),
        pytest.param([advanced(arn(StartsWith=["arn:aws:s3:::docs-old/"]))], False, id="a bucket whose name goes on"),
        pytest.param([advanced(arn(StartsWith=["arn:aws:s3:::other/"]))], False, id="another bucket"),
        pytest.param([advanced(arn(Equals=["arn:aws:s3:::docs/a.txt"]))], False, id="one object"),
        pytest.param([advanced(arn(Equals=["arn:aws:s3:::docs/"]))], False, id="the ARN of no object"),
        pytest.param([advanced(arn(EndsWith=[".txt"]))], False, id="some endings"),
        pytest.param([advanced(arn(NotEndsWith=[".tmp"]))], False, id="all but some endings"),
        pytest.param([advanced(arn(NotStartsWith=["arn:aws:s3:::logs/"]))], True, id="all but another bucket"),
        pytest.param([advanced(arn(NotStartsWith=["arn:aws:s3:::docs/"]))], False, id="all but this bucket"),
        pytest.param([advanced(arn(NotStartsWith=["arn:aws:s3:::d"]))], False, id="all but a family that it is of"),
        pytest.param([advanced(arn(NotStartsWith=["arn:aws:s3:::docs/tmp/"]))], False, id="all but a part of it"),
        pytest.param([advanced(arn(NotStartsWith=["arn:aws:s3:::docs-old/"]))], True, id="all but one whose name goes on"),
        pytest.param([advanced(arn(NotEquals=["arn:aws:s3:::logs/a"]))], True, id="all but an object of another bucket"),
        pytest.param([advanced(arn(NotEquals=["arn:aws:s3:::docs/a"]))], False, id="all but an object of this one"),
        pytest.param([advanced(arn(StartsWith=["arn:aws:s3:::docs/"], NotStartsWith=["arn:aws:s3:::docs/t"]))], False,
                     id="the bucket but for a part of it"),
        pytest.param([advanced(field("eventName", Equals=["PutObject"]))], False, id="one of the calls"),
        pytest.param([advanced(field("eventName", Equals=["PutObject", "CopyObject", "CompleteMultipartUpload"]))], True,
                     id="each of the calls by name"),
        pytest.param([advanced(field("eventName", StartsWith=["Put", "Co"]))], True, id="each of the calls by beginning"),
        pytest.param([advanced(field("eventName", StartsWith=["Put"])), advanced(field("eventName", NotStartsWith=["Put"]))],
                     True, id="one call here, the others there"),
        pytest.param([advanced(field("eventName", NotEquals=["DeleteObject"]))], True, id="all calls but deletions"),
        pytest.param([advanced(field("eventName", NotEquals=["CopyObject"]))], False, id="all calls but one of them"),
        pytest.param([advanced(field("eventName", NotStartsWith=["PutObjectTagging", "Delete"]))], True,
                     id="no calls that only begin like one of them"),
        pytest.param([advanced(field("eventName", NotStartsWith=["PutO"]))], False, id="no calls with such a beginning"),
        pytest.param([advanced(field("eventName", NotEndsWith=["Upload"]))], False, id="no calls that end like one of them"),
        pytest.param([advanced(field("eventSource", Equals=["s3.amazonaws.com"]))], True, id="the service by name"),
        pytest.param([advanced(field("userIdentity.arn", NotStartsWith=["arn:aws:sts::1:assumed-role/noise"]))], False,
                     id="not for everybody"),
        pytest.param([advanced(field("sessionCredentialFromConsole", Equals=["true"]))], False, id="from the console only"),
        pytest.param([], False, id="nothing"),
    ],
)  # fmt: skip
def test_an_advanced_selector_records_the_writes_if_no_field_leaves_one_out(
    selectors: list[Selector], expected: bool
) -> None:
    assert records_writes({"TrailARN": "t", "AdvancedEventSelectors": selectors}, ARN) is expected


@pytest.mark.parametrize("bucket", ["arn:aws:s3:::docs", "arn:aws-cn:s3:::docs", "arn:aws-us-gov:s3:::docs"])
def test_the_trail_that_is_made_records_what_is_looked_for_and_nothing_of_other_buckets(bucket: str) -> None:
    named = {"equals": "Equals", "starts_withs": "StartsWith"}
    fields = [
        {named.get(name, "Field"): value for name, value in one.items()}
        for one in data_event_selector(bucket)["field_selectors"]
    ]
    answer = {"AdvancedEventSelectors": [{"FieldSelectors": fields}]}
    assert set(named.values()) <= set(OPERATORS)
    assert records_writes(answer, bucket)
    assert not records_writes(answer, f"{bucket}-old")
    assert not records_writes(answer, bucket[:-1])


def test_the_partition_counts() -> None:
    assert not records_writes({"EventSelectors": [basic("arn:aws:s3")]}, "arn:aws-cn:s3:::docs")


@pytest.mark.parametrize(
    ("recorded", "prefixes", "expected"),
    [
        (["raw/"], ["raw/"], True),
        (["raw/"], ["raw/in/"], True),
        (["raw/", "in/"], ["in/", "raw/"], True),
        (["raw/"], ["raw/", "in/"], False),
        (["raw/in/"], ["raw/"], False),
        (["raw/"], [], False),
    ],
)
def test_a_trail_of_some_objects_is_enough_for_a_filter_of_these(
    recorded: list[str], prefixes: list[str], *, expected: bool
) -> None:
    answer = {"EventSelectors": [basic(f"{ARN}/{prefix}") for prefix in recorded]}
    assert records_writes(answer, ARN, prefixes) is expected
