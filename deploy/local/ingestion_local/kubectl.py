"""How an administrator reaches a cluster: with kubectl and a kubeconfig."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestion_local.processes import LocalEnvironmentError

KUBECTL_TIMEOUT_SECONDS = 120.0


class Kubectl:
    """Runs the program `kubectl` with `kubeconfig`. Its home directory is that of the kubeconfig."""

    def __init__(self, kubectl: Path, kubeconfig: Path) -> None:
        self.kubectl = kubectl
        self.kubeconfig = kubeconfig

    def run_kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 - named as in subprocess.run
        check: bool = True,
        as_kubeconfig: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator, or with the identity of `as_kubeconfig`; `input` is its stdin.

        Raises LocalEnvironmentError with kubectl's error message when it fails, unless `check` is off. Also raises it when kubectl
        takes longer than KUBECTL_TIMEOUT_SECONDS.
        """
        try:
            ran = subprocess.run(
                [self.kubectl, "--kubeconfig", as_kubeconfig or self.kubeconfig, *args],
                input=input,
                capture_output=True,
                text=True,
                timeout=KUBECTL_TIMEOUT_SECONDS,
                check=False,
                env=self.environment(),
            )
        except subprocess.TimeoutExpired as error:
            raise LocalEnvironmentError(
                f"`kubectl {' '.join(args)}` took longer than {KUBECTL_TIMEOUT_SECONDS:g} s"
            ) from error
        if check and ran.returncode != 0:
            raise LocalEnvironmentError(
                f"`kubectl {' '.join(args)}` ended with code {ran.returncode}: {ran.stderr.strip()}"
            )
        return ran

    def apply(self, *documents: Mapping[str, Any]) -> None:
        """Apply these objects as the administrator. Raises LocalEnvironmentError with kubectl's error message."""
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        self.run_kubectl("apply", "--server-side", "-f", "-", input=manifest)

    def environment(self) -> dict[str, str]:
        """A small environment. The user's ETCD_*, KUBE* and proxy variables would change how programs start."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.kubeconfig.parent)}
