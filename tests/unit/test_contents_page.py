"""docs/README.md, the table of contents: every page of docs/ is listed once, under the reader it serves."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
CONTENTS = DOCS / "README.md"
READERS = ["User", "Platform engineer", "Developer"]


def chapters() -> dict[str, list[str]]:
    """The links of each reader's chapter."""
    _, *found = re.split(r"^## ", CONTENTS.read_text(), flags=re.MULTILINE)
    return {chapter.partition("\n")[0]: re.findall(r"\]\(([^)#]+)", chapter) for chapter in found}


def test_the_chapters_are_the_readers() -> None:
    assert list(chapters()) == READERS


def test_every_page_is_listed_once() -> None:
    listed = Counter(link for links in chapters().values() for link in links if not link.startswith("../"))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {CONTENTS.name}
    assert listed == Counter(pages)


def test_a_task_page_is_for_users_and_a_decision_is_for_developers() -> None:
    folders = {reader: {link.rpartition("/")[0] for link in links} for reader, links in chapters().items()}
    assert [reader for reader in READERS if "tasks" in folders[reader]] == ["User"]
    assert [reader for reader in READERS if "adr" in folders[reader]] == ["Developer"]
