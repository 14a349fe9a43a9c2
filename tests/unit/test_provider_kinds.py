"""What counts as a change and as drift, and which failed calls are repeated."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ingestion_local.provider import calls
from ingestion_local.provider.access import AwsAccess
from ingestion_local.provider.calls import Refused, propagated, settled
from ingestion_local.provider.clients import Aws
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document
from ingestion_local.provider.shapes import block
from ingestion_local.provider.tags import tag_changes


class Thing(ResourceKind):
    """A resource type with one input of each sort."""

    type = "aws:a/thing:Thing"
    inputs = block("name", policy=None, size=None, tags=None, mode=None)
    json = frozenset({"policy"})
    defaults = MappingProxyType({"size": 128})
    unmanaged = frozenset({"mode"})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, {}, [], id="nothing and nothing"),
        pytest.param({"tags": {"b": "1"}, "name": "a"}, {"name": "b", "tags": {}}, ["name", "tags"], id="in order"),
        pytest.param({}, {"name": "a"}, ["name"], id="one that is added"),
        pytest.param({"name": "a"}, {}, ["name"], id="one that is taken away"),
        pytest.param({"tags": {}}, {}, [], id="an empty map and nothing"),
        pytest.param({"policy": '{"a":1}'}, {"policy": '{ "a": 1 }'}, [], id="a policy in other white space"),
        pytest.param({"name": '{"a":1}'}, {"name": '{ "a": 1 }'}, ["name"], id="a text that only looks like a policy"),
        pytest.param({}, {"size": 128}, [], id="a default that is now written down"),
        pytest.param({"size": 256}, {}, ["size"], id="a value that goes back to the default"),
        pytest.param({"mode": "x"}, {}, [], id="what stays as it is when nothing is said"),
        pytest.param({"mode": "x"}, {"mode": "y"}, ["mode"], id="what is said after all"),
    ],
)
def test_the_inputs_that_an_update_changes_are_named(before: Document, after: Document, expected: list[str]) -> None:
    assert Thing.changed(before, after) == expected


@pytest.mark.parametrize(
    ("inputs", "there", "expected"),
    [
        pytest.param({"name": "a"}, {"name": "a", "size": 128}, {"name": "a"}, id="a default is not added"),
        pytest.param({"name": "a"}, {"name": "a", "size": 256}, {"name": "a", "size": 256}, id="another value is"),
        pytest.param({"size": 128}, {}, {"size": 128}, id="a default that AWS does not tell stays"),
        pytest.param({"tags": {"a": "1"}}, {}, {}, id="tags that are gone"),
        pytest.param({"policy": '{"a": 1}'}, {"policy": '{"a":1}'}, {"policy": '{"a": 1}'}, id="the program's words"),
        pytest.param({"policy": "{}"}, {"policy": '{"a":1}'}, {"policy": '{"a":1}'}, id="another policy"),
        pytest.param({}, {"mode": "x"}, {}, id="what stays as it is when nothing is said"),
        pytest.param({"mode": "y"}, {"mode": "x"}, {"mode": "x"}, id="drift of what is said"),
        pytest.param({}, {"queues": [1]}, {"queues": [1]}, id="what a program cannot say"),
    ],
)
def test_only_a_real_difference_is_drift(inputs: Document, there: Document, expected: Document) -> None:
    assert Thing.as_written(inputs, there) == expected


def test_tags_are_set_and_removed_one_by_one() -> None:
    before, after = {"tags": {"a": "1", "b": "2", "c": "3"}}, {"tags": {"a": "1", "b": "x", "d": "4"}}
    assert tag_changes(before, after) == ({"b": "x", "d": "4"}, ["c"])
    assert tag_changes({}, {}) == ({}, [])


class Early(Exception):
    pass


def test_a_call_that_comes_too_early_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PROPAGATION_INTERVAL_SECONDS", 0)
    answers: list[Any] = [Early(), Early(), "made"]

    def call() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert propagated(call, lambda error: isinstance(error, Early)) == "made"


def test_a_call_that_fails_for_another_reason_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "CreateFunction")

    with pytest.raises(ClientError):
        propagated(call, lambda error: isinstance(error, Early))
    assert calls == [1]


def test_what_is_always_too_early_fails_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PROPAGATION_SECONDS", -1)

    def call() -> None:
        raise Early

    with pytest.raises(Early):
        propagated(call, lambda error: isinstance(error, Early))


def test_waiting_for_what_never_is_ready_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SETTLE_SECONDS", -1)
    with pytest.raises(Refused, match=r"waiting for Lambda Function \(a\): it is not ready"):
        settled("Lambda Function (a)", lambda: False)


def test_clients_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    aws = Aws(AwsAccess("http://127.0.0.1:1", "us-east-1", "a", "b"))
    aws.warm_up(["sts"])
    assert aws("sts") is aws("sts")
    assert aws("sts").meta.endpoint_url == "http://127.0.0.1:1"
