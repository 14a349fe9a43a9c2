"""Pulumi's property values become plain documents and back, and values with the same meaning compare as equal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import struct_pb2

from ingestion_local.provider.properties import (
    ARCHIVE,
    SIGNATURE,
    UNKNOWN,
    archive_path,
    from_struct,
    is_json,
    is_unknown,
    pruned,
    same_json,
    same_value,
    to_struct,
)

ASSET = "c44067f5952c0a294b673a41bacd8c17"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def archive(path: str = "code.zip", digest: str = "1") -> dict[str, str]:
    return {SIGNATURE: ARCHIVE, "path": path, "hash": digest}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="an empty one"),
        pytest.param({"name": "a", "on": True, "off": False}, id="text and switches"),
        pytest.param({"memory": 256, "none": 0, "less": -1, "half": 0.5}, id="numbers, whole and not"),
        pytest.param({"tags": {"a": "b"}, "list": [1, {"c": [2, "d"]}]}, id="nested maps and lists"),
        pytest.param({"code": archive()}, id="an archive"),
        pytest.param({"large": 2**53}, id="the largest whole number that a double holds"),
        pytest.param({"digits": "0012"}, id="text of digits"),
    ],
)
def test_a_document_survives_the_way_through_a_struct(document: dict[str, Any]) -> None:
    found = from_struct(to_struct(document))
    assert found == document
    assert json.dumps(found, sort_keys=True) == json.dumps(document, sort_keys=True)


def test_a_whole_number_becomes_an_int_however_deep_it_is() -> None:
    struct = struct_pb2.Struct()
    struct.update({"a": 3.0, "b": {"c": [4.0]}})
    found = from_struct(struct)
    assert [type(found["a"]), type(found["b"]["c"][0])] == [int, int]


def test_what_is_none_is_left_out_of_a_struct() -> None:
    assert from_struct(to_struct({"a": None, "b": 1})) == {"b": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(UNKNOWN, True, id="the sentinel itself"),
        pytest.param({"a": {"b": UNKNOWN}}, True, id="the sentinel inside a map"),
        pytest.param(["a", [UNKNOWN]], True, id="the sentinel inside a list"),
        pytest.param({"a": [1, "x", None]}, False, id="a document without it"),
        pytest.param(f"arn:{UNKNOWN}", False, id="text that only contains it"),
        pytest.param({}, False, id="an empty map"),
        pytest.param(None, False, id="nothing"),
    ],
)
def test_a_value_is_unknown_if_it_is_or_holds_the_sentinel(value: Any, expected: bool) -> None:
    assert is_unknown(value) is expected


def test_a_file_archive_has_a_path() -> None:
    assert archive_path(archive("/tmp/code.zip")) == "/tmp/code.zip"  # noqa: S108 - only a value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("code.zip", id="plain text"),
        pytest.param(None, id="nothing"),
        pytest.param({SIGNATURE: ASSET, "path": "a"}, id="an asset that is not an archive"),
        pytest.param({SIGNATURE: SECRET, "path": "a"}, id="a secret"),
        pytest.param({SIGNATURE: ARCHIVE, "uri": "https://example.org/a.zip"}, id="an archive from elsewhere"),
        pytest.param({SIGNATURE: ARCHIVE, "assets": {}}, id="an archive of assets"),
        pytest.param({"path": "a"}, id="a map without a signature"),
    ],
)
def test_every_other_kind_of_code_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match="input code: the stand-in accepts only a FileArchive"):
        archive_path(value)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param(1, 1, True, id="equal numbers"),
        pytest.param(1, 2, False, id="other numbers"),
        pytest.param("a", "a", True, id="equal text"),
        pytest.param("a", "A", False, id="text in another case"),
        pytest.param(None, "", True, id="nothing and empty text"),
        pytest.param(False, None, True, id="a switch that is off and nothing"),
        pytest.param(0, None, False, id="zero and nothing"),
        pytest.param({"KEY": ""}, {}, False, id="a variable that is empty and no variable"),
        pytest.param(["a", "b"], ["b", "a"], False, id="a list in another order"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, id="a map in another order"),
        pytest.param('{"a":1}', '{ "a": 1 }', False, id="JSON as plain text"),
        pytest.param(archive("a", "1"), archive("b", "1"), True, id="one archive at two places"),
        pytest.param(archive("a", "1"), archive("a", "2"), False, id="two archives at one place"),
        pytest.param(archive(), None, False, id="an archive and nothing"),
        pytest.param(archive(), {"path": "code.zip"}, False, id="an archive and a map"),
    ],
)
def test_two_values_are_the_same_if_they_mean_the_same(before: Any, after: Any, same: bool) -> None:
    assert same_value(before, after) is same
    assert same_value(after, before) is same


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param('{"a":1}', '{ "a": 1 }', True, id="other white space"),
        pytest.param('{"a":1,"b":2}', '{"b":2,"a":1}', True, id="keys in another order"),
        pytest.param('{"a":1}', '{"a":2}', False, id="what says something else"),
        pytest.param('{"a":["x"]}', '{"a":"x"}', True, id="a policy's list of one and its only element"),
        pytest.param('{"a":["x","y"]}', '{"a":["y","x"]}', False, id="a list in another order"),
        pytest.param('{"a":1}', "x", False, id="JSON and text"),
        pytest.param(None, "{}", False, id="nothing and an empty object"),
        pytest.param(None, "", True, id="nothing and an empty text"),
        pytest.param("[1, 2]", "[1,2]", True, id="white space"),
        pytest.param('{"a": [{"b": ["c"]}]}', '{"a": {"b": "c"}}', True, id="lists of one, one in another"),
        pytest.param("[]", "{}", False, id="an empty list and an empty map"),
        pytest.param("not json", "not json", True, id="equal text that is no JSON"),
        pytest.param("{}", "{", False, id="half of a JSON text"),
    ],
)
def test_two_json_texts_are_the_same_if_they_say_the_same(before: Any, after: Any, same: bool) -> None:
    assert same_json(before, after) is same


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": 1}', True, id="an object"),
        pytest.param("[1]", False, id="a list, which no policy is"),
        pytest.param("{", False, id="half of an object"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_policy_is_a_json_object(text: str, expected: bool) -> None:
    assert is_json(text) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", None, id="empty text"),
        pytest.param(False, None, id="a switch that is off"),
        pytest.param({}, None, id="an empty map"),
        pytest.param([], None, id="an empty list"),
        pytest.param({"variables": {}}, None, id="a map that holds nothing but an empty one"),
        pytest.param({"on": True, "off": False}, {"on": True}, id="a switch that is off beside one that is on"),
        pytest.param({"KEY": ""}, {"KEY": ""}, id="a variable that is empty stays"),
        pytest.param(0, 0, id="zero stays"),
        pytest.param({"attempts": 0}, {"attempts": 0}, id="zero in a map stays"),
        pytest.param([{"a": 1, "b": False}], [{"a": 1}], id="inside a list"),
    ],
)
def test_what_is_as_good_as_not_there_is_left_out(value: Any, expected: Any) -> None:
    assert repr(pruned(value)) == repr(expected)
