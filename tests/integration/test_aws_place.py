"""The AWS adapter against the emulator: the place, which is account, region and boundary."""

from __future__ import annotations

import threading

import pytest

from ingestion_local.emulator import Emulator
from ingestion_operator.adapters.aws import Boto3Cloud
from ingestion_operator.errors import CredentialsMissing
from integration.emulated_account import REGION, cloud, recorder
from integration.http_server import Answer, Recorder, handed_on, serving

__all__ = ["cloud", "recorder"]


def test_the_place_is_asked_for_once(recorder: Recorder, emulator: Emulator) -> None:
    cloud = Boto3Cloud(path_style=True)
    found = cloud.place("eu-west-1")
    assert (found.account_id, found.region, found.partition) == (emulator.account_id, "eu-west-1", "aws")
    assert cloud.place(REGION).region == REGION
    (request,) = recorder.requests
    assert b"Action=GetCallerIdentity" in request.body


def test_the_credentials_are_asked_for_each_time(recorder: Recorder) -> None:
    cloud = Boto3Cloud(path_style=True, region=REGION)
    cloud.place(REGION)
    cloud.check()
    cloud.check()
    assert len(recorder.requests) == 3


def test_credentials_that_end_later_are_noticed(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    expired = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>expired</Message></Error></ErrorResponse>"
    ended = threading.Event()
    answer = Answer(403, {"Content-Type": "text/xml"}, expired.encode())
    with serving(lambda asked: answer if ended.is_set() else handed_on(emulator, asked)) as url:
        for name, value in {**emulator.env(), "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        cloud = Boto3Cloud(path_style=True, region=REGION)
        cloud.check()
        ended.set()
        with pytest.raises(CredentialsMissing):
            cloud.check()


def test_the_boundary_is_part_of_the_place(cloud: Boto3Cloud) -> None:
    boundary = "arn:aws:iam::123456789012:policy/bounds"
    assert Boto3Cloud(path_style=True, permissions_boundary=boundary).place(REGION).permissions_boundary == boundary
    assert cloud.place(REGION).permissions_boundary == ""
