"""The AWS adapter against the emulator: what a trail of CloudTrail is and what it records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.blueprint.trail_selectors import records_writes
from ingestion_operator.ports.cloud import TrailView
from integration.emulated_account import REGION, Account, account, cloud, named_trail

__all__ = ["account", "cloud", "named_trail"]


def test_a_trail_is_seen_as_it_is(cloud: Boto3Cloud, account: Account, named_trail: str) -> None:
    found = view(cloud, named_trail)
    assert (found.region, found.multi_region, found.logging) == (REGION, False, False)
    account.cloudtrail.start_logging(Name=named_trail)
    assert view(cloud, named_trail).logging
    account.cloudtrail.stop_logging(Name=named_trail)
    account.cloudtrail.update_trail(Name=named_trail, IsMultiRegionTrail=True)
    assert (view(cloud, named_trail).logging, view(cloud, named_trail).multi_region) == (False, True)


def test_a_trail_that_is_not_there_is_none(cloud: Boto3Cloud, account: Account, named_trail: str) -> None:
    assert cloud.trail(f"{named_trail}-absent") is None
    account.cloudtrail.delete_trail(Name=named_trail)
    assert cloud.trail(named_trail) is None


def view(cloud: Boto3Cloud, arn: str) -> TrailView:
    found = cloud.trail(arn)
    assert found is not None
    return found


def selectors_of(cloud: Boto3Cloud, arn: str) -> Mapping[str, Any]:
    return view(cloud, arn).selectors


DOCS = "arn:aws:s3:::docs"
DATA = [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]


@pytest.mark.parametrize(
    ("selectors", "records"),
    [
        pytest.param({}, False, id="a new trail"),
        pytest.param({"EventSelectors": [{"ReadWriteType": "WriteOnly", "DataResources": [
            {"Type": "AWS::S3::Object", "Values": [f"{DOCS}/"]}]}]}, True, id="basic"),
        pytest.param({"EventSelectors": [{"ReadWriteType": "All", "DataResources": [
            {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::other/"]}]}]}, False, id="basic, another bucket"),
        pytest.param({"AdvancedEventSelectors": [{"FieldSelectors": [
            *DATA, {"Field": "resources.ARN", "StartsWith": [f"{DOCS}/"]}]}]}, True, id="advanced"),
        pytest.param({"AdvancedEventSelectors": [{"FieldSelectors": [
            *DATA, {"Field": "resources.ARN", "NotStartsWith": [f"{DOCS}/"]}]}]}, False, id="advanced, not this one"),
    ],
)  # fmt: skip
def test_what_a_trail_records_is_read_from_its_selectors(
    cloud: Boto3Cloud, account: Account, named_trail: str, selectors: dict[str, Any], records: bool
) -> None:
    if selectors:
        account.cloudtrail.put_event_selectors(TrailName=named_trail, **selectors)
    assert records_writes(selectors_of(cloud, named_trail), DOCS) is records
