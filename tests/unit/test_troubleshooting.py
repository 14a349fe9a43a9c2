"""docs/troubleshooting.md: every reason that the operator has and no other, each with what is shown and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from ingestion_operator.model.status import OperationType
from ingestion_operator.reasons import ConditionType, Reason
from unit.test_task_pages import TROUBLESHOOTING, blocks, not_the_operators

TEXT = TROUBLESHOOTING.read_text()
SHOWN = re.compile(r"^(?P<type>\w+)/(?P<reason>\w+): (?P<message>.+)$")
EVENTS = "Events"
# Words of AWS and of Pulumi; and the type of an operation, with which its message begins.
FOREIGN = re.compile(
    rf"^(?:{'|'.join(kind.value for kind in OperationType)}): |created by \S+ \(pid \d+\) at \S+$|incorrect passphrase"
    r"|User: \S+ is not authorized to perform: \S+(?=: )"
)


def sections() -> dict[str, tuple[str, str]]:
    """Each reason's chapter and text."""
    found: dict[str, tuple[str, str]] = {}
    for chapter in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        title, _, rest = chapter.partition("\n")
        for section in re.split(r"^### ", rest, flags=re.MULTILINE)[1:]:
            heading, _, text = section.partition("\n")
            name = heading.strip("` ")
            assert name not in found, f"{name} is there twice"
            found[name] = title, text
    return found


SECTIONS: Mapping[str, tuple[str, str]] = sections()


def test_every_reason_of_the_code_is_there_and_no_other() -> None:
    assert sorted(SECTIONS) == sorted(reason.value for reason in Reason)


def test_the_chapters_are_the_conditions_and_the_events() -> None:
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == [*(kind.value for kind in ConditionType), EVENTS]


@pytest.mark.parametrize("reason", SECTIONS)
def test_a_reason_says_what_it_means_what_is_shown_and_what_to_do(reason: str) -> None:
    chapter, text = SECTIONS[reason]
    meaning, shown, advice = re.fullmatch(
        r"\n(.+?)\n\n```text\n(.+?)```\n\n\*\*To do:\*\* (.+)", text, re.DOTALL
    ).groups()  # type: ignore[union-attr]

    assert meaning.strip()
    assert advice.strip()
    types = {"Normal", "Warning"} if chapter == EVENTS else {chapter}
    for line in shown.splitlines():
        found = SHOWN.match(line)
        assert found, line
        assert found["type"] in types, line
        assert found["reason"] == reason, line


@pytest.mark.parametrize("line", [line for block in blocks(TROUBLESHOOTING, "text") for line in block.splitlines()])
def test_every_message_is_one_that_the_operator_says(line: str) -> None:
    found = SHOWN.match(line)
    assert found, line
    assert not_the_operators(FOREIGN.sub("", found["message"])) == [], line


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([\w/.-]*#[\w-]+)\)", TEXT))))
def test_every_place_that_it_leads_to_is_there(target: str) -> None:
    page, _, anchor = target.partition("#")
    text = (TROUBLESHOOTING.parent / page).read_text() if page else TEXT
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
