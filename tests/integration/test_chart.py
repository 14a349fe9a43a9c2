"""What the chart renders: valid for a real API server in every combination, as its golden files say, and with the operator's settings.

`UPDATE_GOLDEN=1 pytest tests/integration/test_chart.py` writes the golden files again. Then read the difference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from ingestion_local.chart import CHART, rendered_rbac
from ingestion_local.control_plane import ControlPlane
from ingestion_local.environment import RBAC
from ingestion_local.processes import LocalEnvironmentError
from ingestion_operator import __version__
from ingestion_operator.generate.chart import FROM_OTHER_VALUES, camel_case, settings_properties
from ingestion_operator.settings import Settings
from integration.helm_refusals import REFUSALS
from integration.helm_user import Helm, container, deployment, environment, of_kind, pod_of
from integration.helm_values import COMBINATIONS, GOLDEN, PRODUCTION

GOLDEN_FILES = Path(__file__).parents[1] / "golden"
NAMESPACE = "chart"
FOREIGN_KINDS = {"ServiceMonitor": "servicemonitors", "PrometheusRule": "prometheusrules"}
IN_THE_IMAGE = {"INGESTION_PULUMI", "INGESTION_PULUMI_HOME"}
TEXTS = {
    "region": "eu-west-1",
    "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
    "logLevel": "DEBUG",
}


def foreign_definition(kind: str, plural: str) -> dict[str, Any]:
    """A CRD that stands for one of the Prometheus operator's: it takes any spec."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.fixture(scope="module")
def cluster(helm_binary: Path, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helm]:
    """A cluster with the Prometheus operator's kinds, and a namespace that takes restricted pods only."""
    user = Helm(helm_binary, tmp_path_factory.mktemp("chart"), NAMESPACE, control_plane=control_plane)
    definitions = [foreign_definition(kind, plural) for kind, plural in FOREIGN_KINDS.items()]
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    wanted = [*definitions, namespace(NAMESPACE, **restricted), namespace("team-a"), namespace("team-b")]
    user.kubectl("apply", "-f", "-", document=wanted)
    user.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    yield user
    names = [f"{plural}.monitoring.coreos.com" for plural in FOREIGN_KINDS.values()]
    user.kubectl("delete", "crd", *names)


def without_crd(values: dict[str, Any]) -> dict[str, Any]:
    """The same values; the CRD has its own tests, and would be shown to the API server each time."""
    return {"crds": {"install": False}, **values}


def show(cluster: Helm, manifests: list[dict[str, Any]]) -> str:
    """Let the API server check the objects without storing them. An unknown field is an error."""
    words = ("apply", "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-")
    return cluster.kubectl(*words, document=manifests)


def test_helm_finds_nothing_wrong_with_the_chart(offline: Helm) -> None:
    assert "0 chart(s) failed" in offline.run("lint", str(CHART), "--strict")


@pytest.mark.parametrize("values", COMBINATIONS.values(), ids=COMBINATIONS)
def test_a_combination_of_values_is_valid_and_its_pods_are_restricted(cluster: Helm, values: dict[str, Any]) -> None:
    manifests = cluster.template(without_crd(values))
    hooks = [
        manifest for manifest in of_kind(manifests, "Pod") if "helm.sh/hook" in manifest["metadata"]["annotations"]
    ]

    shown = show(cluster, [*manifests, pod_of(manifests, NAMESPACE)])

    assert len(hooks) == 1
    assert shown.count("serverside-applied (server dry run)") == len(manifests) + 1


def test_there_are_enough_combinations() -> None:
    assert len(COMBINATIONS) >= 30


def test_a_pod_that_is_not_restricted_would_be_refused(cluster: Helm) -> None:
    with pytest.raises(LocalEnvironmentError, match="violates PodSecurity"):
        show(cluster, [pod_of(cluster.template(without_crd({"securityContext": None})), NAMESPACE)])


@pytest.mark.parametrize(("values", "message"), REFUSALS.values(), ids=REFUSALS)
def test_values_are_refused_with_a_message(offline: Helm, values: dict[str, Any], message: str) -> None:
    with pytest.raises(LocalEnvironmentError) as refusal:
        offline.template(values)
    assert message in str(refusal.value)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_chart_renders_as_its_golden_file_says(offline: Helm, name: str) -> None:
    golden = GOLDEN_FILES / f"chart-{name}.yaml"
    text = offline.template_text(without_crd(GOLDEN[name]))
    found = re.sub(r"^(  passphrase: )[\w=]+$", r"\1<made once, at random>", text, flags=re.MULTILINE)
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text(found)
    assert found == golden.read_text()


def test_the_charts_versions_are_the_packages() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_local_environments_rights_are_the_charts(helm_binary: Path, tmp_path: Path) -> None:
    assert RBAC.read_text() == rendered_rbac(helm_binary, tmp_path), "run `make generate`"


