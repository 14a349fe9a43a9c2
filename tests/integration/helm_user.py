"""helm and kubectl in the hands of an administrator, against one control plane."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from ingestion_local.chart import CHART, run_helm
from ingestion_local.control_plane import ControlPlane
from ingestion_local.processes import wait_until

DEFINITIONS = tuple(f"{plural}.ingestion-operator.io" for plural in ("ingestionpipelines", "awsaccounts"))
Values = Mapping[str, Any]
Manifest = dict[str, Any]


def take_definitions_away(plane: ControlPlane) -> None:
    """Delete the CRDs and make sure that they are gone.

    An API server that cannot list the objects of a kind that goes, as its storage was just being made, sometimes does not
    try again before the CRD changes: "could not list instances: storage is (re)initializing".
    """
    plane.run_kubectl("delete", "crd", *DEFINITIONS, "--ignore-not-found", "--wait=false")
    looks = count()

    def gone() -> bool:
        left = plane.run_kubectl("get", "crd", *DEFINITIONS, "--ignore-not-found", "-o", "name").stdout.split()
        if left:
            plane.run_kubectl("annotate", "--overwrite", *left, f"looked-at={next(looks)}", check=False)
        return not left

    wait_until("the end of the CRDs", gone, timeout_seconds=60, interval_seconds=1)


@dataclass(frozen=True)
class Helm:
    """The commands of one release. Without a control plane, only the commands that need none work."""

    binary: Path
    directory: Path
    namespace: str = "ingestion-system"
    release: str = "ingestion-operator"
    control_plane: ControlPlane | None = None

    def run(self, *arguments: str) -> str:
        kubeconfig = self.control_plane.kubeconfig if self.control_plane else None
        return run_helm(
            self.binary, *arguments, "--namespace", self.namespace, directory=self.directory, kubeconfig=kubeconfig
        )

    def template(self, values: Values, *arguments: str) -> list[Manifest]:
        """The objects that the chart renders with these values, in the order in which helm installs them."""
        return objects(self.template_text(values, *arguments))

    def template_text(self, values: Values, *arguments: str) -> str:
        return self.run("template", self.release, str(CHART), *self.values(values), *arguments)

    def install(self, values: Values, *arguments: str, chart: Path = CHART) -> str:
        return self.run("install", self.release, str(chart), *self.values(values), "--create-namespace", *arguments)

    def upgrade(self, values: Values, *arguments: str, chart: Path = CHART) -> str:
        return self.run("upgrade", self.release, str(chart), *self.values(values), *arguments)

    def values(self, values: Values) -> tuple[str, str]:
        """The arguments that hand over the values."""
        path = self.directory / f"values-{self.namespace}-{self.release}.json"
        path.write_text(json.dumps(values))
        return "--values", str(path)

    def kubectl(self, *arguments: str, document: Any = None) -> str:
        assert self.control_plane is not None
        # JSON, because readers of YAML do not agree about which words mean true and false.
        text = None if document is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": document})
        output: str = self.control_plane.run_kubectl(*arguments, input=text).stdout
        return output

    def get(self, kind: str, name: str) -> Manifest:
        """An object of the release's namespace, or of the cluster; empty when there is none."""
        text = self.kubectl("-n", self.namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
        found: Manifest = json.loads(text) if text.strip() else {}
        return found

    def passphrase(self) -> str:
        """The content of the Secret that the chart created."""
        return base64.b64decode(self.get("secret", f"{self.release}-passphrase")["data"]["passphrase"]).decode()


def objects(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(manifests: Iterable[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def deployment(manifests: Iterable[Manifest]) -> Manifest:
    (found,) = of_kind(manifests, "Deployment")
    return found


def container(manifests: Iterable[Manifest]) -> Manifest:
    (found,) = deployment(manifests)["spec"]["template"]["spec"]["containers"]
    result: Manifest = found
    return result


def environment(manifests: Iterable[Manifest]) -> dict[str, str]:
    """The variables that the operator's container is given by value."""
    return {entry["name"]: entry["value"] for entry in container(manifests)["env"] if "value" in entry}


def pod_of(manifests: Iterable[Manifest], namespace: str) -> Manifest:
    """The Pod that the Deployment's controller would make."""
    template = deployment(manifests)["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "from-the-template", "namespace": namespace},
        "spec": template["spec"],
    }
