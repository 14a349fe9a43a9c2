"""The catalogue sample: an object becomes an item for the document and one for each part of its text."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.catalogue_sample import (
    MOST_BYTES_OF_AN_ITEM,
    OLD,
    TEXTS,
    Catalogue,
    catalogue,
    embedding,
    handle,
    index,
    size_of,
    table,
    texts,
)

__all__ = ["catalogue"]


def test_a_document_becomes_an_item_and_one_for_each_part(catalogue: Catalogue) -> None:
    content = b"# Trees\n\nOaks are trees. Oaks grow old.\n\n## Pines\n\nPines are trees too.\n"

    answer = handle(catalogue.put(content, "617f08299329d189"))

    assert answer == {"document": "s3://source/documents/a.txt", "version": "v1", "kind": "text", "parts": 5}
    item = catalogue.item()
    assert item["title"] == "Trees"
    assert item["headings"] == ["Trees", "Pines"]
    assert item["firstSentence"] == "Oaks are trees."
    assert item["terms"][0] == {"term": "trees", "count": 3}
    assert (item["words"], item["lines"], item["characters"], item["size"]) == (12, 7, len(content), len(content))
    assert item["sha256"] == hashlib.sha256(content).hexdigest()
    assert (item["mediaType"], item["declaredType"]) == ("text/plain", "binary/octet-stream")
    assert (item["versionId"], item["eventTime"]) == ("v1", "2026-01-01T00:00:00Z")
    assert (item["kind"], item["state"], item["parts"], item["encoding"]) == ("text", "complete", 5, "utf-8")
    assert catalogue.text() == content.decode()
    for number in range(1, 6):
        part = catalogue.item(f"part-0000{number}")
        assert content.decode()[int(part["offset"]) :].startswith(part["text"])
        assert part["eventOrder"] == item["eventOrder"]
        assert embedding.unpacked(bytes(part["vector"])) == pytest.approx(embedding.vector(part["text"]), abs=1e-6)


@pytest.mark.parametrize(
    ("content", "kind", "media_type"),
    [
        pytest.param(b"", "empty", None, id="an empty object"),
        pytest.param(b"\xef\xbb\xbf", "empty", "text/plain", id="nothing but a byte order mark"),
        pytest.param(bytes(range(256)), "binary", "application/octet-stream", id="bytes of all kinds"),
        pytest.param(
            b"\xff\xfa" * 100, "binary", "application/octet-stream", id="more than a few bytes that are no text"
        ),
        pytest.param(b"%PDF-1.7 and text", "binary", "application/pdf", id="a PDF, of which the text is not read"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0", "binary", "image/png", id="an image"),
        pytest.param(b"x" * 101, "tooLarge", None, id="more than is read"),
    ],
)
def test_what_is_no_text_has_an_item_of_metadata_alone(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, content: bytes, kind: str, media_type: str | None
) -> None:
    monkeypatch.setattr(index, "LARGEST_BYTES", max(100, len(content) - (kind == "tooLarge")))
    handle(catalogue.put(OLD))

    assert handle(catalogue.put(content, "02"))["kind"] == kind

    assert list(catalogue.dynamodb.items) == [("s3://source/documents/a.txt", "document")], "no part of the old is left"
    item = catalogue.item()
    assert (item["kind"], item["parts"], item["size"]) == (kind, 0, len(content))
    assert item.get("mediaType") == media_type
    assert "vector" not in item
    assert "title" not in item


@given(st.binary(max_size=500) | TEXTS.map(lambda text: text.encode("utf-8", "replace")))
def test_whatever_is_put_the_items_fit_and_hold_the_text(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        catalogue = Catalogue()
        patch.setattr(index, "S3", catalogue.s3)
        patch.setattr(table, "DYNAMODB", catalogue.dynamodb)
        patch.setenv("RESULTS_TABLE", "catalogue")
        answer = handle(catalogue.put(content))
    text = (texts.decoded(content) or ("", ""))[0]
    assert catalogue.text() == text
    assert answer["parts"] == len(catalogue.dynamodb.items) - 1
    assert (answer["kind"] == "text") is bool(text)


def test_the_largest_metadata_fits_into_an_item() -> None:
    text = "\n".join(f"# {'🙂é' * 98}" for _ in range(20_000))
    found = {name: str(value) for name, value in texts.metadata(text).items()}
    assert size_of(found) < MOST_BYTES_OF_AN_ITEM / 4