def test_the_crds_of_the_chart_are_the_operators_and_are_kept(offline: Helm) -> None:
    definitions = of_kind(offline.template({}), "CustomResourceDefinition")
    files = (yaml.safe_load(path.read_text()) for path in (RBAC.parents[1] / "crds").glob("*.yaml"))
    ours = {definition["metadata"]["name"]: definition["spec"] for definition in files}
    assert {d["metadata"]["name"]: d["spec"] for d in definitions} == ours
    assert ours.keys() == {f"{plural}.ingestion-operator.io" for plural in ("ingestionpipelines", "awsaccounts")}
    assert all(d["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for d in definitions)
    assert not of_kind(offline.template({"crds": {"install": False}}), "CustomResourceDefinition")


def example(name: str, node: dict[str, Any]) -> Any:
    """A value of the setting that is not its default."""
    default = Settings.model_fields[next(f for f in Settings.model_fields if camel_case(f) == name)].default
    if "enum" in node:
        return next(value for value in node["enum"] if value != default)
    match node.get("type"):
        case "boolean":
            return not default
        case "integer":
            return default + 1
        case "number":
            return default + 0.5
    return TEXTS.get(name, default)


def test_every_setting_that_is_given_reaches_the_operator(offline: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {name: example(name, node) for name, node in settings_properties().items()}
    for name, value in environment(offline.template({"settings": given})).items():
        monkeypatch.setenv(name, value)
    read = {camel_case(field): value for field, value in Settings().model_dump().items()}
    assert {name: read[name] for name in given} == given


def test_every_setting_can_be_reached_by_values(offline: Helm) -> None:
    reached = {name for values in (PRODUCTION, {}) for name in environment(offline.template(values))}
    direct = {
        f"INGESTION_{field.upper()}" for field in Settings.model_fields if camel_case(field) in settings_properties()
    }
    assert {f"INGESTION_{field.upper()}" for field in Settings.model_fields} <= reached | direct | IN_THE_IMAGE
    assert not {field for field in FROM_OTHER_VALUES if camel_case(field) in settings_properties()}


def test_the_state_of_s3_is_addressed_as_pulumi_wants_it(offline: Helm) -> None:
    def url(name: str) -> str:
        return environment(offline.template(COMBINATIONS[name]))["INGESTION_BACKEND_URL"]

    assert url("state in S3") == "s3://team-pulumi/prod?region=eu-west-1"
    assert url("state in S3 by the node's region") == "s3://team-pulumi"
    assert url("state in another store") == (
        "s3://state?disableSSL=true&endpoint=minio.storage%3A9000&s3ForcePathStyle=true"
    )


@pytest.mark.parametrize("name", [name for name in COMBINATIONS if name.startswith("a key of KMS")])
def test_with_a_key_of_kms_there_is_no_passphrase(offline: Helm, name: str) -> None:
    manifests = offline.template(COMBINATIONS[name])
    given = environment(manifests)

    assert given["INGESTION_SECRETS_PROVIDER"] == COMBINATIONS[name]["state"]["secretsProvider"]
    assert "INGESTION_PASSPHRASE_FILE" not in given
    assert not of_kind(manifests, "Secret")
    assert not [volume for volume in pod_of(manifests, NAMESPACE)["spec"]["volumes"] if "secret" in volume]


def test_nothing_selects_the_pod_of_the_test(offline: Helm) -> None:
    manifests = offline.template(
        {"metrics": {"serviceMonitor": {"enabled": True}}, "podDisruptionBudget": {"enabled": True}}
    )
    (hook,) = of_kind(manifests, "Pod")
    wanted = deployment(manifests)["spec"]["selector"]["matchLabels"]
    (service,), (policy,) = of_kind(manifests, "Service"), of_kind(manifests, "NetworkPolicy")
    (budget,) = of_kind(manifests, "PodDisruptionBudget")
    assert service["spec"]["selector"] == policy["spec"]["podSelector"]["matchLabels"] == wanted
    assert budget["spec"]["selector"]["matchLabels"] == wanted
    assert not wanted.items() <= hook["metadata"]["labels"].items()


def test_the_root_file_system_is_read_only_but_for_what_is_mounted(offline: Helm) -> None:
    found = container(offline.template({}))
    assert found["securityContext"]["readOnlyRootFilesystem"] is True
    writable = {mount["mountPath"] for mount in found["volumeMounts"] if not mount.get("readOnly")}
    home = "/var/lib/ingestion-operator"
    assert writable == {"/tmp", f"{home}/state", f"{home}/pulumi/logs", f"{home}/pulumi/workspaces"}  # noqa: S108 - in the pod


def test_every_value_has_a_comment() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\w+:", line):
            around = lines[number - 1], lines[number + 1] if number + 1 < len(lines) else ""
            assert any(text.lstrip().startswith("#") for text in around), line


def test_a_setting_out_of_the_chart_would_be_refused_by_the_operator_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGESTION_WORKERS", "65")
    with pytest.raises(ValidationError):
        Settings()
