"""Reads a document's bytes: its kind, its text, the text's metadata, and the parts in which it is stored."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from embedding import telling, words

PART_CHARACTERS = 2000  # At most 8 KB as UTF-8: an item of DynamoDB holds 400 KB.
BINARY_SHARE = 0.1  # Content is text if at most this share of its characters cannot be decoded.
LONGEST_LINE = 200  # Titles, headings and sentences are cut off here. A longer line is not a heading.
MOST_HEADINGS = 50
MOST_TERMS = 10
BEGINNING = 20_000  # The first sentence must end within this many characters.

SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"\x7fELF", "application/x-elf"),
)
# The ends of a paragraph, of a sentence (the second form is that of Chinese and Japanese) and of a word.
ENDS = tuple(re.compile(p) for p in (r"\n[ \t\r]*\n", r"[.!?][\"')\]]*\s|[\u3002\uff01\uff1f]", r"\s"))
SENTENCE = re.compile(r".*?(?:[.!?](?=[\"')\]]*(?:\s|$))|[\u3002\uff01\uff1f]|$)", re.DOTALL)
WORDLIKE = re.compile(r"[^\W_]")
UNDERLINE = re.compile(r"([=\-~^*\"+#])\1{2,}\s*$")


def decoded(content: bytes) -> tuple[str, str] | None:
    """(text, encoding), or None if the content is not text. Bytes that cannot be decoded become U+FFFD."""
    if content.startswith(tuple(signature for signature, _ in SIGNATURES)):
        return None
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if wide else "utf-8"
    text = content.decode("utf-16" if wide else "utf-8-sig", errors="replace")
    binary = "\0" in text or text.count("\ufffd") > BINARY_SHARE * len(text)
    return None if binary else (text, encoding)


def media_type(content: bytes, text: str | None) -> str:
    """The media type by content, not by name. Text in no known format is text/plain."""
    if text is None:
        return next((kind for start, kind in SIGNATURES if content.startswith(start)), "application/octet-stream")
    start = text[:LONGEST_LINE].lstrip().casefold()
    if start.startswith(("<!doctype html", "<html")):
        return "text/html"
    if start.startswith("<?xml"):
        return "application/xml"
    return "application/json" if start.startswith(("{", "[")) and _is_json(text) else "text/plain"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def metadata(text: str) -> dict[str, Any]:
    """Metadata of a text that need no model. The language is left out, because it would be a guess."""
    lines = text.split("\n")
    found, titles = words(text), headings(lines)
    return {
        "characters": len(text),
        "lines": len(lines) - (not lines[-1]),
        "words": len(found),
        "title": titles[0] if titles else first_line(lines),
        "headings": titles[:MOST_HEADINGS],
        "terms": terms(found),
        "firstSentence": first_sentence(text[:BEGINNING]),
        "undecodable": text.count("\ufffd"),
    }


def terms(found: list[str]) -> list[dict[str, Any]]:
    """The most frequent of the words that show what a text is about. The most frequent is first."""
    counted = Counter(word for word in telling(found) if not word.isdigit())
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [{"term": term, "count": count} for term, count in ordered[:MOST_TERMS]]


def headings(lines: list[str]) -> list[str]:
    """Lines that Markdown or reStructuredText make a heading: `# like this`, or underlined."""
    following = [*lines[1:], ""]
    return [title for line, below in zip(lines, following, strict=True) if (title := _heading(line, below))]


def _heading(line: str, below: str) -> str:
    title = line.strip()
    if len(line) > LONGEST_LINE or not WORDLIKE.search(title):
        return ""
    marks = len(line) - len(line.lstrip("#"))
    if 1 <= marks <= 6 and line[marks : marks + 1].isspace():
        return title.strip("#").strip()
    underlined = len(below) <= LONGEST_LINE * 2 and UNDERLINE.match(below) and len(below.rstrip()) >= len(title)
    return title if underlined and not line[0].isspace() else ""


def first_line(lines: list[str]) -> str:
    """The first line that is not blank."""
    return next((line.strip()[:LONGEST_LINE] for line in lines if line.strip()), "")


def first_sentence(text: str) -> str:
    """The first sentence of the first paragraph that is not a heading."""
    lines = text.split("\n")
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    kept = ["" if _heading(line, below) or UNDERLINE.match(line) else line for line, below in pairs]
    paragraph = ENDS[0].split("\n".join(kept).strip(), maxsplit=1)[0]
    sentence = SENTENCE.match(" ".join(paragraph.split()))
    return sentence.group()[:LONGEST_LINE] if sentence else ""


def parts(text: str) -> Iterator[tuple[int, str]]:
    """(offset, part): together, the parts are the whole text, in order and without overlap. Offsets count characters."""
    start = 0
    while start < len(text):
        end = end_of_part(text, start)
        yield start, text[start:end]
        start = end


def end_of_part(text: str, start: int) -> int:
    """Where the part ends: the last end of a paragraph in its second half, or of a sentence, or of a word, or of the part."""
    longest = start + PART_CHARACTERS
    if longest >= len(text):
        return len(text)
    for pattern in ENDS:
        ends = [m.end() for m in pattern.finditer(text, start + PART_CHARACTERS // 2, longest)]
        if ends:
            return ends[-1]
    return longest
