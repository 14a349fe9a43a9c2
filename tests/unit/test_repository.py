"""What the repository promises: examples in the pages work, the layout shadows no module, and generated files are current."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from ingestion_operator.adapters.code_check import CodeChecker
from ingestion_operator.generate.__main__ import generated
from ingestion_operator.model.account import ACCOUNT_KIND, AccountSpec
from ingestion_operator.model.spec import Spec
from ingestion_operator.offline.render import render

ROOT = Path(__file__).parents[2]
MINIMAL = {"processor": {"code": {"inline": "def handler(event, context): ..."}}}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/**/*.md")])


def yaml_blocks(page: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def test_import_operator_from_the_root_is_the_standard_librarys() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.__file__); import ingestion_operator"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(ROOT) not in found.stdout
    assert not (ROOT / "operator" / "__init__.py").exists()


@pytest.mark.parametrize("path", generated(), ids=str)
def test_a_generated_file_is_current(path: Path) -> None:
    assert (ROOT / path).read_text() == generated()[path], "run `make generate`"


def test_every_pipeline_in_the_documentation_is_valid() -> None:
    blocks = [block for page in PAGES for block in yaml_blocks(page)]
    assert blocks
    for block in blocks:
        for document in yaml.safe_load_all(block):
            if document.keys() == {"spec"}:  # a part that the reader adds to a pipeline
                assert Spec.model_validate({**MINIMAL, **document["spec"]})
            elif document["kind"] == ACCOUNT_KIND:
                assert AccountSpec.model_validate(document["spec"])
            else:
                assert yaml.safe_load(
                    render(block, "123456789012", "eu-west-1", "example", CodeChecker()).split("---\n")[0]
                )


@pytest.mark.parametrize("manifest", sorted(ROOT.glob("samples/*/*.yaml")), ids=lambda p: p.name)
def test_every_sample_is_valid(manifest: Path) -> None:
    assert "aws:lambda/function:Function" in render(
        manifest.read_text(), "123456789012", "eu-west-1", "example", CodeChecker()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_pages_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_make_verb_in_the_documentation_exists() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for verb in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE):
            assert verb in verbs, f"{page}: make {verb}"


def test_the_wheel_holds_the_three_packages_and_no_test(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert packages == {"ingestion_operator", "ingestion_handlers", "ingestion_local"}
    assert "ingestion_operator/py.typed" in names
