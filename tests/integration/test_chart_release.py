"""The life of a release with real helm and a real API server: nothing loses the passphrase, the CRD or a pipeline.

No controller and no kubelet run there: what is looked at are the objects, and what their ServiceAccount may do.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from ingestion_local.chart import CHART
from ingestion_local.control_plane import ControlPlane
from ingestion_local.operator_process import OperatorProcess
from ingestion_local.processes import LocalEnvironmentError, wait_until
from integration.helm_user import DEFINITIONS, Helm, take_definitions_away

CRD, ACCOUNTS = DEFINITIONS
PIPELINE = {
    "apiVersion": "ingestion-operator.io/v1alpha1",
    "kind": "IngestionPipeline",
    "metadata": {"name": "words"},
    "spec": {"processor": {"code": {"configMapRef": {"name": "not-there"}}}},
}
# Nothing answers there, so every call to AWS fails at once.
NO_AWS = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def helm(helm_binary: Path, empty_plane: ControlPlane, tmp_path: Path) -> Iterator[Helm]:
    """An administrator, who has installed nothing yet."""
    user = Helm(helm_binary, tmp_path, f"release-{uuid4().hex[:8]}", control_plane=empty_plane)
    yield user
    user.run("uninstall", user.release, "--ignore-not-found")
    take_definitions_away(empty_plane)


def chart_of_yesterday(directory: Path) -> Path:
    """The chart as it was when a function's memory could not be chosen."""
    copy = directory / "yesterday"
    shutil.copytree(CHART, copy)
    (path,) = (copy / "files" / "crds").glob(f"*{CRD.partition('.')[0]}.yaml")
    definition = yaml.safe_load(path.read_text())
    del fields_of_processor(definition)["memoryMiB"]
    path.write_text(yaml.safe_dump(definition))
    return copy


def fields_of_processor(definition: dict[str, Any]) -> dict[str, Any]:
    version = definition["spec"]["versions"][0]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    found: dict[str, Any] = spec["properties"]["processor"]["properties"]
    return found


def make_pipeline(helm: Helm, namespace: str) -> None:
    helm.kubectl("wait", "--for=condition=Established", "crd", CRD, "--timeout=30s")
    helm.kubectl("-n", namespace, "apply", "-f", "-", document=[PIPELINE])


def may(helm: Helm, verb: str, what: str, *where: str) -> bool:
    """Whether the operator may do something."""
    account = f"system:serviceaccount:{helm.namespace}:{helm.release}"
    assert helm.control_plane is not None
    asked = helm.control_plane.run_kubectl("auth", "can-i", verb, what, *where, "--as", account, check=False)
    assert asked.stdout.strip() in ("yes", "no"), asked.stderr
    return asked.stdout.strip() == "yes"


def wait_may(helm: Helm, expected: bool, verb: str, what: str, *where: str) -> None:
    """Wait until the API server grants or refuses that. It decides from a cache, which follows a change of the roles."""
    what_for = f"{'a right' if expected else 'no right'} to {verb} {what}"
    wait_until(what_for, lambda: may(helm, verb, what, *where) is expected, timeout_seconds=30)


def test_the_passphrase_is_made_once_and_survives_upgrades_and_rollbacks(helm: Helm) -> None:
    helm.install({})
    first = helm.passphrase()
    helm.upgrade({"settings": {"workers": 2}})
    helm.upgrade({"settings": {"workers": 3}})
    assert helm.passphrase() == first
    helm.run("rollback", helm.release, "1")

    assert helm.passphrase() == first
    assert len(first) == 48
    variables = helm.get("deployment", helm.release)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert "INGESTION_WORKERS" not in {entry["name"] for entry in variables}


def test_nobody_changes_the_passphrase_by_accident(helm: Helm) -> None:
    helm.install({})
    first = helm.passphrase()
    # As a tool does that renders without looking into the cluster, and so makes another one.
    rendered = [m for m in helm.template({}) if m["kind"] == "Secret"]
    with pytest.raises(LocalEnvironmentError, match="field is immutable when `immutable` is set"):
        helm.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", document=rendered)
    with pytest.raises(
        LocalEnvironmentError, match=r"has no key \\?\"other\\?\": the chart never replaces the passphrase of the state"
    ):
        helm.upgrade({"state": {"passphrase": {"key": "other"}}})
    assert helm.passphrase() == first


def test_an_uninstall_keeps_what_cannot_be_made_again_and_an_install_finds_it(helm: Helm) -> None:
    helm.install({})
    first = helm.passphrase()
    make_pipeline(helm, "default")
    said = helm.run("uninstall", helm.release)

    assert CRD in said
    assert ACCOUNTS in said
    assert not helm.get("deployment", helm.release)
    assert not helm.get("serviceaccount", helm.release)
    assert not helm.get("clusterrole", helm.release)
    assert helm.get("crd", CRD)
    assert helm.get("pvc", f"{helm.release}-state")
    assert helm.kubectl("-n", "default", "get", "ipl", "-o", "name").split() == [f"{CRD.replace('s.', '.', 1)}/words"]
    assert helm.passphrase() == first

    helm.install({})
    assert helm.passphrase() == first


