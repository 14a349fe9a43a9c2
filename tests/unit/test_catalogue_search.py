"""The catalogue sample: vectors are the same in every process, and the nearest document is found."""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.catalogue_sample import SAMPLE, TEXTS, Catalogue, catalogue, embedding, handle, search

__all__ = ["catalogue"]


@given(TEXTS)
def test_a_vector_has_the_length_1_or_0(text: str) -> None:
    values = embedding.vector(text)
    length = math.sqrt(embedding.cosine(values, values))
    assert len(values) == embedding.DIMENSIONS
    assert length == pytest.approx(1) or set(values) == {0.0}
    assert embedding.unpacked(embedding.packed(values)) == pytest.approx(values, abs=1e-6)


@given(st.lists(st.from_regex(r"[a-z]{4,9}", fullmatch=True), min_size=1, max_size=30))
def test_case_and_punctuation_make_no_difference_to_a_vector(words: list[str]) -> None:
    assert embedding.vector(" ".join(words)) == embedding.vector(", ".join(words).upper())


def test_every_process_makes_the_same_vector() -> None:
    text = "Feature hashing, the same in every process: über naïve 你好. " * 3
    program = (
        f"import embedding, hashlib; print(hashlib.sha256(embedding.packed(embedding.vector({text!r}))).hexdigest())"
    )
    expected = hashlib.sha256(embedding.packed(embedding.vector(text))).hexdigest()
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", program], cwd=SAMPLE, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert found.stdout.decode().strip() == expected


TOPICS = {
    "documents/trees.txt": b"# Trees\n\nOak trees and pine trees grow in the forest. A forest of old oak trees.",
    "documents/boats.txt": b"# Boats\n\nSailing boats cross the sea with the wind. A harbour full of sailing boats.",
    "documents/bread.txt": b"# Bread\n\nBakers knead dough from flour and water. Bread is baked in a hot oven.",
    "documents/image.txt": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("the forest of oak trees", "documents/trees.txt"),
        ("sailing boats", "documents/boats.txt"),
        ("baked bread and dough", "documents/bread.txt"),
    ],
)
def test_the_nearest_document_is_the_one_with_the_same_words(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, question: str, expected: str
) -> None:
    for key, content in TOPICS.items():
        handle(catalogue.put(content, key=key))
    monkeypatch.setattr(search, "scan", {"catalogue": catalogue.dynamodb.read().values()}.__getitem__)

    printed = search.main(["catalogue", question, "--count", "1"])

    assert re.fullmatch(rf"[01]\.\d{{3}}  s3://source/{expected}  \w+\n +\d+: .+", printed)
    assert search.main(["catalogue", ""]) == "nothing found"


def test_a_search_sees_only_parts_of_the_documents_version_and_of_its_own_embedding(catalogue: Catalogue) -> None:
    handle(catalogue.put(TOPICS["documents/boats.txt"]))
    items = list(catalogue.dynamodb.read().values())
    assert search.nearest(items, "sailing boats", 5)
    older = [i | {"eventOrder": "sequencer:00"} if "text" in i else i for i in items]
    assert search.nearest(older, "sailing boats", 5) == []
    foreign = [i | {"embedding": "a-model", "vector": b"other"} for i in items]
    assert search.nearest(foreign, "sailing boats", 5) == []
