"""Renders the Helm chart's RBAC to `deploy/rbac.yaml`. The local environment and the tests run the operator with it.

`python -m ingestion_local.chart [--check]` renders the file from the chart's own templates. This needs Helm, so it is not
part of `ingestion_operator.generate`, which `make lint` checks. A test of the chart compares the file instead.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ingestion_local import toolchain
from ingestion_local.environment import RBAC, ROOT, SERVICE_ACCOUNT, SYSTEM_NAMESPACE
from ingestion_local.processes import LocalEnvironmentError

CHART = ROOT / "deploy" / "helm" / "ingestion-operator"
HELM_TIMEOUT_SECONDS = 120.0
RBAC_TEMPLATES = ("templates/serviceaccount.yaml", "templates/rbac.yaml")
HEADER = f"""\
# Made from the chart's templates by `make generate`; do not edit.
# What the operator may do in the cluster, and no more. The local environment and the tests run it under exactly this.
apiVersion: v1
kind: Namespace
metadata:
  name: {SYSTEM_NAMESPACE}
"""


def run_helm(helm: Path, *arguments: str, directory: Path, kubeconfig: Path | None = None) -> str:
    """Run helm and return what it prints. It keeps its own files under `directory`, never in the user's home.

    Raises LocalEnvironmentError with helm's error message when it fails.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(directory)}
    if kubeconfig is not None:
        environment["KUBECONFIG"] = str(kubeconfig)
    ran = subprocess.run(
        [helm, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=HELM_TIMEOUT_SECONDS,
        env=environment,
    )
    if ran.returncode != 0:
        raise LocalEnvironmentError(f"`helm {' '.join(arguments)}` failed: {ran.stderr.strip()}")
    return ran.stdout


def rendered_rbac(helm: Path, directory: Path) -> str:
    """The text that `deploy/rbac.yaml` should have with the present chart."""
    chosen = [word for template in RBAC_TEMPLATES for word in ("--show-only", template)]
    release = ("template", SERVICE_ACCOUNT, str(CHART), "--namespace", SYSTEM_NAMESPACE)
    rendered = run_helm(helm, *release, *chosen, directory=directory)
    return HEADER + _without_release(rendered)


def _without_release(rendered: str) -> str:
    """The same objects without Helm's labels and comments, because Helm does not manage these objects."""
    without_labels = re.sub(r"^  labels:\n(?:    .*\n)+", "", rendered, flags=re.MULTILINE)
    without_sources = re.sub(r"^# Source: .*\n", "", without_labels, flags=re.MULTILINE)
    return re.sub(r"\n{2,}", "\n", without_sources)


def main(arguments: Sequence[str]) -> int:
    """Write the file, or only compare it with `--check`. Returns the exit code."""
    helm = toolchain.ensure(["helm"])["helm"]
    text = rendered_rbac(helm, toolchain.cache_directory())
    if text == RBAC.read_text():
        return 0
    if "--check" in arguments:
        sys.stderr.write(f"{RBAC.relative_to(ROOT)} is out of date: run `make generate`\n")
        return 1
    RBAC.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
