"""The commands that the documentation shows, for the tests that run them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def commands(page: str, title: str) -> list[str]:
    """The commands of one section of a page."""
    sections = re.split(r"^## ", (DOCS / page).read_text(), flags=re.MULTILINE)
    (found,) = [section for section in sections if section.startswith(f"{title}\n")]
    return re.findall(r"^\$ (.+)$", found, re.MULTILINE)
