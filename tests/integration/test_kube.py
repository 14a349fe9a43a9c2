"""The Kubernetes adapter against a real API server: each method keeps the contract of the port."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import yaml
from kubernetes import client

from builders import CODE
from ingestion_local.control_plane import ControlPlane
from ingestion_operator.adapters import kubernetes as kube
from ingestion_operator.adapters.kubernetes import KubernetesCluster, load_configuration
from ingestion_operator.errors import AccessDenied, UpdateFailed
from ingestion_operator.model.pipeline import PipelineKey, parse_record
from ingestion_operator.ports.pod import Pod
from ingestion_operator.reasons import Reason
from integration.http_server import always

VALUE = "s3cr3t-välue\nof two lines\n"


@pytest.fixture
def configured(control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    before = client.Configuration.get_default_copy()
    load_configuration()
    yield
    client.Configuration.set_default(before)


@pytest.fixture
def cluster(configured: None) -> KubernetesCluster:
    return KubernetesCluster("it")


class User:
    """A user with kubectl, in a namespace that only this test uses."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.namespace = f"kube-{uuid4().hex[:8]}"
        control_plane.run_kubectl("create", "namespace", self.namespace)

    def apply(self, kind: str, name: str, api: str = "v1", **fields: Any) -> None:
        document = {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **fields}
        self.control_plane.run_kubectl("-n", self.namespace, "apply", "-f", "-", input=json.dumps(document))

    def pipeline(self, name: str) -> PipelineKey:
        spec = {"processor": {"code": {"inline": CODE}}}
        self.apply("IngestionPipeline", name, "ingestion-operator.io/v1alpha1", spec=spec)
        return PipelineKey(self.namespace, name)

    def get(self, *words: str) -> Any:
        return json.loads(self.control_plane.run_kubectl("-n", self.namespace, "get", *words, "-o", "json").stdout)


@pytest.fixture
def user(control_plane: ControlPlane) -> User:
    return User(control_plane)


# Secrets and ConfigMaps.


def test_the_texts_of_a_secret_are_read_and_what_is_no_text_is_left_out(cluster: KubernetesCluster, user: User) -> None:
    data = {"binary": base64.b64encode(b"\xff\xfe\x00").decode(), "empty": ""}
    user.apply("Secret", "api", stringData={"token": VALUE, "url": "https://x"}, data=data)
    found = cluster.secret(user.namespace, "api")
    assert found is not None
    assert {key: sensitive.value for key, sensitive in found.items()} == {
        "token": VALUE,
        "url": "https://x",
        "empty": "",
    }


def test_a_secret_that_is_not_there_is_none_and_an_empty_one_has_no_entries(
    cluster: KubernetesCluster, user: User
) -> None:
    assert cluster.secret(user.namespace, "api") is None
    assert cluster.secret("no-such-namespace", "api") is None
    user.apply("Secret", "api")
    assert cluster.secret(user.namespace, "api") == {}


def test_the_version_moves_when_a_secret_is_changed_or_made_anew_and_never_tells_its_value(
    cluster: KubernetesCluster, user: User
) -> None:
    def version() -> str:
        found = cluster.secret(user.namespace, "api")
        assert found is not None
        assert VALUE not in repr(found)
        return found["token"].version

    user.apply("Secret", "api", stringData={"token": VALUE})
    versions = [version(), version()]
    assert versions[0] == versions[1]
    user.apply("Secret", "api", stringData={"token": f"{VALUE}!"})
    versions.append(version())
    user.control_plane.run_kubectl("-n", user.namespace, "delete", "secret", "api")
    user.apply("Secret", "api", stringData={"token": f"{VALUE}!"})
    versions.append(version())
    assert len(set(versions)) == 3
    assert all(VALUE not in one and base64.b64encode(VALUE.encode()).decode() not in one for one in versions)


def test_an_error_about_a_secret_shows_nothing_of_what_the_server_said(configured: None) -> None:
    with always(500, json.dumps({"data": VALUE})) as url:
        client.Configuration.set_default(client.Configuration(host=url))
        with pytest.raises(UpdateFailed) as failure:
            KubernetesCluster("it").secret("team-a", "api")
    assert str(failure.value) == "reading Secret team-a/api: 500 Internal Server Error"
    shown = "".join(traceback.format_exception(failure.value))
    assert VALUE not in shown
    assert json.dumps(VALUE) not in shown


