"""The AWS adapter against the emulator: the place, which is account, region and boundary."""

from __future__ import annotations

from ingestion_local.emulator import Emulator
from ingestion_operator.adapters.aws import Boto3Cloud
from integration.emulated_account import REGION, cloud, recorder
from integration.http_server import Recorder

__all__ = ["cloud", "recorder"]


def test_the_place_is_asked_for_once(recorder: Recorder, emulator: Emulator) -> None:
    cloud = Boto3Cloud(path_style=True)
    found = cloud.place("eu-west-1")
    assert (found.account_id, found.region, found.partition) == (emulator.account_id, "eu-west-1", "aws")
    assert cloud.place(REGION).region == REGION
    (request,) = recorder.requests
    assert b"Action=GetCallerIdentity" in request.body


def test_the_boundary_is_part_of_the_place(cloud: Boto3Cloud) -> None:
    boundary = "arn:aws:iam::123456789012:policy/bounds"
    assert Boto3Cloud(path_style=True, permissions_boundary=boundary).place(REGION).permissions_boundary == boundary
    assert cloud.place(REGION).permissions_boundary == ""
