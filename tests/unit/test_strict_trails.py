"""A trail records the writes that its selectors match. Some bucket names belong to an account's own namespace."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion_local.strict.buckets import namespace_problem
from ingestion_local.strict.trails import is_recorded

OBJECT = "arn:aws:s3:::data/raw/key"
ACCOUNT = "123456789012"


def basic(*values: str, kind: str = "AWS::S3::Object", **more: Any) -> dict[str, Any]:
    return {"ReadWriteType": "All", "DataResources": [{"Type": kind, "Values": list(values)}], **more}


def advanced(**fields: dict[str, list[str]]) -> dict[str, Any]:
    """An advanced selector; a double underscore in the name of a field is a dot."""
    return {"FieldSelectors": [{"Field": name.replace("__", "."), **said} for name, said in fields.items()]}


DATA = {"eventCategory": {"Equals": ["Data"]}, "resources__type": {"Equals": ["AWS::S3::Object"]}}


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        pytest.param([], False, id="no selectors"),
        pytest.param([{"ReadWriteType": "All", "IncludeManagementEvents": True}], False, id="what manages resources"),
        pytest.param([basic("arn:aws:s3:::data/")], True, id="all objects of the bucket"),
        pytest.param([basic("arn:aws:s3")], True, id="all objects"),
        pytest.param([basic("arn:aws:s3:::dat/")], False, id="objects of another bucket"),
        pytest.param([basic("arn:aws:s3:::data/", ReadWriteType="WriteOnly")], True, id="writes"),
        pytest.param([basic("arn:aws:s3:::data/", ReadWriteType="ReadOnly")], False, id="reads"),
        pytest.param([basic("arn:aws:lambda", kind="AWS::Lambda::Function")], False, id="functions"),
        pytest.param([basic()], False, id="nothing of objects"),
        pytest.param([advanced(**DATA)], True, id="every object, by fields"),
        pytest.param([advanced(**DATA, readOnly={"Equals": ["true"]})], False, id="reads, by fields"),
        pytest.param([advanced(**DATA, eventName={"NotEquals": ["PutObject"]})], False, id="every call but this"),
        pytest.param([advanced(**DATA, eventName={"NotStartsWith": ["Put"]})], False, id="every call but such"),
        pytest.param([advanced(**DATA, eventName={"NotEndsWith": ["Get"]})], True, id="every call but others"),
        pytest.param(
            [advanced(**DATA, resources__ARN={"StartsWith": ["arn:aws:s3:::other/", "arn:aws:s3:::data/raw"]})],
            True,
            id="one of several beginnings",
        ),
        pytest.param([advanced(**DATA, resources__ARN={"EndsWith": [".csv"]})], False, id="another ending"),
        pytest.param(
            [advanced(**DATA, resources__ARN={"StartsWith": ["arn:aws:s3"], "EndsWith": [".csv"]})],
            False,
            id="a beginning that fits and an ending that does not",
        ),
        pytest.param(
            [advanced(**DATA, userIdentity__arn={"StartsWith": ["a"]})], False, id="a field that is not known"
        ),
        pytest.param([basic("arn:aws:s3:::other/"), advanced(**DATA)], True, id="one of two selectors"),
    ],
)
def test_a_write_is_recorded_or_not(selectors: list[dict[str, Any]], expected: bool) -> None:
    assert is_recorded(selectors, "PutObject", OBJECT) is expected


@pytest.mark.parametrize(
    ("name", "asked", "code"),
    [
        pytest.param("data", "", None, id="a name for all"),
        pytest.param("data", "global", None, id="and said to be one"),
        pytest.param(f"data-{ACCOUNT}-us-east-1-an", "account-regional", None, id="a name of the account's own"),
        pytest.param(f"data-{ACCOUNT}-us-east-1-an", "", "MissingNamespaceHeader", id="that does not say so"),
        pytest.param("data-210987654321-us-gov-west-1-an", "", "MissingNamespaceHeader", id="of another account"),
        pytest.param("data", "account-regional", "InvalidNamespaceHeader", id="a name for all, said to be one's own"),
        pytest.param(
            "data-210987654321-us-east-1-an", "account-regional", "InvalidNamespaceHeader", id="another account's own"
        ),
        pytest.param(
            f"data-{ACCOUNT}-eu-west-1-an", "account-regional", "InvalidNamespaceHeader", id="another region's"
        ),
        pytest.param("data-of-germ-an", "", None, id="a name that only ends so"),
    ],
)
def test_a_name_fits_the_namespace_or_not(name: str, asked: str, code: str | None) -> None:
    problem = namespace_problem(name, asked, ACCOUNT, "us-east-1")
    assert (problem and problem[0]) == code
