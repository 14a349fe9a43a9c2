"""Reads a Dockerfile: instructions with their continuation lines, by stage. Enough for our own; no heredocs, no escape directive."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instruction:
    """One instruction, for example RUN, and what follows it on one line."""

    keyword: str
    text: str

    @property
    def assignments(self) -> dict[str, str]:
        """The names and values of an ARG, ENV or LABEL; a name without a value has an empty one."""
        return {name: value for name, _, value in (word.partition("=") for word in shlex.split(self.text))}


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next."""

    image: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, *keywords: str) -> list[Instruction]:
        return [found for found in self.instructions if found.keyword in keywords]


def instructions(text: str) -> Iterator[Instruction]:
    without_comments = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    for line in re.sub(r"\\\n", " ", without_comments).splitlines():
        if line.strip():
            keyword, _, rest = line.strip().partition(" ")
            yield Instruction(keyword.upper(), " ".join(rest.split()))


def read(text: str) -> tuple[list[Instruction], list[Stage]]:
    """The arguments before the first stage, and the stages; raises ValueError for anything else before it."""
    before: list[Instruction] = []
    stages: list[Stage] = []
    for found in instructions(text):
        if found.keyword == "FROM":
            image, *rest = found.text.split()
            stages.append(Stage(image, rest[1] if rest else ""))
        elif stages:
            stages[-1].instructions.append(found)
        elif found.keyword == "ARG":
            before.append(found)
        else:
            raise ValueError(f"{found.keyword} before the first FROM")
    return before, stages
