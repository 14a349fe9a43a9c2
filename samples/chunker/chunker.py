"""Split text documents into overlapping chunks: one JSON Lines file of records for each object in S3.

EventBridge starts it for each "Object Created" event. It reads the version that the event names, and writes
s3://$RESULTS_BUCKET/$RESULTS_PREFIX<key>.jsonl: a line {"id", "source", "offset", "text"} for each chunk.
Offsets count characters of the decoded document, not bytes: document[offset : offset + len(text)] == text.

An event may arrive twice: the same document gives the same file with the same ids. Bytes that are not UTF-8
become U+FFFD; an empty document gives an empty file. Documents are streamed and never held in memory as a whole.
Needs s3:GetObject and s3:GetObjectVersion on the source and s3:PutObject on the results, nothing else.
"""

import codecs
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Any

import boto3

S3 = boto3.client("s3")  # Made once, while the function starts, and kept from run to run.
LOG = logging.getLogger(__name__)
LOG.setLevel(logging.INFO)
READ_BYTES = 64 * 1024
IN_MEMORY_BYTES = 16 * 1024 * 1024  # Longer results go to a file under /tmp until they are uploaded.
# The ends of a paragraph, of a sentence (the second form is that of Chinese and Japanese) and of a word.
ENDS = tuple(re.compile(p) for p in (r"\n[ \t\r]*\n", r"[.!?][\"')\]]*\s|[\u3002\uff01\uff1f]", r"\s"))
WORD_START = re.compile(r"\s(?=\S)")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Chunk the object of this event. The answer is for the log only. After an error, Lambda tries again."""
    size, overlap = settings(os.environ)
    bucket, key, version = source_of(event)
    target, results = target_of(os.environ, key)
    LOG.info("reading s3://%s/%s, version %s", bucket, key, version.get("VersionId", "latest"))
    body = S3.get_object(Bucket=bucket, Key=key, **version)["Body"]
    text = codecs.iterdecode(iter(lambda: body.read(READ_BYTES), b""), "utf-8", errors="replace")
    count = 0
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        for offset, chunk in chunks(text, size, overlap):
            file.write(line(bucket, key, offset, chunk))
            count += 1
        file.seek(0)
        # One upload at the end: nobody ever sees half of the results.
        S3.put_object(Bucket=target, Key=results, Body=file, ContentType="application/x-ndjson")
    LOG.info("wrote %d chunks to s3://%s/%s", count, target, results)
    return {"source": f"s3://{bucket}/{key}", "results": f"s3://{target}/{results}", "chunks": count}


def source_of(event: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Bucket, key and, if there is one, VersionId. The key is not URL-quoted."""
    try:
        detail = event["detail"]
        version = detail["object"].get("version-id")
        return detail["bucket"]["name"], detail["object"]["key"], {"VersionId": version} if version else {}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an 'Object Created' event of EventBridge: {error!r}") from error


def target_of(environment: Mapping[str, str], key: str) -> tuple[str, str]:
    """Bucket and key of the results."""
    if not environment.get("RESULTS_BUCKET"):
        raise ValueError("RESULTS_BUCKET is not set: give the pipeline `results: {bucket: {}}`")
    return environment["RESULTS_BUCKET"], f"{environment.get('RESULTS_PREFIX', '')}{key}.jsonl"


def settings(environment: Mapping[str, str]) -> tuple[int, int]:
    """Longest chunk and longest overlap, in characters."""
    try:
        size = int(environment.get("CHUNK_CHARACTERS", "1200"))
        overlap = int(environment.get("OVERLAP_CHARACTERS", "200"))
    except ValueError as error:
        raise ValueError(f"CHUNK_CHARACTERS and OVERLAP_CHARACTERS must be whole numbers: {error}") from error
    if not 0 <= overlap < size:
        raise ValueError(f"OVERLAP_CHARACTERS ({overlap}) must be from 0 to below CHUNK_CHARACTERS ({size})")
    return size, overlap


def chunks(parts: Iterable[str], size: int, overlap: int) -> Iterator[tuple[int, str]]:
    """(offset, chunk) for the text of these parts. It does not matter where one part ends and the next begins."""
    text, offset = "", 0  # The text that is not yet in a chunk, and its offset in the document.
    for part in parts:
        text += part
        while len(text) > size:
            end = end_of_chunk(text, size, overlap)
            yield offset, text[:end]
            start = start_of_next(text, end, overlap)
            text, offset = text[start:], offset + start
    if text:
        yield offset, text


def end_of_chunk(text: str, size: int, overlap: int) -> int:
    """Where the chunk ends: the last end of a paragraph in its second half, or of a sentence, or of a word, or of the chunk."""
    least = max(size // 2, overlap + 1)  # More than the overlap, or the next chunk would not get further.
    for pattern in ENDS:
        ends = [m.end() for m in pattern.finditer(text, 0, size) if m.end() >= least]
        if ends:
            return ends[-1]
    return size


def start_of_next(text: str, end: int, overlap: int) -> int:
    """Where the next chunk begins: at the first word that begins in the overlap, or at the overlap itself."""
    word = WORD_START.search(text, end - overlap - 1, end)
    return word.end() if word else end - overlap


def line(bucket: str, key: str, offset: int, text: str) -> bytes:
    """One record. The id comes from the place and the text alone, so that a second run gives the same."""
    identity = json.dumps([bucket, key, offset, text]).encode()
    record = {"id": hashlib.sha256(identity).hexdigest()[:32], "source": key, "offset": offset, "text": text}
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"
