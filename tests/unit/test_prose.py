"""The rules of `.vale/Plain` and of rumdl: each finds what it is there for and leaves plain sentences alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ingestion_local import toolchain

ROOT = Path(__file__).parents[2]
RUMDL = Path(sys.executable).with_name("rumdl")
RULES = sorted(path.stem for path in (ROOT / ".vale" / "Plain").glob("*.yml"))

# Rule and a sentence that it finds.
BAD = (
    ("AsSaid", "The second sync is rejected as said."),
    ("AsSaid", "The Secret is kept, as was said above."),
    ("AsSaid", "The pattern is accepted, and said in an Event."),
    ("AsSaid", "The test shows what is said when it cannot run."),
    ("CausalFor", "The claim is kept, for it holds the state."),
    ("CausalFor", "Another reason is not given, for there is no other work."),
    ("CausalFor", "It is never empty, for then everything would be made twice."),
    ("CausalFor", "They are left alone, for they do not carry the tags."),
    ("CausalFor", "The chart cannot hold it, for a template is checked first."),
    ("CausalFor", "It is not asked, for `apply.py` has the answer."),
    ("CausalFor", "Items are counted by reading, for DynamoDB's own number is hours old."),
    ("Inversion", "Processed are objects under the prefix."),
    ("Inversion", "Two things happen: deleted are the role and the rule."),
    ("Inversion", "A long filter is refused. So is a filter with exclusions."),
    ("Inversion", "It starts no container. Nor does it look for an image."),
    ("Inversion", "What they need of a cluster says `ports.py`."),
    ("Inversion", "Write under a name that follows from the key, so that twice is as once."),
    ("IsNo", "A bad file is no failed rollout."),
    ("IsNo", "A file that is no UTF-8 fails."),
    ("IsNo", "Two defaults are none: new pipelines wait."),
    ("IsToBe", "Something that is to be deleted holds data."),
    ("IsToBe", "The message names what is to be allowed."),
    ("NoneOf", "Two are marked: of them none is taken."),
    ("NoneOf", "The cluster ends and nothing of it is left."),
    ("Repetition", "The operator deletes the the role."),
    ("Spelling", "The operator recieves an event."),
    ("Terms", "It runs in a cluster of kind."),
    ("Terms", "Of kind there is one cluster."),
    ("Terms", "It runs in a cluster, or in one of kind."),
    ("Terms", "The state is encrypted with a key of KMS."),
    ("Terms", "Mend the field, and the pipeline goes on."),
    ("Terms", "The update is begun anew."),
    ("Terms", "Every command runs, but for the last."),
    ("Terms", "The probe says what is amiss."),
    ("Terms", "It takes one call of AWS."),
    ("Terms", "The trail tells of every call."),
    ("Terms", "An address that cannot be had is an error."),
    ("Terms", "The order is that of S3's sequencer, else its time."),
    ("Terms", "The call knows no narrower resource."),
    ("Terms", "The text is compared as it stands in the sources."),
    ("Terms", "The log is kept for ever."),
    ("Terms", "How hard an event is tried to be delivered is a setting."),
    ("Terms", "Use a bucket of yours for the state."),
    ("Terms", "To go back to the version before, run the command."),
    ("Terms", "The same holds for the table."),
    ("Terms", "At last it deletes the pipeline."),
)
GOOD = (
    "`as said` is code.",
    "It works as the page said it would.",
    "Make a queue, for example with the console, and name it.",
    "The chart makes a port, for it to be reached from outside.",
    "The inputs are passed on, for those that are known.",
    "The role trusts the provider, for this one account.",
    "Waiting, for a pod that is gone, ends at once.",
    "One file for each pipeline, and a lock for the stack.",
    "The claim is kept because it holds the state.",
    "Objects under the prefix are processed.",
    "The operator deletes two things: the role and the rule.",
    "It has no owner and so is never deleted.",
    "Need is the wrong word.",
    "What the message says is true.",
    "`ports.py` defines what they need from a cluster.",
    "There is no public image, and there are none of the others.",
    "The lock is no longer held, and is no older than the pod.",
    "Whether there is none is unknown.",
    "None of them is taken, and nothing is left of the cluster.",
    "An object of kind Secret, and one of kind `Role`.",
    "It builds pinned versions of kind, kubectl and Helm.",
    "It runs in a kind cluster, with a KMS key.",
    "The words `anew` and `recieves` are code.",
    "Not for one, as the operator does for the AWSAccounts of a namespace.",
    "A role is said to be scoped if its policy names resources.",
    "The operator said so, and says who has to act.",
    "The safest way is to be explicit, and the object has yet to be deleted.",
    "The manager tells often who has had the lock.",
    "Set the field, or else the default applies.",
    "The script is for everyone, and the stand-in stands in for AWS.",
    "Nobody knows, and no pod has the lock.",
    "An AWS call and `aws_call` in camelCase, by the STS API and its ARNs.",
    "Use your own bucket, and keep the version that was there before.",
    "The chunks are those of the run before the last, and the rule is the same for both.",
)

# What the views leave in: comments, docstrings and messages in Python, comments in YAML.
PYTHON = '''"""The module is read, for it is prose."""

# A comment is read,
# for it may be wrapped.
FIELD = 1
"""The text below a field is read, for it is in the reference."""


def check(name: str) -> None:
    raise ValueError(f"a message about {name} is read, for it is shown")


key = ", for it"
'''
YAML = "# A comment is read, for it is prose.\nvalue: a value is not read, for it is data\n"


def vale(folder: Path, *names: str) -> Mapping[str, list[tuple[int, str]]]:
    """Line and rule of each finding, by file."""
    program = toolchain.ensure(["vale"])["vale"]
    command: list[str | Path] = [
        program,
        "--no-global",
        f"--config={ROOT / '.vale.ini'}",
        "--output=JSON",
        "--no-exit",
        *names,
    ]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    return {name: [(alert["Line"], alert["Check"]) for alert in found.get(name, [])] for name in names}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """The rules that each sentence breaks. Vale is started once for all of them."""
    folder = tmp_path_factory.mktemp("prose")
    sentences = [*(sentence for _, sentence in BAD), *GOOD]
    (folder / "page.md").write_text("\n\n".join(sentences) + "\n")
    found = vale(folder, "page.md")["page.md"]
    return {
        sentence: {rule.removeprefix("Plain.") for line, rule in found if line == 2 * index + 1}
        for index, sentence in enumerate(sentences)
    }


@pytest.mark.parametrize(("rule", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_a_sentence_that_is_hard_to_read_is_found_by_its_rule(
    rule: str, sentence: str, findings: Mapping[str, set[str]]
) -> None:
    assert findings[sentence] == {rule}


@pytest.mark.parametrize("sentence", GOOD)
def test_a_plain_sentence_is_left_alone(sentence: str, findings: Mapping[str, set[str]]) -> None:
    assert findings[sentence] == set()


def test_each_rule_has_a_sentence_that_it_finds() -> None:
    assert sorted({rule for rule, _ in BAD}) == RULES


def test_comments_docstrings_and_messages_of_python_are_read(tmp_path: Path) -> None:
    module = tmp_path / "operator" / "package" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text(PYTHON)
    name = str(module.relative_to(tmp_path))
    assert [line for line, _ in vale(tmp_path, name)[name]] == [1, 3, 6, 10]


def test_the_messages_in_tests_are_not_read(tmp_path: Path) -> None:
    module = tmp_path / "tests" / "unit" / "test_module.py"
    module.parent.mkdir(parents=True)
    module.write_text(PYTHON)
    name = str(module.relative_to(tmp_path))
    assert [line for line, _ in vale(tmp_path, name)[name]] == [1, 3]


def test_comments_of_yaml_are_read_and_values_are_not(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(YAML)
    assert vale(tmp_path, "values.yaml")["values.yaml"] == [(1, "Plain.CausalFor")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("word " * 20 + "w", True),
        ("word " * 19 + "word", False),
        ("- " + "word " * 20, True),
        ("| cell |\n|---|\n| " + "word " * 30 + "|", False),
        ("```text\n" + "word " * 30 + "\n```", False),
        ("See\n<https://example.org/" + "a" * 100 + ">", False),
    ],
    ids=["a line of 101", "a line of 99", "a long item", "a long row of a table", "a long line of code", "an address"],
)
def test_a_line_of_prose_has_at_most_100_characters(text: str, found: bool, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{text.rstrip()}\n")
    command: list[str | Path] = [RUMDL, "check", "--no-cache", "--config", ROOT / "pyproject.toml", page]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ("[MD013]" in ran.stdout) == found, ran.stdout + ran.stderr
    assert ran.returncode == int(found)
