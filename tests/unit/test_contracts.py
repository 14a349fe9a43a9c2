"""Each import contract fails when its rule is broken: one forbidden import for each is added to a copy of the sources."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = "operator/ingestion_operator"
SOURCES = (CORE, "handlers/ingestion_handlers", "deploy/local/ingestion_local")

# Contract, the module that breaks it, and the import with which it does.
BREACHES = [
    ("boto", f"{CORE}/reconcile/apply.py", "boto3"),
    ("boto", f"{CORE}/status/conclude.py", "botocore.config"),
    ("boto", "handlers/ingestion_handlers/exporter.py", "boto3"),
    ("kubernetes", f"{CORE}/reconcile/decide.py", "kubernetes.client"),
    ("kubernetes", "handlers/ingestion_handlers/server.py", "kubernetes.config"),
    ("pulumi", f"{CORE}/blueprint/assemble.py", "pulumi"),
    ("pulumi", f"{CORE}/adapters/aws/cloud.py", "pulumi_aws"),
    ("ruff", f"{CORE}/observe/gather.py", "ruff"),
    ("code-check", f"{CORE}/adapters/code_check/child.py", "ingestion_operator.wording"),
    ("kopf", f"{CORE}/model/spec.py", "kopf"),
    ("prometheus", f"{CORE}/metrics.py", "prometheus_client"),
    ("core", f"{CORE}/errors.py", "ingestion_operator.model.spec"),
    ("core", f"{CORE}/blueprint/names.py", "ingestion_operator.ports.engine"),
    ("core", f"{CORE}/observe/gather.py", "ingestion_operator.status.conclude"),
    ("core", f"{CORE}/status/conclude.py", "ingestion_operator.reconcile.decide"),
    ("core", f"{CORE}/reconcile/run.py", "ingestion_operator.adapters.kubernetes"),
    ("adapters", f"{CORE}/adapters/kubernetes.py", "ingestion_operator.status.conditions"),
    ("each-adapter", f"{CORE}/adapters/aws/calls.py", "ingestion_operator.adapters.kubernetes"),
    ("offline", f"{CORE}/offline/render.py", "ingestion_operator.adapters.aws.buckets"),
    ("offline", f"{CORE}/generate/pages.py", "ingestion_operator.adapters.pulumi.cli"),
    ("offline", f"{CORE}/settings.py", "ingestion_operator.reconcile.run"),
    ("policy", f"{CORE}/offline/operator_rights.py", "ingestion_operator.offline.operator_policy"),
    ("reconcile", f"{CORE}/reconcile/disposal.py", "ingestion_operator.reconcile.removal"),
    ("reconcile", f"{CORE}/reconcile/next_step.py", "ingestion_operator.reconcile.decide"),
    ("status", f"{CORE}/status/conditions.py", "ingestion_operator.status.conclude"),
    ("observe", f"{CORE}/observe/references.py", "ingestion_operator.observe.gather"),
    ("state", f"{CORE}/state/backend.py", "ingestion_operator.state.copy"),
    ("ports", f"{CORE}/ports/engine.py", "ingestion_operator.ports.cluster"),
    ("blueprint", f"{CORE}/blueprint/resources.py", "ingestion_operator.blueprint.parts.draft"),
    ("model", f"{CORE}/model/base.py", "ingestion_operator.model.source"),
    ("handlers", "handlers/ingestion_handlers/probes.py", "ingestion_handlers.registry"),
    ("handlers", "handlers/ingestion_handlers/pipelines.py", "ingestion_handlers.accounts"),
    ("handlers", "handlers/ingestion_handlers/services.py", "ingestion_handlers.passes"),
    ("handlers", "handlers/ingestion_handlers/temporary.py", "ingestion_handlers.startup"),
    ("state", f"{CORE}/state/healing.py", "ingestion_operator.state.pruning"),
    ("sources", f"{CORE}/metrics.py", "ingestion_handlers.workers"),
    ("stand-in", "deploy/local/ingestion_local/provider/tags.py", "ingestion_local.provider.kinds"),
    ("local", "handlers/ingestion_handlers/services.py", "ingestion_local.processes"),
    ("processes", "deploy/local/ingestion_local/processes.py", "ingestion_handlers.keys"),
]


def contracts() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / ".importlinter")
    return found


NAMES = {
    section.removeprefix("importlinter:contract:"): contracts()[section]["name"]
    for section in contracts().sections()
    if section.startswith("importlinter:contract:")
}


def dotted(path: str) -> str:
    return path.split("/", 2 if path.startswith("deploy") else 1)[-1].removesuffix(".py").replace("/", ".")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy with every breach in it."""
    copy = tmp_path_factory.mktemp("breached")
    for source in SOURCES:
        shutil.copytree(ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__"))
    for _, path, imported in BREACHES:
        with (copy / path).open("a") as module:
            module.write(f"\n\nimport {imported}\n")
    (copy / CORE / "cupboard.py").write_text('"""A module that no layer names."""\n')
    shutil.copy(ROOT / ".importlinter", copy)
    roots = os.pathsep.join(str((copy / source).parent) for source in SOURCES)
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": roots},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return done.stdout


def said_of(report: str, contract: str) -> str:
    """What the report says about a broken contract: the text below its underlined name, without the report's line breaks."""
    _, _, details = report.partition("Broken contracts\n")
    parts = re.split(r"^(.+)\n-{5,}$", details, flags=re.MULTILINE)
    return " ".join(dict(zip(parts[1::2], parts[2::2], strict=True))[NAMES[contract]].split())


@pytest.mark.parametrize(("contract", "path", "imported"), BREACHES)
def test_an_import_that_a_contract_forbids_breaks_it(report: str, contract: str, path: str, imported: str) -> None:
    target = imported if imported.startswith("ingestion") else imported.partition(".")[0]
    assert f"{dotted(path)} -> {target}" in said_of(report, contract)


def test_a_module_that_has_no_place_in_the_layers_is_reported(report: str) -> None:
    assert "ingestion_operator.cupboard" in said_of(report, "core")


def test_every_contract_has_a_breach_that_proves_it() -> None:
    assert NAMES.keys() == {contract for contract, _, _ in BREACHES}