def test_not_even_the_most_talkative_log_shows_a_secret(
    cluster: KubernetesCluster, user: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    user.apply("Secret", "api", stringData={"token": VALUE})
    assert cluster.secret(user.namespace, "api")
    assert cluster.config_map(user.namespace, "absent") is None
    for written in (VALUE, base64.b64encode(VALUE.encode()).decode(), VALUE.splitlines()[0]):
        assert written not in caplog.text


def test_the_texts_of_a_config_map_are_read(cluster: KubernetesCluster, user: User) -> None:
    assert cluster.config_map(user.namespace, "code") is None
    user.apply("ConfigMap", "code", data={"index.py": CODE}, binaryData={"x": "AAAA"})
    assert cluster.config_map(user.namespace, "code") == {"index.py": CODE}
    user.apply("ConfigMap", "none")
    assert cluster.config_map(user.namespace, "none") == {}


# Pipelines.


def names(found: Any, namespace: str) -> list[str]:
    return [b["metadata"]["name"] for b in found if b["metadata"]["namespace"] == namespace]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5])
def test_all_pipelines_are_listed_page_by_page_each_once(
    cluster: KubernetesCluster, user: User, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(kube, "PAGE", 2)
    for name in range(number):
        user.pipeline(f"p{name}")
    expected = [f"p{name}" for name in range(number)]
    assert names(KubernetesCluster("it", [user.namespace]).pipelines(), user.namespace) == expected
    assert names(cluster.pipelines(), user.namespace) == expected


def test_only_the_namespaces_that_are_watched_are_listed(
    configured: None, control_plane: ControlPlane, user: User
) -> None:
    other = User(control_plane)
    user.pipeline("mine")
    other.pipeline("theirs")
    assert [b["metadata"]["name"] for b in KubernetesCluster("it", [user.namespace]).pipelines()] == ["mine"]
    both = KubernetesCluster("it", [user.namespace, other.namespace, "no-such-namespace"]).pipelines()
    assert [b["metadata"]["name"] for b in both] == ["mine", "theirs"]


def test_a_pipeline_is_read_and_its_status_merged_and_one_that_is_gone_is_no_error(
    cluster: KubernetesCluster, user: User
) -> None:
    key = user.pipeline("words")
    absent = PipelineKey(user.namespace, "absent")
    assert cluster.pipeline(absent) is None
    cluster.patch_status(absent, {"observedGeneration": 1})
    for patch in ({"observedGeneration": 1}, {"workings": {"name": "s", "region": "r"}}, {"observedGeneration": None}):
        cluster.patch_status(key, patch)
    body = cluster.pipeline(key)
    assert body is not None
    assert "observedGeneration" not in body["status"]
    assert {k: body["status"]["workings"][k] for k in ("name", "region")} == {"name": "s", "region": "r"}
    assert body["spec"]["processor"]["code"] == {"inline": CODE}


@pytest.mark.parametrize(("warning", "kind"), [(False, "Normal"), (True, "Warning")])
def test_an_event_is_about_its_pipeline_and_not_longer_than_the_server_takes(
    cluster: KubernetesCluster, user: User, warning: bool, kind: str
) -> None:
    body = cluster.pipeline(user.pipeline("words"))
    assert body is not None
    cluster.announce(parse_record(body), Reason.UPDATED, "x" * 5000, warning=warning)
    (event,) = user.get("events")["items"]
    assert (event["reason"], event["type"], event["involvedObject"]["name"]) == ("Updated", kind, "words")
    assert event["involvedObject"]["uid"] == body["metadata"]["uid"]
    assert len(event["message"]) == kube.EVENT_MESSAGE_LIMIT


def test_a_pod_is_gone_when_it_is_not_there_has_ended_or_is_another_of_its_name(
    cluster: KubernetesCluster, user: User
) -> None:
    name = "operator-abc-1"
    user.apply("Pod", name, spec={"containers": [{"name": "operator", "image": "none"}]})
    pod = Pod(user.namespace, name, user.get("pod", name)["metadata"]["uid"])
    assert cluster.pod_exists(pod) is True
    assert cluster.pod_exists(Pod(user.namespace, name, "another-uid")) is False
    assert cluster.pod_exists(Pod(user.namespace, "operator-abc-2", pod.uid)) is False

    patch = json.dumps({"status": {"phase": "Failed"}})
    user.control_plane.run_kubectl(
        "-n", user.namespace, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch
    )
    assert cluster.pod_exists(pod) is False


def test_whether_a_pod_exists_is_unknown_where_it_cannot_be_looked_up(
    configured: None, control_plane: ControlPlane, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = yaml.safe_load(control_plane.kubeconfig.read_text())
    nobody["users"] = [{"name": "admin", "user": {}}]
    away = yaml.safe_load(control_plane.kubeconfig.read_text())
    for entry in away["clusters"]:
        entry["cluster"]["server"] = "https://127.0.0.1:1"
    for document in (nobody, away):
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        load_configuration()
        assert KubernetesCluster().pod_exists(Pod("default", "no-such-pod", "uid")) is None


def test_the_id_of_the_cluster_is_as_configured_or_always_the_same(configured: None) -> None:
    assert KubernetesCluster("it").cluster_id() == "it"
    found = KubernetesCluster().cluster_id()
    assert len(found) == kube.CLUSTER_ID_LENGTH
    assert KubernetesCluster().cluster_id() == found


# AWSAccounts.


@pytest.fixture
def account(user: User) -> Iterator[str]:
    spec = {"roleArn": "arn:aws:iam::210987654321:role/ingestion"}
    user.apply("AWSAccount", user.namespace, "ingestion-operator.io/v1alpha1", spec=spec)
    yield user.namespace
    user.control_plane.run_kubectl("delete", "awsaccount", user.namespace, "--ignore-not-found")


def test_an_account_is_read_listed_and_its_status_written(cluster: KubernetesCluster, account: str) -> None:
    cluster.patch_account_status(account, {"pipelines": 3})
    found = cluster.account(account)
    assert found is not None
    assert (found["metadata"]["name"], found["status"]["pipelines"]) == (account, 3)
    assert account in [body["metadata"]["name"] for body in cluster.accounts()]


def test_an_account_that_is_gone_is_none_and_its_status_need_not_be_written(cluster: KubernetesCluster) -> None:
    assert cluster.account("no-such-account") is None
    cluster.patch_account_status("no-such-account", {"pipelines": 3})


def test_an_operator_that_is_to_know_of_no_account_asks_for_none(configured: None, account: str) -> None:
    ignorant = KubernetesCluster("it", accounts=False)
    assert ignorant.accounts() == ()
    with pytest.raises(AccessDenied, match=r"accounts\.enabled"):
        ignorant.account(account)


def test_a_cluster_without_the_kind_has_no_accounts(configured: None) -> None:
    with always(404, "404 page not found") as url:
        client.Configuration.set_default(client.Configuration(host=url))
        assert KubernetesCluster("it").accounts() == ()


# A server that does not answer.

KEY = PipelineKey("team-a", "words")
IDENTITY = parse_record({"metadata": {"namespace": "team-a", "name": "words", "uid": "u"}})
CALLS: dict[str, Callable[[KubernetesCluster], object]] = {
    "cluster_id": lambda cluster: cluster.cluster_id(),
    "pipeline": lambda cluster: cluster.pipeline(KEY),
    "pipelines": lambda cluster: cluster.pipelines(),
    "patch_status": lambda cluster: cluster.patch_status(KEY, {"a": 1}),
    "config_map": lambda cluster: cluster.config_map("team-a", "code"),
    "secret": lambda cluster: cluster.secret("team-a", "api"),
    "account": lambda cluster: cluster.account("search"),
    "accounts": lambda cluster: cluster.accounts(),
    "patch_account_status": lambda cluster: cluster.patch_account_status("search", {"pipelines": 1}),
    "announce": lambda cluster: cluster.announce(IDENTITY, Reason.CREATED, "x"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_server_that_does_not_answer_is_asked_again_later(
    configured: None, control_plane: ControlPlane, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, call: Any
) -> None:
    document = yaml.safe_load(control_plane.kubeconfig.read_text())
    for entry in document["clusters"]:
        entry["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    load_configuration()
    with pytest.raises(UpdateFailed):
        call(KubernetesCluster())
