"""What follows from the answers of two parsers: ruff, which knows every version of Python, and the operator's own CPython."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Version = tuple[int, int]

NOT_PARSED = "it is too large or nested too deeply to be parsed; write simpler code, or upload a zip file and name it in processor.code.s3"


@dataclass(frozen=True)
class Syntax:
    """One answer of a parser: the place and the words of the first error; empty if it found none."""

    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the parser found no error."""
        return not self.error


def syntax_error(
    wanted: Version, own: Version, ruff: Syntax | None, python: Syntax | None, ruff_for_own: Callable[[], Syntax | None]
) -> str:
    """The error that the function's Python would report; empty if a parser accepts the code for that Python.

    `wanted` is the function's version and `own` the operator's. None stands for a parser that died. `ruff_for_own` asks ruff
    about the operator's version; it is called only if the two parsers disagree.
    """
    # A newer Python may accept what the operator's own does not, so its words could be wrong.
    of_python = python.error if python and wanted <= own else ""
    if ruff is None:
        return "" if python and python.ok else of_python or NOT_PARSED
    if python is None or ruff.ok == python.ok:
        return of_python or ruff.error
    # They disagree: about the version, if ruff agrees with CPython about CPython's own version. Otherwise one of them errs.
    about_own = ruff_for_own()
    return (python.error or ruff.error) if about_own and about_own.ok else ""
