"""What `render` prints, against golden files: a review shows when a pipeline's resources in AWS change.

`UPDATE_GOLDEN=1 pytest tests/unit/test_render.py` writes the golden files again. Then read the difference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion_operator.adapters.code_check import CodeChecker
from ingestion_operator.errors import AccessDenied, DependencyNotReady, SpecInvalid
from ingestion_operator.offline.render import render

GOLDEN = Path(__file__).parents[1] / "golden"
SAMPLES = GOLDEN.parents[1] / "samples"
MANIFESTS = [*sorted(GOLDEN.glob("*.manifest.yaml")), *sorted(SAMPLES.glob("*/*.yaml"))]
PIPELINE: dict[str, Any] = yaml.safe_load((GOLDEN / "plain.manifest.yaml").read_text())


KNOW_NOTHING_NARROWER = {"SendTraces", "JoinNetwork"}


def rendered(text: str) -> str:
    return render(text, "123456789012", "eu-west-1", "test", CodeChecker())


def without_hashes(text: str) -> str:
    """The zip's hashes depend on the version of zlib that packed it."""
    text = re.sub(r"sha256: [0-9a-f]{64}", "sha256: <sha256>", text)
    text = re.sub(r"<zip [0-9a-f]{12}>", "<zip>", text)
    return re.sub(r"code_sha256: \S{44}", "code_sha256: <sha256>", text)


def from_config_map(**reference: str) -> dict[str, Any]:
    code = {"configMapRef": {"name": "code", **reference}}
    return {**PIPELINE, "spec": {"processor": {"code": code}}}


def config_map(namespace: str = "team-a", **data: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": "code", "namespace": namespace}, "data": data}


def golden_file(manifest: Path) -> Path:
    """The file that holds everything that a manifest creates."""
    if manifest.is_relative_to(SAMPLES):
        return GOLDEN / f"sample-{manifest.parent.name}-{manifest.stem}.rendered.yaml"
    return GOLDEN / manifest.name.replace(".manifest", ".rendered")


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_manifest_is_rendered_as_its_golden_file_says(manifest: Path) -> None:
    golden = golden_file(manifest)
    found = without_hashes(rendered(manifest.read_text()))
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text(found)
    assert found == golden.read_text()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_no_statement_allows_a_wildcard_but_for_traces_which_know_nothing_narrower(manifest: Path) -> None:
    document = yaml.safe_load(rendered(manifest.read_text()))
    allowed = [s for s in _statements(document) if s["Effect"] == "Allow" and "Resource" in s]
    assert allowed
    for statement in allowed:
        assert not any(action.endswith("*") for action in statement["Action"])
        if statement["Sid"] not in KNOW_NOTHING_NARROWER:
            assert all(re.fullmatch(r"[^*]+\*?", resource) for resource in statement["Resource"]), statement


def _statements(document: Any) -> Iterator[dict[str, Any]]:
    for resource in document["resources"]:
        for name in ("policy", "assume_role_policy"):
            yield from (resource["inputs"].get(name) or {}).get("Statement", [])


def test_only_what_is_retained_is_a_bucket_or_a_setting_of_one() -> None:
    document = yaml.safe_load(rendered((GOLDEN / "results.manifest.yaml").read_text()))
    retained = {r["name"] for r in document["resources"] if r.get("retained")}
    settings = ("bucket", "encryption", "public-access-block", "versioning", "lifecycle", "bucket-policy")
    # The notification too: another pipeline may have the bucket for its source when this one is gone.
    assert retained == {f"{role}-{part}" for role in ("source", "results") for part in settings} | {
        "source-notification"
    }


def test_every_pipeline_of_a_file_is_rendered() -> None:
    other = {**PIPELINE, "metadata": {"name": "other", "namespace": "team-b"}}
    documents = list(yaml.safe_load_all(rendered(yaml.safe_dump_all([PIPELINE, other]))))
    assert [d["pipeline"] for d in documents] == ["team-a/words", "team-b/other"]


def test_code_comes_from_the_config_map_of_the_same_namespace() -> None:
    one_key = yaml.safe_dump_all([from_config_map(key="main"), config_map(main="def handler(e, c): ...")])
    assert yaml.safe_load(rendered(one_key))["code"]["files"] == ["index.py"]
    elsewhere = yaml.safe_dump_all([from_config_map(), config_map("team-b", **{"index.py": "x = 1"})])
    with pytest.raises(DependencyNotReady, match=r"team-a/code, named by .*, does not exist"):
        rendered(elsewhere)


def in_account(*more: dict[str, Any]) -> str:
    pipeline = {**PIPELINE, "spec": {**PIPELINE["spec"], "accountRef": {"name": "search"}}}
    return yaml.safe_dump_all([pipeline, *more])


def aws_account(**spec: Any) -> dict[str, Any]:
    role = "arn:aws:iam::210987654321:role/ingestion"
    metadata = {"name": "search"}
    return {"kind": "AWSAccount", "metadata": metadata, "spec": {"roleArn": role, "allowedNamespaces": ["*"], **spec}}


def test_an_account_of_the_same_file_is_where_it_would_be_built() -> None:
    bounds = "arn:aws:iam::210987654321:policy/bounds"
    found = rendered(in_account(aws_account(permissionsBoundary=bounds)))
    assert "arn:aws:lambda:eu-west-1:210987654321:function:" in found
    assert "123456789012" not in found
    assert bounds in found


def test_an_account_that_is_not_to_be_seen_is_the_one_that_is_given() -> None:
    assert "arn:aws:lambda:eu-west-1:123456789012:function:" in rendered(in_account())


def test_an_account_that_does_not_allow_it_is_said() -> None:
    with pytest.raises(AccessDenied, match="may not use AWSAccount search"):
        rendered(in_account(aws_account(allowedNamespaces=["other"])))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("kind: Secret\n", "no IngestionPipeline", id="no pipeline"),
        pytest.param("", "no IngestionPipeline", id="nothing"),
        pytest.param(
            yaml.safe_dump({**PIPELINE, "spec": {"processor": {"code": {"inline": "x ="}}}}),
            "does not compile",
            id="code that does not compile",
        ),
        pytest.param(yaml.safe_dump({**PIPELINE, "spec": {}}), "spec.processor: Field required", id="no processor"),
        pytest.param(
            yaml.safe_dump_all([from_config_map(), config_map(**{"main.py": "x = 1"})]),
            "needs a file index.py, but the code has: main.py",
            id="no file for the handler",
        ),
    ],
)
def test_what_could_not_work_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecInvalid, match=message):
        rendered(text)
