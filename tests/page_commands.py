"""The commands that the documentation shows, for the tests that run them."""

from __future__ import annotations

import re
from pathlib import Path

NEEDS_AWS = "  # (needs AWS)"
DOCS = Path(__file__).parents[1] / "docs"


def commands(page: str, title: str) -> list[str]:
    """The commands of one section of a page, except those that say that they need AWS."""
    sections = re.split(r"^## ", (DOCS / page).read_text(), flags=re.MULTILINE)
    (found,) = [section for section in sections if section.startswith(f"{title}\n")]
    return [command for command in re.findall(r"^\$ (.+)$", found, re.MULTILINE) if NEEDS_AWS not in command]
