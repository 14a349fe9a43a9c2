"""What a user does and sees: kubectl on one side, S3 on the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from uuid import uuid4

from cluster_reader import ClusterReader
from ingestion_local.emulator import EmulatedAws, local_environment
from ingestion_local.kubectl import Kubectl
from ingestion_local.processes import wait_until

TIMEOUT_SECONDS = 60.0

COPY = """
import os, boto3
s3 = boto3.client("s3")
def handler(event, context):
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=os.environ["RESULTS_BUCKET"], Key=os.environ["RESULTS_PREFIX"] + key,
                  Body=os.environ.get("MARK", "").encode() + body)
"""


class Operator(Protocol):
    """What a test does with the operator, whether it is a process or a pod."""

    settings: dict[str, str]

    def state_files(self) -> Mapping[str, bytes]:
        """What each file of its state says, by the path there."""

    def start(self) -> None:
        """Start it, with the settings as they are now, and wait until it answers."""

    def stop(self) -> None:
        """Have it end in order."""

    def kill(self) -> None:
        """End it at once. Follow with `start`."""

    def metrics(self) -> str:
        """What it answers Prometheus."""

    def output(self) -> str:
        """Its log."""

    def readiness(self) -> str:
        """What the readiness probe answers."""


@dataclass
class World:
    """One test's view of the cluster and of AWS."""

    control_plane: Kubectl
    emulator: EmulatedAws
    operator: Operator
    namespaces: list[str] = field(default_factory=list)
    trails: list[str] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return self.namespaces[0]

    @cached_property
    def reader(self) -> ClusterReader:
        """What a test reads again and again; what a user does goes through kubectl."""
        return ClusterReader(self.control_plane.kubeconfig)

    @property
    def s3(self) -> Any:
        return self.emulator.client("s3")

    def new_namespace(self, about: str) -> str:
        readable = re.sub(r"[^a-z0-9]+", "-", about.lower().removeprefix("test_")).strip("-")[:30].strip("-")
        # What is unique comes first: names in AWS are cut off at the end.
        name = f"t{uuid4().hex[:6]}-{readable}"
        self.control_plane.run_kubectl("create", "namespace", name)
        self.namespaces.append(name)
        return name

    def apply(self, name: str, spec: dict[str, Any], namespace: str = "", **metadata: Any) -> None:
        manifest = {
            "apiVersion": "ingestion-operator.io/v1alpha1",
            "kind": "IngestionPipeline",
            "metadata": {"name": name, "namespace": namespace or self.namespace, **metadata},
            "spec": spec,
        }
        self.control_plane.run_kubectl("apply", "-f", "-", input=json.dumps(manifest))

    def apply_config_map(self, name: str, data: dict[str, str]) -> None:
        self._apply_data("ConfigMap", name, data=data)

    def apply_secret(self, name: str, data: dict[str, str]) -> None:
        self._apply_data("Secret", name, stringData=data)

    def _apply_data(self, kind: str, name: str, **content: Any) -> None:
        manifest = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            **content,
        }
        self.control_plane.run_kubectl("apply", "-f", "-", input=json.dumps(manifest))

    def patch(self, name: str, patch: dict[str, Any], namespace: str = "") -> None:
        self.control_plane.run_kubectl(
            "patch", "ipl", name, "-n", namespace or self.namespace, "--type=merge", "-p", json.dumps(patch)
        )

    def patch_status(self, name: str, status: dict[str, Any]) -> None:
        self.control_plane.run_kubectl(
            "patch", "ipl", name, "-n", self.namespace, "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": status}),
        )  # fmt: skip

    def annotate(self, name: str, key: str, value: str) -> None:
        self.control_plane.run_kubectl(
            "annotate",
            "ipl",
            name,
            "-n",
            self.namespace,
            "--overwrite",
            f"ingestion-operator.io/{key}={value}",
        )

    def delete(self, name: str, namespace: str = "") -> None:
        """Ask for the deletion, without waiting for it."""
        self.control_plane.run_kubectl("delete", "ipl", name, "-n", namespace or self.namespace, "--wait=false")

    def get(self, name: str, namespace: str = "") -> dict[str, Any] | None:
        return self.reader.pipeline(name, namespace or self.namespace)

    def status(self, name: str, namespace: str = "") -> dict[str, Any]:
        found: dict[str, Any] = (self.get(name, namespace) or {}).get("status") or {}
        return found

    def condition(self, name: str, kind: str, namespace: str = "") -> dict[str, Any]:
        conditions = self.status(name, namespace).get("conditions") or []
        return next((c for c in conditions if c["type"] == kind), {})

    def wait(self, what: str, check: Callable[[], Any], timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
        return wait_until(what, check, timeout_seconds=timeout_seconds, interval_seconds=0.1)

    def wait_ready(self, name: str, namespace: str = "") -> dict[str, Any]:
        """Wait until the current generation is ready and nothing is under way; returns the status."""

        def ready() -> dict[str, Any] | None:
            found = self.get(name, namespace) or {}
            status: dict[str, Any] = found.get("status") or {}
            current: dict[str, Any] = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), {})
            generation = found.get("metadata", {}).get("generation")
            done = current.get("status") == "True" and current.get("observedGeneration") == generation
            return status if done and "operation" not in status else None

        try:
            found: dict[str, Any] = self.wait(f"{name} ready", ready)
        except Exception as error:
            raise AssertionError(f"{error}\n{json.dumps(self.get(name, namespace), indent=1)}") from error
        return found

    def wait_condition(self, name: str, kind: str, reason: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            found = self.condition(name, kind)
            return found if found.get("reason") == reason else None

        found: dict[str, Any] = self.wait(f"{kind}/{reason} of {name}", there)
        return found

    def wait_gone(self, name: str, namespace: str = "") -> None:
        self.wait(f"{name} to be gone", lambda: self.get(name, namespace) is None)

    def event_reasons(self) -> list[str]:
        return self.reader.event_reasons(self.namespace)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def read(self, bucket: str, key: str) -> bytes | None:
        try:
            body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None
        return body

    def wait_result(self, bucket: str, key: str) -> bytes:
        found: bytes = self.wait(f"s3://{bucket}/{key}", lambda: self.read(bucket, key))
        return found

    def process(self, name: str, key: str = "raw/probe.txt", body: bytes = b"hello") -> bytes:
        """Put an object into the pipeline and return what comes out."""
        outputs = self.status(name)["outputs"]
        self.put(outputs["bucketName"], key, body)
        return self.wait_result(outputs["resultsBucket"], outputs["resultsPrefix"] + key)

    def user_environment(self) -> dict[str, str]:
        """The environment of a user's own process."""
        return local_environment() | self.emulator.env()

    def bucket(self, about: str) -> str:
        """A bucket of somebody else's, made now."""
        name = f"{about}-{self.namespace}"[:63].rstrip("-")
        self.s3.create_bucket(Bucket=name)
        return name

    def trail(self, name: str) -> str:
        """A trail of somebody else's that logs, but no data events; returns its ARN. It goes with the test."""
        log = self.bucket("log")
        service = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
        write = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {**service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{log}"},
                {**service, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{log}/AWSLogs/*", "Condition": write},
            ],
        }
        self.s3.put_bucket_policy(Bucket=log, Policy=json.dumps(document))
        client = self.emulator.client("cloudtrail")
        arn: str = client.create_trail(Name=name, S3BucketName=log)["TrailARN"]
        self.trails.append(arn)
        client.start_logging(Name=arn)
        return arn

    def record_every_write(self, trail: str) -> None:
        """Have a trail record each write to each bucket."""
        every = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}
        selectors = [{"ReadWriteType": "WriteOnly", "DataResources": [every]}]
        self.emulator.client("cloudtrail").put_event_selectors(TrailName=trail, EventSelectors=selectors)

    def messages(self, name: str) -> list[dict[str, Any]]:
        """What is in the pipeline's dead-letter queue; it stays there."""
        answer = self.emulator.client("sqs").receive_message(
            QueueUrl=self.status(name)["outputs"]["deadLetterQueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def function(self, name: str) -> dict[str, Any]:
        """The function's configuration as Lambda has it."""
        function = self.status(name)["outputs"]["functionName"]
        found: dict[str, Any] = self.emulator.client("lambda").get_function_configuration(FunctionName=function)
        return found

    def bucket_exists(self, bucket: str) -> bool:
        return any(b["Name"] == bucket for b in self.s3.list_buckets()["Buckets"])

    def compute_left(self, namespace: str = "") -> list[str]:
        """Functions, rules, roles, log groups, queues and trails of a namespace that are in AWS."""
        prefix = (namespace or self.namespace)[:20]
        names = [f["FunctionName"] for f in self.listed("lambda", "list_functions", "Functions")]
        names += [r["Name"] for r in self.listed("events", "list_rules", "Rules")]
        names += [r["RoleName"] for r in self.listed("iam", "list_roles", "Roles")]
        groups = self.listed("logs", "describe_log_groups", "logGroups")
        names += [g["logGroupName"].removeprefix("/aws/lambda/") for g in groups]
        names += [url.rpartition("/")[2] for url in self.listed("sqs", "list_queues", "QueueUrls")]
        names += [t["Name"] for t in self.emulator.client("cloudtrail").describe_trails()["trailList"]]
        return [name for name in names if name.startswith(prefix)]

    def listed(self, service: str, call: str, what: str) -> list[Any]:
        """Everything that a listing has, on all of its pages."""
        pages = self.emulator.client(service).get_paginator(call).paginate()
        return [item for page in pages for item in page.get(what, [])]

    def clean_up(self) -> None:
        """Have what is left deleted, data included, while the next test begins: the operator fixture waits for the end of it."""
        for trail in self.trails:
            self.emulator.client("cloudtrail").delete_trail(Name=trail)
        for namespace in self.namespaces:
            listed = json.loads(self.control_plane.run_kubectl("get", "ipl", "-n", namespace, "-o", "json").stdout)
            for item in listed["items"]:
                self._delete_all(namespace, item["metadata"]["name"], item)

    def _delete_all(self, namespace: str, name: str, item: dict[str, Any]) -> None:
        stack = item.get("status", {}).get("workings") or {}
        stores = ",".join([*stack.get("dataBuckets", []), *stack.get("dataTables", [])])
        patch = {
            "metadata": {"annotations": {"ingestion-operator.io/confirm-purge": stores}},
            "spec": {"deletion": {"policy": "Delete"}},
        }
        self.patch(name, patch, namespace)
        self.delete(name, namespace)


def copying(**changes: Any) -> dict[str, Any]:
    """A spec that copies objects under raw/ to its results bucket."""
    spec: dict[str, Any] = {
        "source": {"filter": {"prefixes": ["raw/"], "suffixes": [".txt"]}},
        "processor": {"code": {"inline": COPY}},
        "results": {"bucket": {}},
    }
    return {**spec, **changes}
