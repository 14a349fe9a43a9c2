"""The chunker sample: chunks are exact and cover the document, a second run changes nothing."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingestion_operator.adapters.code_check import CodeChecker
from ingestion_operator.offline.render import render

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "chunker"


def load(name: str) -> Any:
    """Load a module of the sample. The sample is not a package."""
    spec = importlib.util.spec_from_file_location(f"sample_{name}", SAMPLE / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


with pytest.MonkeyPatch.context() as patch:
    patch.setattr("boto3.client", lambda _: None)  # No test may need an account, a region or a profile.
    chunker = load("chunker")
documents = load("documents")


def chunks_of(text: str, size: int, overlap: int) -> list[tuple[int, str]]:
    return list(chunker.chunks([text], size, overlap))


@pytest.mark.parametrize(
    ("text", "size", "overlap", "expected"),
    [
        pytest.param("", 10, 2, [], id="an empty text has no chunk"),
        pytest.param("short", 10, 2, [(0, "short")], id="a shorter text is one chunk"),
        pytest.param("0123456789", 10, 2, [(0, "0123456789")], id="a text of just the size is one chunk"),
        pytest.param(
            "abcdefghijkl",
            6,
            2,
            [(0, "abcdef"), (4, "efghij"), (8, "ijkl")],
            id="without any space the size decides",
        ),
        pytest.param(
            "one two three four",
            9,
            0,
            [(0, "one two "), (8, "three "), (14, "four")],
            id="a chunk ends with a word",
        ),
        pytest.param(
            "One. Two three four",
            9,
            0,
            [(0, "One. "), (5, "Two "), (9, "three "), (15, "four")],
            id="rather with a sentence than with a later word",
        ),
        pytest.param(
            "Para.\n\nNew. One two",
            13,
            0,
            [(0, "Para.\n\n"), (7, "New. One two")],
            id="rather with a paragraph than with a later sentence",
        ),
        pytest.param(
            "A. Then only words follow",
            14,
            0,
            [(0, "A. Then only "), (13, "words follow")],
            id="an end in the first half is too early",
        ),
        pytest.param(
            "one two three four",
            9,
            5,
            [(0, "one two "), (4, "two three"), (8, "three "), (9, "hree four")],
            id="the overlap begins with a word where it can",
        ),
        pytest.param("aaaa bbbb", 5, 2, [(0, "aaaa "), (3, "a bbb"), (6, "bbb")], id="else in the middle"),
        pytest.param(
            "你好。世界很大。再见",
            6,
            0,
            [(0, "你好。"), (3, "世界很大。"), (8, "再见")],
            id="a sentence without spaces",
        ),
        pytest.param(
            "🙂🙃🙂🙃🙂",
            2,
            1,
            [(0, "🙂🙃"), (1, "🙃🙂"), (2, "🙂🙃"), (3, "🙃🙂")],
            id="characters beyond 16 bits",
        ),
    ],
)
def test_a_text_is_split_where_a_reader_would(
    text: str, size: int, overlap: int, expected: list[tuple[int, str]]
) -> None:
    assert chunks_of(text, size, overlap) == expected


TEXTS = st.text() | st.text(alphabet="ab .!\n\r\t。", max_size=300)
SIZES = st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@given(TEXTS, SIZES)
def test_chunks_are_exact_cover_the_text_and_overlap_no_more_than_was_asked(text: str, sizes: tuple[int, int]) -> None:
    size, overlap = sizes
    done = 0
    for offset, chunk in chunks_of(text, size, overlap):
        assert text[offset : offset + len(chunk)] == chunk
        assert 0 < len(chunk) <= size
        assert done - overlap <= offset <= done < offset + len(chunk)
        assert offset < done or done == 0 or overlap == 0
        done = offset + len(chunk)
    assert done == len(text)


@given(st.lists(TEXTS), SIZES)
def test_where_the_stream_is_divided_makes_no_difference(parts: list[str], sizes: tuple[int, int]) -> None:
    assert list(chunker.chunks(parts, *sizes)) == chunks_of("".join(parts), *sizes)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"OVERLAP_CHARACTERS": "1200"},
            r"OVERLAP_CHARACTERS \(1200\) must be .* below CHUNK_CHARACTERS \(1200\)",
        ),
        (
            {"CHUNK_CHARACTERS": "100"},
            r"OVERLAP_CHARACTERS \(200\) must be .* below CHUNK_CHARACTERS \(100\)",
        ),
        ({"OVERLAP_CHARACTERS": "-1"}, r"OVERLAP_CHARACTERS \(-1\) must be from 0"),
        ({"CHUNK_CHARACTERS": "0", "OVERLAP_CHARACTERS": "0"}, r"below CHUNK_CHARACTERS \(0\)"),
        ({"CHUNK_CHARACTERS": "many"}, r"must be whole numbers: .*'many'"),
    ],
)
def test_settings_that_cannot_work_are_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chunker.settings(environment)


def test_settings_have_defaults() -> None:
    assert chunker.settings({}) == (1200, 200)


@dataclass
class FakeS3:
    """Holds versions of objects and takes new ones. It knows only the two calls that the function may make."""

    objects: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    written: dict[tuple[str, str], bytes] = field(default_factory=dict)
    largest_read: int = 0

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803
        return {"Body": FakeBody(self, self.objects[Bucket, Key, VersionId])}

    def put_object(self, *, Bucket: str, Key: str, Body: Any, ContentType: str) -> None:  # noqa: N803
        assert ContentType == "application/x-ndjson"
        self.written[Bucket, Key] = Body.read()

    def records(self, key: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written["results", key].decode().split("\n")[:-1]]


class FakeBody(io.BytesIO):
    """A body that remembers how much was read at once."""

    def __init__(self, s3: FakeS3, content: bytes) -> None:
        super().__init__(content)
        self.s3 = s3

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.s3.largest_read = max(self.s3.largest_read, len(found))
        return found


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr(chunker, "S3", fake)
    monkeypatch.setenv("RESULTS_BUCKET", "results")
    monkeypatch.setenv("RESULTS_PREFIX", "chunks/")
    monkeypatch.setenv("CHUNK_CHARACTERS", "40")
    monkeypatch.setenv("OVERLAP_CHARACTERS", "10")
    return fake


def created(key: str, version: str = "", bucket: str = "source") -> dict[str, Any]:
    return {
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": bucket},
            "object": {"key": key, **({"version-id": version} if version else {})},
        },
    }


def test_a_document_becomes_records_at_exact_offsets(s3: FakeS3) -> None:
    text = "The first sentence. The second one, a little longer.\n\nÜber naïve café: 你好 🙂. " * 5
    s3.objects["source", "raw/a b+c.txt", ""] = text.encode()

    answer = chunker.handler(created("raw/a b+c.txt"), None)

    records = s3.records("chunks/raw/a b+c.txt.jsonl")
    assert answer == {
        "source": "s3://source/raw/a b+c.txt",
        "results": "s3://results/chunks/raw/a b+c.txt.jsonl",
        "chunks": len(records),
    }
    assert all(list(r) == ["id", "source", "offset", "text"] for r in records)
    assert {r["source"] for r in records} == {"raw/a b+c.txt"}
    assert [(r["offset"], r["text"]) for r in records] == chunks_of(text, 40, 10)
    assert len({r["id"] for r in records}) == len(records)


def test_the_version_of_the_event_is_read(s3: FakeS3) -> None:
    s3.objects |= {("source", "raw/a.txt", "v1"): b"old", ("source", "raw/a.txt", "v2"): b"new"}
    chunker.handler(created("raw/a.txt", version="v1"), None)
    assert [r["text"] for r in s3.records("chunks/raw/a.txt.jsonl")] == ["old"]


def test_a_second_delivery_writes_the_same_bytes(s3: FakeS3) -> None:
    s3.objects["source", "raw/a.txt", ""] = b"the same text, over and over. " * 20
    chunker.handler(created("raw/a.txt"), None)
    first = dict(s3.written)
    chunker.handler(created("raw/a.txt"), None)
    assert s3.written == first


def test_the_id_depends_on_bucket_key_offset_and_text() -> None:
    variants: Iterable[tuple[str, str, int, str]] = [
        ("bucket", "key", 0, "text"),
        ("bucket2", "key", 0, "text"),
        ("bucket", "2key", 0, "text"),
        ("bucket", "key", 1, "text"),
        ("bucket", "key", 0, "other"),
    ]
    ids = [json.loads(chunker.line(*variant))["id"] for variant in variants]
    assert len(set(ids)) == len(ids)
    assert ids[0] == json.loads(chunker.line("bucket", "key", 0, "text"))["id"]


def test_an_empty_document_gives_an_empty_file(s3: FakeS3) -> None:
    s3.objects["source", "raw/empty.txt", ""] = b""
    assert chunker.handler(created("raw/empty.txt"), None)["chunks"] == 0
    assert s3.written == {("results", "chunks/raw/empty.txt.jsonl"): b""}


def test_bytes_that_are_not_utf8_are_replaced(s3: FakeS3) -> None:
    s3.objects["source", "raw/bad.txt", ""] = b"good \xff good \xe2\x82"
    chunker.handler(created("raw/bad.txt"), None)
    assert [r["text"] for r in s3.records("chunks/raw/bad.txt.jsonl")] == ["good \N{REPLACEMENT CHARACTER} good \ufffd"]


def test_a_large_document_is_read_in_pieces_that_may_divide_a_character(s3: FakeS3) -> None:
    text = (
        "a" + "é" * 100_000
    )  # The first piece begins at an odd place, so each piece of an even size ends inside a character.
    s3.objects["source", "raw/large.txt", ""] = text.encode()
    chunker.handler(created("raw/large.txt"), None)
    assert s3.largest_read == chunker.READ_BYTES
    assert [(r["offset"], r["text"]) for r in s3.records("chunks/raw/large.txt.jsonl")] == chunks_of(text, 40, 10)


def test_a_result_beyond_the_memory_limit_is_still_whole(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunker, "IN_MEMORY_BYTES", 100)
    s3.objects["source", "raw/a.txt", ""] = b"word " * 200
    count = chunker.handler(created("raw/a.txt"), None)["chunks"]
    assert len(s3.records("chunks/raw/a.txt.jsonl")) == count > 1


def test_without_a_prefix_results_are_named_after_the_key_alone(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESULTS_PREFIX")
    s3.objects["source", "raw/a.txt", ""] = b"text"
    chunker.handler(created("raw/a.txt"), None)
    assert list(s3.written) == [("results", "raw/a.txt.jsonl")]


def test_a_pipeline_without_results_is_told_what_to_write(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESULTS_BUCKET")
    with pytest.raises(ValueError, match="RESULTS_BUCKET is not set: give the pipeline `results"):
        chunker.handler(created("raw/a.txt"), None)


@pytest.mark.parametrize(
    "event",
    [{}, {"Records": []}, {"detail": {}}, {"detail": None}, {"detail": {"object": {"key": "raw/a.txt"}}}],
)
def test_another_event_is_refused(s3: FakeS3, event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an 'Object Created' event of EventBridge"):
        chunker.handler(event, None)
    assert not s3.written


def test_a_failed_read_writes_nothing(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some text " * 100
        raise ConnectionError("the connection was closed")

    class Broken:
        pieces = broken()

        def read(self, _size: int) -> bytes:
            return next(self.pieces)

    monkeypatch.setattr(s3, "get_object", lambda **_: {"Body": Broken()})
    with pytest.raises(ConnectionError):
        chunker.handler(created("raw/a.txt"), None)
    assert not s3.written


def manifests(name: str) -> dict[str, dict[str, Any]]:
    return {m["kind"]: m for m in yaml.safe_load_all((SAMPLE / name).read_text())}


def test_the_config_map_holds_the_code_word_for_word() -> None:
    assert manifests("pipeline.yaml")["ConfigMap"]["data"] == {"chunker.py": (SAMPLE / "chunker.py").read_text()}, (
        "chunker.py has changed: renew its copy in pipeline.yaml as samples/chunker/README.md says"
    )


@pytest.mark.parametrize("name", ["pipeline.yaml", "inline.yaml"])
def test_the_manifests_are_valid_and_may_only_read_objects_and_write_results(name: str) -> None:
    rendered = yaml.safe_load(
        render((SAMPLE / name).read_text(), "123456789012", "eu-west-1", "example", CodeChecker())
    )
    policy = next(r for r in rendered["resources"] if r["name"] == "role-policy")["inputs"]["policy"]
    s3_actions = {a for s in policy["Statement"] for a in s["Action"] if a.startswith("s3:")}
    assert s3_actions == {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload"}


def test_the_manifest_sets_what_the_code_reads() -> None:
    processor = manifests("pipeline.yaml")["IngestionPipeline"]["spec"]["processor"]
    environment = {variable["name"]: variable["value"] for variable in processor["environment"]}
    assert set(environment) == {"CHUNK_CHARACTERS", "OVERLAP_CHARACTERS"}
    assert chunker.settings(environment) == chunker.settings({})


def test_the_inline_code_counts_words(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}
    written: dict[str, Any] = {}
    monkeypatch.setattr("boto3.client", lambda _: s3)
    monkeypatch.setattr(s3, "put_object", written.update)
    s3.objects["source", "poem.txt", ""] = b"three little words"
    code = manifests("inline.yaml")["IngestionPipeline"]["spec"]["processor"]["code"]["inline"]
    exec(code, found)  # noqa: S102 - our own sample
    found["handler"](created("poem.txt"), None)
    assert (written["Bucket"], written["Key"]) == ("results", "poem.txt.json")
    assert json.loads(written["Body"]) == {"source": "poem.txt", "words": 3}


def test_the_documents_are_over_a_megabyte_of_text_and_always_the_same(tmp_path: Path) -> None:
    found = list(documents.documents())
    keys = [key for key, _ in found]
    size = sum(len(text.encode()) for _, text in found)
    assert size >= 1_000_000
    assert 5 <= len(found) <= 20
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("raw/") and key.endswith(".txt") for key in keys)

    assert f"{len(found)} documents, {size:,} bytes" in documents.write(tmp_path)
    assert {key: (tmp_path / key).read_bytes().decode() for key in keys} == dict(found)


def test_the_documents_are_chunked_without_a_loss() -> None:
    for _, text in documents.documents():
        done = 0
        for offset, chunk in chunks_of(text, 1200, 200):
            assert text[offset : offset + len(chunk)] == chunk
            assert offset <= done
            done = offset + len(chunk)
        assert done == len(text)