def test_the_notes_say_what_to_keep_and_what_to_do_before_an_uninstall(helm: Helm) -> None:
    notes = helm.install({})

    assert "PersistentVolumeClaim ingestion-operator-state" in notes
    assert "key passphrase of Secret ingestion-operator-passphrase" in notes
    assert "BEFORE `helm uninstall`: delete the pipelines" in notes
    assert "settings.permissionsBoundary is not set" in notes
    assert "no role annotation" in notes


def test_an_upgrade_brings_new_fields_of_pipelines_and_never_takes_the_pipelines(helm: Helm) -> None:
    helm.install({}, chart=chart_of_yesterday(helm.directory))
    make_pipeline(helm, "default")
    assert "memoryMiB" not in fields_of_processor(helm.get("crd", CRD))
    helm.upgrade({})
    assert "memoryMiB" in fields_of_processor(helm.get("crd", CRD))
    helm.upgrade({"crds": {"install": False}})

    assert helm.kubectl("-n", "default", "get", "ipl", "words", "-o", "name")


def test_a_second_release_leaves_the_crd_to_the_first(helm: Helm) -> None:
    helm.install({})
    for team in ("team-a", "team-b"):
        helm.kubectl("create", "namespace", team)
    second = Helm(helm.binary, helm.directory, "team-b", "second", helm.control_plane)
    with pytest.raises(LocalEnvironmentError, match="invalid ownership metadata"):
        second.install({"watchNamespaces": ["team-b"]})
    second.install({"watchNamespaces": ["team-b"], "crds": {"install": False}})
    assert second.get("deployment", "second-ingestion-operator")
    second.run("uninstall", "second")


RIGHTS_IN_A_WATCHED_NAMESPACE = {
    ("list", f"ingestionpipelines.{CRD.split('.', 1)[1]}"): True,
    ("watch", "configmaps"): True,
    ("get", "secrets"): True,
    ("create", "events"): True,
    ("list", "secrets"): False,
    ("watch", "secrets"): False,
    ("create", "configmaps"): False,
    ("delete", f"ingestionpipelines.{CRD.split('.', 1)[1]}"): False,
    ("create", "pods"): False,
}


def test_an_operator_of_one_namespace_has_no_rights_in_another(helm: Helm) -> None:
    for name in ("watched", "other"):
        helm.kubectl("create", "namespace", name)
    helm.install({"watchNamespaces": ["watched"], "clusterId": "c1"})

    for right, there in RIGHTS_IN_A_WATCHED_NAMESPACE.items():
        wait_may(helm, there, *right, "-n", "watched")
    assert not any(may(helm, *right, "-n", "other") for right in RIGHTS_IN_A_WATCHED_NAMESPACE)
    assert not may(helm, "get", "namespaces/kube-system")
    wait_may(helm, True, "list", ACCOUNTS)
    rights = {verb: may(helm, verb, ACCOUNTS) for verb in ("list", "watch", "patch", "create", "update", "delete")}
    assert [verb for verb, there in rights.items() if there] == ["list", "watch", "patch"]
    wait_may(helm, True, "patch", ACCOUNTS, "--subresource=status")
    helm.upgrade({"watchNamespaces": ["watched"], "clusterId": "c1", "accounts": {"enabled": False}})
    wait_may(helm, False, "list", ACCOUNTS)
    assert not helm.get("clusterrole", f"{helm.namespace}-{helm.release}")


def test_an_operator_of_one_namespace_works_there_under_its_roles(
    helm: Helm, tools: Mapping[str, Path], tmp_path: Path
) -> None:
    for name in ("mine", "theirs"):
        helm.kubectl("create", "namespace", name)
    helm.install({"watchNamespaces": ["mine"]})
    for name in ("mine", "theirs"):
        make_pipeline(helm, name)
    assert helm.control_plane is not None
    account = helm.control_plane.service_account_kubeconfig(helm.namespace, helm.release, tmp_path / "account")
    operator = OperatorProcess(
        tmp_path / "operator",
        kubeconfig=account,
        pulumi=tools["pulumi"],
        aws=NO_AWS,
        settings={"INGESTION_NAMESPACES": "mine"},
    )
    operator.start()
    try:
        wait_until("a status", lambda: status(helm, "mine"), timeout_seconds=60, interval_seconds=0.2)
    finally:
        operator.stop()

    ready = next(c for c in status(helm, "mine")["conditions"] if c["type"] == "Ready")
    assert ready["reason"] == "DependencyNotReady"
    assert not status(helm, "theirs")
    assert "Forbidden" not in operator.log.read_text()
    for name in ("mine", "theirs"):
        helm.kubectl("-n", name, "patch", "ipl", "words", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')


def status(helm: Helm, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = Helm(helm.binary, helm.directory, namespace, helm.release, helm.control_plane).get(
        "ipl", "words"
    )
    result: dict[str, Any] = found.get("status", {})
    return result
