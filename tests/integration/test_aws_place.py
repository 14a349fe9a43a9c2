"""The AWS adapter against the emulator: the place, which is account, region and boundary."""

from __future__ import annotations

import pytest

from ingestion_local.emulator import Emulator
from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.adapters.aws.calls import Clients
from integration.emulated_account import REGION, cloud

__all__ = ["cloud"]


def test_the_place_is_asked_for_once(cloud: Boto3Cloud, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    found = cloud.place("eu-west-1")
    assert (found.account_id, found.region, found.partition) == (emulator.account_id, "eu-west-1", "aws")
    monkeypatch.setattr(Clients, "sts", None)
    assert cloud.place(REGION).region == REGION


def test_the_boundary_is_part_of_the_place(cloud: Boto3Cloud) -> None:
    boundary = "arn:aws:iam::123456789012:policy/bounds"
    assert Boto3Cloud(path_style=True, permissions_boundary=boundary).place(REGION).permissions_boundary == boundary
    assert cloud.place(REGION).permissions_boundary == ""
