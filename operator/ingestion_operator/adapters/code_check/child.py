"""Runs as a script, in limits: CPython's own view of the files in a directory, as one line of JSON.

Arguments: the directory, the file of the handler, and the name of the handler. The script imports nothing but the standard
library, and runs none of the code that it reads.
"""

from __future__ import annotations

import json
import symtable
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

FUNCTIONS = 20
LONGEST_NAME = 64
LARGE_BYTES = 256 << 10
"""The memory limit is enough for any shorter text."""
# Code that uses one of these may define a name without writing it.
DYNAMIC = frozenset({"globals", "locals", "vars", "setattr", "exec", "eval", "__import__", "__getattr__"})


def view(directory: Path, handler_file: str, handler: str) -> dict[str, object]:
    """The first error in the files; without one, whether the handler is defined, and the functions beside it."""
    answer: dict[str, object] = {}
    for path in sorted(directory.iterdir()):
        source = path.read_bytes()
        try:
            compile(source, "code", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return _error(path.name, error, len(source))
        if path.name == handler_file:
            table = symtable.symtable(source, "code", "exec")  # type: ignore[arg-type]
            answer = {"defined": _defined(table, handler, source), "functions": _functions(table)}
    return answer


def _error(file: str, error: Exception, size: int) -> dict[str, object]:
    if isinstance(error, MemoryError) and size > LARGE_BYTES:
        raise error  # perhaps the limit ended the look, so nothing is known
    if isinstance(error, SyntaxError):
        return {"file": file, "line": error.lineno or 0, "column": error.offset or 0, "message": error.msg}
    # CPython's parser raises MemoryError if its stack is full: https://github.com/python/cpython/blob/3.13/Parser/pegen.h
    deep = isinstance(error, (RecursionError, MemoryError))
    return {"file": file, "message": "the code is nested too deeply for Python" if deep else str(error)}


def _defined(table: symtable.SymbolTable, name: str, source: bytes) -> bool:
    """Whether the module has the name once it is imported. In case of doubt, the answer is yes."""
    star = b"import*" in source.translate(None, b" \t\r\n\\(")
    if star or b"modules" in source or not DYNAMIC.isdisjoint(_names(table)):
        return True
    if name not in table.get_identifiers():
        return False
    symbol = table.lookup(name)
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_declared_global()


def _names(table: symtable.SymbolTable) -> Iterator[str]:
    tables = [table]
    while tables:
        table = tables.pop()
        yield from table.get_identifiers()
        tables.extend(table.get_children())


def _functions(table: symtable.SymbolTable) -> list[str]:
    known = set(table.get_identifiers())
    names = (child.get_name() for child in table.get_children() if child.get_type() == "function")
    return [name for name in dict.fromkeys(names) if name in known and len(name) <= LONGEST_NAME][:FUNCTIONS]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(view(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))
