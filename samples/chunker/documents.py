"""Gathers more than 1 MB of English text for trying the chunker, without a download: Python's documentation.

There are two sources. Both are part of CPython, and neither is copied into this repository:

- "language": `pydoc_data.topics`, the Python Language Reference as `help()` shows it;
- "library": the docstrings of the modules of the standard library, read from their source.

Origin: the Python Software Foundation, https://www.python.org. Licence: PSF License Version 2, shown by
`license()` in a Python prompt and at https://docs.python.org/3/license.html, which also names the permissive
licences of those modules that Python took over from others. One Python version always gives the same texts.

    python documents.py DIRECTORY     writes them as files and says how much it was
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

DOCUMENT_CHARACTERS = 100_000
Section = tuple[str, str]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def documents() -> Iterator[tuple[str, str]]:
    """(key, text) of each document, for example ("raw/language-01.txt", "..."): 5 to 20 of them, over 1 MB."""
    yield from _gathered("language", language())
    yield from _gathered("library", library())


def language() -> Iterator[Section]:
    """Title and text of the sections of the language reference."""
    from pydoc_data.topics import topics  # half a megabyte: loaded only when it is needed

    yield from sorted(topics.items())


def library() -> Iterator[Section]:
    """Name and docstrings of the modules (not the packages) of the standard library."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = "\n\n".join(_docstrings(ast.parse(path.read_bytes()), path.stem))
        if text:
            yield path.stem, text


def _docstrings(node: ast.Module | Definition, name: str) -> Iterator[str]:
    if found := ast.get_docstring(node):
        yield f"{name}\n\n{found}"
    for child in node.body:
        if isinstance(child, Definition):
            yield from _docstrings(child, f"{name}.{child.name}")


def _gathered(name: str, sections: Iterable[Section]) -> Iterator[tuple[str, str]]:
    """Documents of about DOCUMENT_CHARACTERS. Each consists of whole sections."""
    number, pages, length = 1, list[str](), 0
    for title, text in sections:
        pages.append(f"{title}\n{'=' * len(title)}\n\n{text.strip()}\n")
        length += len(pages[-1])
        if length >= DOCUMENT_CHARACTERS:
            yield f"raw/{name}-{number:02}.txt", "\n\n".join(pages)
            number, pages, length = number + 1, [], 0
    if pages:
        yield f"raw/{name}-{number:02}.txt", "\n\n".join(pages)


def write(directory: Path) -> str:
    """Write the documents under the directory, and return a summary for people."""
    count = size = 0
    for key, text in documents():
        path = directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        size += path.write_bytes(text.encode())
        count += 1
    version = ".".join(map(str, sys.version_info[:3]))
    where = directory / "raw"
    return f"{count} documents, {size:,} bytes, in {where}: documentation of Python {version} (PSF licence)"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python documents.py DIRECTORY")
    sys.stdout.write(write(Path(sys.argv[1])) + "\n")
