"""The operator as the chart installs it: a pod under the restricted Pod Security Standard, with its state on a volume."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ingestion_local.chart import CHART, run_helm
from ingestion_local.cluster.ports import PodCluster
from ingestion_local.environment import SERVICE_ACCOUNT, SYSTEM_NAMESPACE
from ingestion_local.processes import LocalEnvironmentError, wait_until

READY_TIMEOUT_SECONDS = 120.0
# Each look is a process of kubectl. Without a pause they take half a core from the pod that they wait for.
LOOK_SECONDS = 0.25
AUTHORITY_DIRECTORY = "/etc/aws-authority"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
RESTRICTED = "pod-security.kubernetes.io/enforce"
# Settings that have their own values in the chart.
OWN_VALUES = {"INGESTION_CLUSTER_ID": "clusterId"}

# Prints the answer of a URL, even if it is an HTTP error.
ASK = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as refusal:
    answer = refusal
sys.stdout.buffer.write(answer.read())
"""

Manifest = dict[str, Any]


class OperatorPod:
    """One release of the chart. It has the same methods as an operator that is a process of this machine.

    `aws`: the operator's environment for AWS. `settings`: INGESTION_* of the operator. `values`: values that override the
    chart's own. Each `start` reads all of them.
    """

    def __init__(
        self,
        cluster: PodCluster,
        directory: Path,
        *,
        aws: Mapping[str, str],
        settings: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        release: str = SERVICE_ACCOUNT,
        namespace: str = SYSTEM_NAMESPACE,
    ) -> None:
        self.cluster = cluster
        self.directory = directory
        self.release = release
        self.namespace = namespace
        self.settings = dict(settings or {})
        self.values: Manifest = dict(values or {})
        self.chart = CHART
        self._aws = dict(aws)
        self._prepared = False
        self._ended: set[str] = set()
        self._log = ""

    def state_files(self) -> Mapping[str, bytes]:
        """The content of each file of its state, by its path on the volume. This also works while no pod has the volume mounted."""
        claim = json.loads(self._kubectl("get", "pvc", f"{self.release}-state", "-o", "json"))
        volume = json.loads(self._kubectl("get", "pv", claim["spec"]["volumeName"], "-o", "json"))["spec"]
        return self.cluster.node.files((volume.get("local") or volume["hostPath"])["path"])

    def start(self) -> None:
        """Install or upgrade it, and wait until it is ready. Raises LocalEnvironmentError with the state of its pod."""
        self.upgrade()
        self._scale(1)
        self.wait_ready()

    def upgrade(self) -> None:
        """Let helm install it, or upgrade it to the present values and chart. This does not wait for the pod."""
        if not self._prepared:
            self._prepare()
        values = self.directory / "values.json"
        values.write_text(json.dumps(self._values(), indent=2))
        self.helm("upgrade", self.release, str(self.chart), "--install", "--values", str(values))

    def stop(self) -> None:
        """End its pod in an orderly way, and wait for that."""
        self._log = self.output()
        (self.directory / "operator.log").write_text(self._log)
        self._scale(0)
        _wait("the end of the operator's pod", lambda: not self.pods())

    def kill(self) -> None:
        """End its process at once with SIGKILL, as an out-of-memory kill would. The kubelet starts it again."""
        before = self.container_id()
        self._ended.add(before)
        self.cluster.node.send(signal.SIGKILL, self.pids())
        _wait("the end of the container", lambda: self.container_id() != before)

    def freeze(self) -> None:
        """Suspend its process (SIGSTOP), so that it does not answer any more."""
        self.cluster.node.send(signal.SIGSTOP, self.pids())

    def tear_away(self) -> None:
        """Kill its process and delete its pod by force, as when a node is lost. Nothing shuts down in order, and a new pod starts."""
        (pod,) = self.pods()
        self._ended.add(self.container_id())
        self.cluster.node.send(signal.SIGKILL, self.cluster.node.pids_in_container(self.pids()[0]))
        self._kubectl("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0")

    def wait_ready(self) -> None:
        """Wait until a new container is ready, which this object has not ended.

        Raises LocalEnvironmentError with the state of its pod.
        """
        try:
            _wait("the operator's readiness", self._ready)
        except LocalEnvironmentError as error:
            raise LocalEnvironmentError(f"{error}\n{self._described()}") from error

    def output(self) -> str:
        """Its log, with the logs of its earlier pods and containers as far as they still exist."""
        now = self._kubectl("logs", f"deployment/{self.release}", "--tail=-1", check=False)
        before = self._kubectl("logs", f"deployment/{self.release}", "--tail=-1", "--previous", check=False)
        return self._log + before + now

    def metrics(self) -> str:
        """Its metrics, as Prometheus reads them."""
        return self._ask("metrics")

    def readiness(self) -> str:
        """The answer of its readiness probe."""
        return self._ask("readyz")

    def exec(self, *command: str) -> str:
        """Run a command in its container, as an administrator would, and return what it prints."""
        return self._kubectl("exec", f"deployment/{self.release}", "--", *command)

    def pids(self) -> list[int]:
        """The pids of the operator itself on the node."""
        return self.cluster.node.pids("/opt/ingestion-operator/bin/ingestion-operator", "run")

    def pods(self) -> list[Manifest]:
        """Its pods, whatever their state."""
        selector = f"app.kubernetes.io/instance={self.release},app.kubernetes.io/component=operator"
        listed = self._kubectl("get", "pods", "--selector", selector, "-o", "json")
        pods: list[Manifest] = json.loads(listed)["items"]
        return pods

    def container_id(self) -> str:
        """The id of the running container; empty when none runs."""
        for pod in self.pods():
            for status in pod.get("status", {}).get("containerStatuses") or []:
                if "running" in status.get("state", {}):
                    return str(status["containerID"])
        return ""

    def helm(self, *arguments: str) -> str:
        """Run helm in the release's namespace, and return what it prints."""
        return run_helm(
            self.cluster.tools["helm"],
            *arguments,
            "--namespace",
            self.namespace,
            directory=self.directory,
            kubeconfig=self.cluster.control_plane.kubeconfig,
        )

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.cluster.volume(f"{self.namespace}-{self.release}")
        authority = Path(self._aws["AWS_CA_BUNDLE"]).read_text()
        self.cluster.control_plane.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": self.namespace, "labels": {RESTRICTED: "restricted"}},
            },
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "aws-credentials", "namespace": self.namespace},
                "stringData": {name: self._aws[name] for name in CREDENTIALS},
            },
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "aws-authority", "namespace": self.namespace},
                "data": {"ca.crt": authority},
            },
        )
        self._prepared = True

    def _values(self) -> Manifest:
        aws = {name: value for name, value in self._aws.items() if name not in CREDENTIALS}
        aws |= {
            "AWS_ENDPOINT_URL": self.cluster.aws_endpoint,
            "AWS_CA_BUNDLE": f"{AUTHORITY_DIRECTORY}/ca.crt",
            # In Go, only the AWS SDK knows AWS_CA_BUNDLE. Other requests need SSL_CERT_FILE.
            "SSL_CERT_FILE": f"{AUTHORITY_DIRECTORY}/ca.crt",
        }
        own = {OWN_VALUES[name]: value for name, value in self.settings.items() if name in OWN_VALUES}
        return {
            **self.cluster.values,
            "settings": {"s3PathStyle": True, **_settings(self.settings)},
            "extraEnv": [{"name": name, "value": value} for name, value in aws.items()],
            "extraEnvFrom": [{"secretRef": {"name": "aws-credentials"}}],
            "extraVolumes": [{"name": "aws-authority", "configMap": {"name": "aws-authority"}}],
            "extraVolumeMounts": [{"name": "aws-authority", "mountPath": AUTHORITY_DIRECTORY, "readOnly": True}],
            **own,
            **self.values,
            "probes": {
                "startup": {"periodSeconds": 1},
                "readiness": {"periodSeconds": 1},
                **self.values.get("probes", {}),
            },
        }

    def _ask(self, path: str) -> str:
        """Ask its port for metrics from inside its own container, because not every machine can reach its pods."""
        return self.exec("python", "-c", ASK, f"http://127.0.0.1:9090/{path}")

    def _scale(self, replicas: int) -> None:
        self._kubectl("scale", f"deployment/{self.release}", f"--replicas={replicas}")

    def _ready(self) -> bool:
        """Whether the Deployment's present pod is ready, in a container that this object has not ended."""
        deployment = json.loads(self._kubectl("get", "deployment", self.release, "-o", "json"))
        status = deployment.get("status", {})
        current = status.get("observedGeneration") == deployment["metadata"]["generation"]
        up = status.get("updatedReplicas") == 1 and status.get("readyReplicas") == 1 and status.get("replicas") == 1
        return bool(current and up and len(self.pods()) == 1 and self.container_id() not in {"", *self._ended})

    def _described(self) -> str:
        events = self._kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)
        return f"{self._kubectl('describe', 'pods', check=False)}\n{events}\n{self.output()}"

    def _kubectl(self, *arguments: str, check: bool = True) -> str:
        return self.cluster.control_plane.run_kubectl("--namespace", self.namespace, *arguments, check=check).stdout


def _wait(what: str, check: Callable[[], bool]) -> None:
    wait_until(what, check, timeout_seconds=READY_TIMEOUT_SECONDS, interval_seconds=LOOK_SECONDS)


def _settings(settings: Mapping[str, str]) -> Manifest:
    """The operator's environment as the chart's `settings`: INGESTION_RETRY_CAP_SECONDS becomes retryCapSeconds."""
    return {_camel(name): _typed(value) for name, value in settings.items() if name not in OWN_VALUES}


def _camel(name: str) -> str:
    first, *others = name.removeprefix("INGESTION_").lower().split("_")
    return first + "".join(word.title() for word in others)


def _typed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
