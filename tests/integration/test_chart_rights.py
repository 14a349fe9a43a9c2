"""What the chart lets the operator do in the cluster, and what it does not let it do. A real API server answers.

The operator has the rights of `_rules.tpl` everywhere, or in the namespaces that it watches and nowhere else. That it needs each
of them is shown by tests/e2e/test_rbac.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cluster_rights import RIGHTS, rights, rules_of
from ingestion_local.control_plane import ControlPlane
from integration.helm_user import Helm, Manifest, of_kind

RBAC_KINDS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
CORE, IPL, AUTH = "", "ingestion-operator.io", "rbac.authorization.k8s.io"
EVERYWHERE = ""  # the namespace in a question about all namespaces, or about objects outside of namespaces

Question = tuple[str, str, str]  # verb, API group, resource

IN_A_NAMESPACE_WITH_PIPELINES: tuple[Question, ...] = (
    ("get", IPL, "ingestionpipelines"),
    ("list", IPL, "ingestionpipelines"),
    ("watch", IPL, "ingestionpipelines"),
    ("patch", IPL, "ingestionpipelines"),
    ("patch", IPL, "ingestionpipelines/status"),
    ("get", CORE, "configmaps"),
    ("list", CORE, "configmaps"),
    ("watch", CORE, "configmaps"),
    ("get", CORE, "secrets"),
    ("create", CORE, "events"),
)
# Where the operator itself is: whether its earlier pod is gone.
AT_HOME: tuple[Question, ...] = (("get", CORE, "pods"),)
# AWSAccounts are in no namespace: these are given wherever they are asked about.
OF_ACCOUNTS: tuple[Question, ...] = (
    ("get", IPL, "awsaccounts"),
    ("list", IPL, "awsaccounts"),
    ("watch", IPL, "awsaccounts"),
    ("patch", IPL, "awsaccounts"),
    ("patch", IPL, "awsaccounts/status"),
)
NEVER: tuple[Question, ...] = (
    ("create", IPL, "awsaccounts"),
    ("update", IPL, "awsaccounts"),
    ("delete", IPL, "awsaccounts"),
    ("list", CORE, "secrets"),
    ("watch", CORE, "secrets"),
    ("create", CORE, "secrets"),
    ("update", CORE, "secrets"),
    ("patch", CORE, "secrets"),
    ("delete", CORE, "secrets"),
    ("deletecollection", CORE, "secrets"),
    ("create", CORE, "configmaps"),
    ("update", CORE, "configmaps"),
    ("patch", CORE, "configmaps"),
    ("delete", CORE, "configmaps"),
    ("create", IPL, "ingestionpipelines"),
    ("update", IPL, "ingestionpipelines"),
    ("delete", IPL, "ingestionpipelines"),
    ("deletecollection", IPL, "ingestionpipelines"),
    ("update", IPL, "ingestionpipelines/status"),
    ("get", CORE, "events"),
    ("list", CORE, "events"),
    ("delete", CORE, "events"),
    ("list", CORE, "pods"),
    ("watch", CORE, "pods"),
    ("create", CORE, "pods"),
    ("delete", CORE, "pods"),
    ("create", CORE, "pods/exec"),
    ("get", CORE, "pods/log"),
    ("create", "apps", "deployments"),
    ("create", "batch", "jobs"),
    ("get", CORE, "nodes"),
    ("get", CORE, "nodes/proxy"),
    ("list", CORE, "namespaces"),
    ("create", CORE, "namespaces"),
    ("delete", CORE, "namespaces"),
    ("get", CORE, "persistentvolumes"),
    ("create", CORE, "serviceaccounts"),
    ("create", CORE, "serviceaccounts/token"),
    ("impersonate", CORE, "serviceaccounts"),
    ("impersonate", CORE, "users"),
    ("impersonate", CORE, "groups"),
    ("create", AUTH, "roles"),
    ("escalate", AUTH, "roles"),
    ("bind", AUTH, "roles"),
    ("create", AUTH, "rolebindings"),
    ("escalate", AUTH, "clusterroles"),
    ("bind", AUTH, "clusterroles"),
    ("create", AUTH, "clusterrolebindings"),
    ("update", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("create", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("approve", "certificates.k8s.io", "signers"),
    ("*", "*", "*"),
)


@dataclass(frozen=True)
class Account:
    """The operator's ServiceAccount of one release."""

    helm: Helm
    manifests: tuple[Manifest, ...]
    watched: str
    other: str

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.helm.namespace}:{self.helm.release}"

    def allowed(self, questions: Iterable[Question], namespace: str, name: str = "") -> set[Question]:
        """Those that the API server answers with yes; with a name, about the object of that name."""
        asked = list(questions)
        reviews = [self._review(question, namespace, name) for question in asked]
        answers = list(documents(self.helm.kubectl("create", "-f", "-", "-o", "json", document=reviews)))
        assert len(answers) == len(asked)
        return {question for question, answer in zip(asked, answers, strict=True) if answer["status"]["allowed"]}

    def _review(self, question: Question, namespace: str, name: str) -> Manifest:
        verb, group, resource = question
        kind, _, subresource = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": kind, "subresource": subresource}
        groups = ["system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{self.helm.namespace}"]
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": self.user,
                "groups": groups,
                "resourceAttributes": {**attributes, "namespace": namespace, "name": name},
            },
        }

    def rights(self, namespace: str) -> set[str]:
        """Everything that the user may do in a namespace, except what every ServiceAccount may."""
        return self._rules(self.user, namespace) - self._rules("system:serviceaccount:default:nobody", namespace)

    def given(self, namespace: str) -> set[str]:
        """The rules of the chart's roles that are bound to it there."""
        bindings = [m for m in self.manifests if m["kind"].endswith("Binding")]
        bound = {(binding["roleRef"]["kind"], binding["roleRef"]["name"]) for binding in bindings}
        roles = [m for m in self.manifests if (m["kind"], m["metadata"]["name"]) in bound]
        return named(rules_of(role for role in roles if role["metadata"].get("namespace", namespace) == namespace))

    def _rules(self, user: str, namespace: str) -> set[str]:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        }
        answered = self.helm.kubectl("create", "-f", "-", "-o", "json", "--as", user, document=[review])
        (found,) = documents(answered)
        assert not found["status"]["incomplete"]
        return {f"{right} {right.rule.get('resourceNames', '')}" for right in rights(found["status"]["resourceRules"])}


