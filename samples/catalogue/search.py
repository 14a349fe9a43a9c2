"""Search a catalogue for the documents nearest to some words. The nearest is first. Each has its nearest part.

    python search.py TABLE "words to look for" [--count 5]

It reads the whole table with your own AWS credentials (dynamodb:Scan). The function itself may not do that. That is right
for thousands of parts; for millions, copy the vectors into an index that is made for it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import embedding

SNIPPET_CHARACTERS = 100
ATTRIBUTES = ("document", "part", "eventOrder", "embedding", "vector", "title", "text", "offset")


@dataclass(frozen=True)
class Hit:
    """A document that was found, by its nearest part. `offset`: where the part begins, in characters."""

    similarity: float
    document: str
    title: str
    offset: int
    text: str

    def __str__(self) -> str:
        snippet = " ".join(self.text.split())[:SNIPPET_CHARACTERS]
        return f"{self.similarity:.3f}  {self.document}  {self.title}\n       {self.offset}: {snippet}"


def nearest(items: Iterable[Mapping[str, Any]], question: str, count: int) -> list[Hit]:
    """The documents nearest to the question. Documents that share no word with the question are left out."""
    wanted = embedding.vector(question)
    best: dict[str, Hit] = {}
    for document, part in current(items):
        similarity = embedding.cosine(wanted, embedding.unpacked(bytes(part["vector"])))
        name = str(part["document"])
        if similarity > 0 and (name not in best or similarity > best[name].similarity):
            best[name] = Hit(similarity, name, document["title"], int(part["offset"]), part["text"])
    return sorted(best.values(), key=lambda hit: (-hit.similarity, hit.document))[:count]


def current(items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(document, part) of the parts that can be compared: of the document's version, and of our embedding."""
    found = list(items)
    documents = {item["document"]: item for item in found if item["part"] == "document" and "title" in item}
    for item in found:
        document = documents.get(item["document"])
        same = document is not None and item["eventOrder"] == document["eventOrder"]
        if document and same and "text" in item and item["embedding"] == embedding.NAME:
            yield document, item


def scan(table: str) -> Iterator[Mapping[str, Any]]:
    """All items of a table, with the attributes that are needed."""
    names = {f"#{number}": name for number, name in enumerate(ATTRIBUTES)}
    request: dict[str, Any] = {"ProjectionExpression": ",".join(names), "ExpressionAttributeNames": names}
    source = boto3.resource("dynamodb").Table(table)
    while True:
        page = source.scan(**request)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def main(arguments: list[str]) -> str:
    parser = argparse.ArgumentParser(description="Search a catalogue.")
    parser.add_argument("table")
    parser.add_argument("question")
    parser.add_argument("--count", type=int, default=5)
    asked = parser.parse_args(arguments)
    hits = nearest(scan(asked.table), asked.question, asked.count)
    return "\n".join(map(str, hits)) or "nothing found"


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]) + "\n")
