"""Lambda: the source of a function's code, which is a zip, an object in S3, or an image.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (PackageType, Code)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingestion_local.provider.properties import UNKNOWN, Document, archive_path

ZIP, IMAGE = "Zip", "Image"
S3_OBJECT = {"s3Bucket": "S3Bucket", "s3Key": "S3Key", "s3ObjectVersion": "S3ObjectVersion"}
# AWS does not return these inputs, and the source hash is only the program's own.
NOT_TOLD = ("code", "sourceCodeHash", *S3_OBJECT)
CODE = frozenset({*NOT_TOLD, "imageUri", "codeSha256", "architectures"})
RUN_BY = ("runtime", "handler")
OF_A_ZIP = ("code", *S3_OBJECT, *RUN_BY, "layers")


def code_problems(given: Document) -> Iterator[tuple[str, str]]:
    """Problems with the choice of the code: the name of an input, and the reason."""
    package = given.get("packageType", ZIP)
    if package == IMAGE:
        yield from _image_problems(given)
    elif package not in (ZIP, UNKNOWN):
        yield "packageType", f"is neither {ZIP!r} nor {IMAGE!r}"
    elif package == ZIP and "imageUri" in given:
        yield ("imageUri", f"is for packageType {IMAGE!r} only") if "packageType" in given else _missing("packageType")
    elif package == ZIP:
        yield from _zip_problems(given)


def _image_problems(given: Document) -> Iterator[tuple[str, str]]:
    if "imageUri" not in given:
        yield _missing("imageUri")
    for name in OF_A_ZIP:
        if name in given:
            yield name, f"is for packageType {ZIP!r} only"
    if "codeSha256" in given:
        yield (
            "codeSha256",
            "the stand-in does not apply it to an image, because the emulator does not know digests of images",
        )


def _zip_problems(given: Document) -> Iterator[tuple[str, str]]:
    if not any(name in given for name in S3_OBJECT):
        yield from (_missing(name) for name in ("code",) if name not in given)
    elif "code" in given:
        yield "code", "conflicts with s3Bucket"
    else:
        yield from (_missing(name) for name in ("s3Bucket", "s3Key") if name not in given)
    yield from (_missing(name) for name in RUN_BY if name not in given)


def _missing(name: str) -> tuple[str, str]:
    return name, "is missing"


def code_to_aws(inputs: Document) -> Document:
    """The code in the form of CreateFunction (in `Code`) and UpdateFunctionCode. Raises ValueError for another archive."""
    if "imageUri" in inputs:
        return {"ImageUri": inputs["imageUri"]}
    if "s3Bucket" in inputs:
        return {theirs: inputs[ours] for ours, theirs in S3_OBJECT.items() if ours in inputs}
    return {"ZipFile": Path(archive_path(inputs["code"])).read_bytes()}