def documents(text: str) -> Iterator[Any]:
    """The objects that kubectl has printed one after the other."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:]


def named(rules: Iterable[Mapping[str, Any]]) -> set[str]:
    """Rights in a form that tests can compare."""
    return {f"{right} {right.rule.get('resourceNames', '')}" for right in rights(rules)}


@pytest.fixture
def install(helm_binary: Path, empty_plane: ControlPlane, tmp_path: Path) -> Iterator[Any]:
    """Install the chart's rights in a cluster with two namespaces. If `watchNamespaces` is set, it is the first of them."""
    unique = uuid4().hex[:8]
    helm = Helm(helm_binary, tmp_path, f"system-{unique}", f"ingestion-operator-{unique}", empty_plane)
    watched, other = f"watched-{unique}", f"other-{unique}"
    for name in (helm.namespace, watched, other):
        helm.kubectl("create", "namespace", name)
    made: list[Manifest] = []

    def with_values(*, watch: bool, **values: Any) -> Account:
        given = {**values, "watchNamespaces": [watched] if watch else []}
        rendered = [m for kind in RBAC_KINDS for m in of_kind(helm.template(given), kind)]
        # The roles for users are bound to nobody.
        made.extend(m for m in rendered if "aggregationRule" not in m)
        helm.kubectl("apply", "-f", "-", document=made)
        return Account(helm, tuple(made), watched, other)

    yield with_values
    helm.kubectl("delete", "-f", "-", document=made)


def test_it_has_the_same_rights_in_every_namespace_and_no_others(install: Any) -> None:
    account = install(watch=False)
    home = account.helm.namespace
    asked = IN_A_NAMESPACE_WITH_PIPELINES + AT_HOME + OF_ACCOUNTS + NEVER

    assert account.allowed(asked, home) == {*IN_A_NAMESPACE_WITH_PIPELINES, *AT_HOME, *OF_ACCOUNTS}
    assert account.rights(home) == account.given(home) == named(right.rule for right in RIGHTS)
    for namespace in (account.watched, account.other, "kube-system", EVERYWHERE):
        assert account.allowed(asked, namespace) == {*IN_A_NAMESPACE_WITH_PIPELINES, *OF_ACCOUNTS}
    assert account.rights(account.other) == account.given(account.other)


@pytest.mark.parametrize("values", [{}, {"clusterId": "c1"}], ids=["its id is kube-system's", "its id is given"])
def test_an_operator_of_some_namespaces_has_rights_in_these_and_nowhere_else(install: Any, values: Any) -> None:
    account = install(watch=True, **values)
    home = account.helm.namespace
    asked = IN_A_NAMESPACE_WITH_PIPELINES + AT_HOME + OF_ACCOUNTS + NEVER

    assert account.allowed(asked, account.watched) == {*IN_A_NAMESPACE_WITH_PIPELINES, *OF_ACCOUNTS}
    assert account.allowed(asked, home) == {*AT_HOME, *OF_ACCOUNTS}
    for namespace in (account.other, "kube-system", EVERYWHERE):
        assert account.allowed(asked, namespace) == set(OF_ACCOUNTS)
    for namespace in (account.watched, home, account.other):
        assert account.rights(namespace) == account.given(namespace)


@pytest.mark.parametrize("watch", [False, True])
def test_an_operator_without_accounts_has_no_right_to_them(install: Any, watch: bool) -> None:
    account = install(watch=watch, accounts={"enabled": False})
    assert account.allowed(OF_ACCOUNTS, EVERYWHERE) == set()


@pytest.mark.parametrize(
    ("values", "watch", "may"),
    [({}, False, True), ({}, True, True), ({"clusterId": "c1"}, False, False), ({"clusterId": "c1"}, True, False)],
)
def test_of_namespaces_it_reads_kube_system_if_it_has_no_other_id(
    install: Any, values: Any, watch: bool, may: bool
) -> None:
    account = install(watch=watch, **values)
    reading = ("get", CORE, "namespaces")

    assert account.allowed([reading], "kube-system", "kube-system") == ({reading} if may else set())
    assert account.allowed([reading], account.other, account.other) == set()
    assert account.allowed([reading], "default", "default") == set()
