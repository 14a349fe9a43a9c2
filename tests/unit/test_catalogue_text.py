"""The catalogue sample: how a text is decoded, described and cut into parts."""

from __future__ import annotations

import pytest
from hypothesis import given

from unit.catalogue_sample import MOST_BYTES_OF_AN_ITEM, TEXTS, embedding, texts


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [
        pytest.param("Über".encode(), "Über", "utf-8", id="UTF-8"),
        pytest.param(b"\xef\xbb\xbftext", "text", "utf-8", id="UTF-8 with a mark"),
        pytest.param("你好 text".encode("utf-16"), "你好 text", "utf-16", id="UTF-16"),
        pytest.param(b"only one bad byte: \xff", "only one bad byte: \ufffd", "utf-8", id="a bad byte"),
    ],
)
def test_a_text_is_decoded(content: bytes, text: str, encoding: str) -> None:
    assert texts.decoded(content) == (text, encoding)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", "text/plain"),
        ("  <!DOCTYPE html><p>", "text/html"),
        ('<?xml version="1.0"?><a/>', "application/xml"),
        ('{"a": [1]}', "application/json"),
        ("[not] JSON", "text/plain"),
        ("[" * 100_000, "text/plain"),
    ],
    ids=lambda text: text[:20],
)
def test_the_media_type_is_that_of_the_content(text: str, expected: str) -> None:
    assert texts.media_type(text.encode(), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# One\n\ntext\n\n## Two ##\n", ["One", "Two"], id="Markdown"),
        pytest.param("One\n===\n\ntext\n\nTwo\n---\n", ["One", "Two"], id="underlined"),
        pytest.param("Long title\n===\n", [], id="an underline that is shorter than the title is none"),
        pytest.param("#hashtag\n#!/bin/sh\n    # indented", [], id="what only looks like it"),
        pytest.param("# " + "x" * 300, [], id="a line that is too long"),
        pytest.param("====\n====\n", [], id="lines without a word"),
    ],
)
def test_headings_are_found(text: str, expected: list[str]) -> None:
    assert texts.headings(text.split("\n")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("One. Two.", "One.", id="the first of two"),
        pytest.param("Title\n=====\n\nOver\ntwo lines. Next.", "Over two lines.", id="after the heading"),
        pytest.param("Version 3.13 is out! Yes.", "Version 3.13 is out!", id="a dot within a number is no end"),
        pytest.param("no end\n\nNext paragraph.", "no end", id="a paragraph without an end is taken whole"),
        pytest.param("你好。再见。", "你好。", id="Chinese"),
        pytest.param(" \n ", "", id="nothing"),
    ],
)
def test_the_first_sentence_is_found(text: str, expected: str) -> None:
    assert texts.first_sentence(text) == expected


@given(TEXTS)
def test_the_parts_are_the_text_and_none_is_too_large(text: str) -> None:
    found = list(texts.parts(text))
    assert "".join(part for _, part in found) == text
    for offset, part in found:
        assert text[offset : offset + len(part)] == part
        assert 0 < len(part) <= texts.PART_CHARACTERS
        assert len(part.encode("utf-8", "surrogatepass")) + embedding.PACKED.size < MOST_BYTES_OF_AN_ITEM
    assert all(len(part) >= texts.PART_CHARACTERS // 2 for _, part in found[:-1])
