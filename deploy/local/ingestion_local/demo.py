"""`make demo`: the main job on one machine. The demo verifies each step itself.

A real Kubernetes API server accepts an IngestionPipeline. The operator and the real Pulumi engine create it in an emulated
AWS. The function processes real documents. At the end nothing is left.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ingestion_local import toolchain
from ingestion_local.environment import ROOT, LocalEnvironment
from ingestion_local.narrator import Narrator
from ingestion_local.processes import LocalEnvironmentError

SAMPLE = ROOT / "samples" / "chunker"
NAMESPACE = "demo"
NAME = "chunker"
SETTINGS = {"INGESTION_WAITING_SECONDS": "5", "INGESTION_CLUSTER_ID": "demo"}
SHOWN_RECORDS = 2
# The demo changes how the sample's code treats text that is not UTF-8.
REPLACING, STRICT = 'errors="replace"', 'errors="strict"'
SHOWN_CHARACTERS = 150


class Demo:
    """The steps of the demo, in order."""

    def __init__(self, environment: LocalEnvironment, narrator: Narrator) -> None:
        self.environment = environment
        self.tell = narrator
        self.seconds: dict[str, float] = {}

    def run(self, *, keep: bool) -> None:
        """Run all steps. Raises LocalEnvironmentError at the first step whose result is wrong."""
        self.create()
        self.upload()
        self.look()
        self.change_code()
        self.fail()
        self.drift()
        if keep:
            self.leave_running()
        else:
            self.delete()
            self.figures()

    def create(self) -> None:
        """Apply the sample, and wait until it is ready."""
        self.tell.step("kubectl applies a pipeline")
        self.kubectl(f"create namespace {NAMESPACE}", show=False)
        began = time.monotonic()
        self.kubectl(f"apply -n {NAMESPACE} -f {(SAMPLE / 'pipeline.yaml').relative_to(ROOT)}")
        self.tell.watch("the pipeline's readiness", self.readiness)
        self.seconds["from kubectl apply to Ready"] = time.monotonic() - began
        made = self.status()["lastOperation"]
        self.tell.checked(f"{made['cliProcesses']} Pulumi processes created {made['changes']['create']} AWS resources")

    def upload(self) -> None:
        """Put the documents into the bucket, and wait until each one is processed."""
        self.tell.step("Documents arrive in the bucket, and the function splits them into training records")
        documents = list(_documents())
        outputs = self.outputs
        began = time.monotonic()
        for key, text in documents:
            self.s3.put_object(Bucket=outputs["bucketName"], Key=key, Body=text.encode())
        size = sum(len(text.encode()) for _, text in documents)
        self.tell.say(f"{len(documents)} documents, {size / 1e6:.1f} MB, uploaded to s3://{outputs['bucketName']}/raw/")
        self.tell.watch("the result of every document", lambda: self.results(len(documents)))
        self.seconds[f"from upload to results of {len(documents)} documents"] = time.monotonic() - began
        self.show_records(outputs["resultsBucket"])

    def show_records(self, bucket: str) -> None:
        """Show the first records and their number."""
        keys = self.result_keys()
        lines = self.s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read().decode().splitlines()
        total = len(lines) + sum(
            self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().count(b"\n") for key in keys[1:]
        )
        shown = "\n".join(_shorten(line) for line in lines[:SHOWN_RECORDS])
        self.tell.command(f"aws s3 cp s3://{bucket}/{keys[0]} - | head -{SHOWN_RECORDS}", shown)
        self.tell.checked(f"{total} records in {len(keys)} files under chunks/")

    def look(self) -> None:
        """Show what the user sees with kubectl."""
        self.tell.step("kubectl shows the pipeline")
        self.kubectl(f"get ipl -n {NAMESPACE}")
        described = self.kubectl(f"describe ipl {NAME} -n {NAMESPACE}", show=False)
        tail = described[described.index("Status:") :] if "Status:" in described else described
        self.tell.command(f"kubectl describe ipl {NAME} -n {NAMESPACE}", _without_resources(tail))

    def change_code(self) -> None:
        """Change the code in the ConfigMap. The operator updates only the function."""
        self.tell.step("The code changes, and the operator updates only the function")
        before = self.status()["code"]["sha256"]
        code = (SAMPLE / "chunker.py").read_text()
        changed = code.replace('"text": text}', '"text": text, "length": len(text)}').replace(REPLACING, STRICT)
        self.check(len(changed) > len(code), "the sample has the lines that the demo changes")
        began = time.monotonic()
        patch = json.dumps({"data": {"chunker.py": changed}})
        self.kubectl(f"patch configmap {NAME} -n {NAMESPACE} --type=merge -p {shlex.quote(patch)}", show=False)
        self.tell.command(
            f"kubectl edit configmap {NAME} -n {NAMESPACE}   # each record gets its length, and text that is not UTF-8 is refused"
        )
        self.tell.watch("the new code", lambda: self.new_code(before))
        self.seconds["from a change of the code to Ready"] = time.monotonic() - began
        last = self.status()["lastOperation"]
        changes = {key: value for key, value in last["changes"].items() if value}
        self.check(
            changes == {"update": 1, "same": 22}, f"{last['cliProcesses']} Pulumi process made these changes: {changes}"
        )
        self.s3.put_object(Bucket=self.outputs["bucketName"], Key="raw/again.txt", Body=b"a few words")
        record = json.loads(self.wait_result("chunks/raw/again.txt.jsonl"))
        self.check(record.get("length") == 11, "the new code processes a new document")

    def fail(self) -> None:
        """Upload a file that the function cannot read. Its event goes to the queue, and the next file is processed."""
        self.tell.step(
            "The function cannot read a file: its event waits in the dead-letter queue, and the other files are processed"
        )
        outputs = self.outputs
        self.s3.put_object(Bucket=outputs["bucketName"], Key="raw/broken.txt", Body=b"\xff\xfe no text")
        self.s3.put_object(Bucket=outputs["bucketName"], Key="raw/next.txt", Body=b"good text")
        self.wait_result("chunks/raw/next.txt.jsonl")
        self.tell.checked("the function processed the next file")
        record = self.tell.watch("the dead letter", self.dead_letter)
        url = outputs["deadLetterQueueUrl"]
        self.tell.command(f"aws sqs receive-message --queue-url {url}", json.dumps(_summary(record), indent=2))
        self.check(
            _summary(record)["key"] == "raw/broken.txt",
            "the queue keeps the event with the error and the number of runs",
        )
        self.check(
            self.condition("Ready")[1]["status"] == "True",
            "the pipeline stays Ready: a bad file does not fail the rollout",
        )

    def dead_letter(self) -> tuple[str, Any]:
        """The record in the dead-letter queue; None while the queue is empty."""
        answer = self.environment.emulator.client("sqs").receive_message(QueueUrl=self.outputs["deadLetterQueueUrl"])
        messages = answer.get("Messages", [])
        return "", json.loads(messages[0]["Body"]) if messages else None

    def drift(self) -> None:
        """Break something in AWS by hand. The operator repairs it."""
        self.tell.step("A person removes a permission in AWS by hand, and the operator restores it")
        function = self.outputs["functionName"]
        self.environment.emulator.client("lambda").remove_permission(FunctionName=function, StatementId="AllowRule")
        self.tell.command(f"aws lambda remove-permission --function-name {function} --statement-id AllowRule")
        annotation = "ingestion-operator.io/reconcile-requested-at=now"
        self.kubectl(f"annotate ipl {NAME} -n {NAMESPACE} {annotation}")
        self.tell.say(
            "(without the annotation, the next drift check finds the change: spec.reconcile.drift.intervalSeconds)"
        )
        self.tell.watch("the correction", self.corrected)
        self.s3.put_object(Bucket=self.outputs["bucketName"], Key="raw/after-drift.txt", Body=b"still here")
        self.wait_result("chunks/raw/after-drift.txt.jsonl")
        self.tell.checked("the function processes objects again")

    def delete(self) -> None:
        """Delete the pipeline. The operator deletes data only after the confirmation, and then nothing is left."""
        self.tell.step(
            "kubectl deletes the pipeline. The operator deletes data only after a confirmation, and then nothing is left"
        )
        outputs = self.outputs
        self.kubectl(f"delete ipl {NAME} -n {NAMESPACE} --wait=false")
        stalled = self.tell.watch("the operator's request for a confirmation", lambda: self.condition("Stalled"))
        self.check(stalled["reason"] == "BucketNotEmpty", "the operator asks before it deletes data")
        began = time.monotonic()
        buckets = f"{outputs['bucketName']},{outputs['resultsBucket']}"
        self.kubectl(f"annotate ipl {NAME} -n {NAMESPACE} ingestion-operator.io/confirm-purge={buckets}")
        self.tell.watch("the end of the deletion", lambda: ("", not self.get()))
        self.seconds["from the confirmation to gone"] = time.monotonic() - began
        self.kubectl(f"get ipl -n {NAMESPACE}")
        self.check(
            self.left_in_aws() == [], "AWS has no bucket, function, rule, role, queue or log group of the pipeline"
        )

    def figures(self) -> None:
        """Show how long the steps took."""
        self.tell.step("Durations and memory")
        for what, seconds in self.seconds.items():
            self.tell.say(f"{seconds:5.1f} s  {what}")
        megabytes = self.environment.operator.resident_bytes() / 1e6
        self.tell.say(f"{megabytes:5.0f} MB  memory of the operator")

    def leave_running(self) -> None:
        """Show how to go on by hand, and wait for Ctrl-C."""
        plane, emulator = self.environment.control_plane, self.environment.emulator
        variables = {"KUBECONFIG": str(plane.kubeconfig), **emulator.env()}
        self.tell.step("Everything keeps running. Try this in another terminal:")
        for name, value in variables.items():
            self.tell.say(f"export {name}={value}")
        self.tell.say(f"alias kubectl={plane.kubectl}")
        self.tell.say("kubectl get ipl -A -w")
        self.tell.say(f"aws s3 cp README.md s3://{self.outputs['bucketName']}/raw/readme.txt")
        self.tell.say(f"aws s3 ls --recursive s3://{self.outputs['resultsBucket']}/")
        self.tell.say(f"logs: {self.environment.directory}")
        self.tell.say("Ctrl-C stops everything.")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})

    def readiness(self) -> tuple[str, bool]:
        """The pipeline's line in `kubectl get ipl -w`, and whether it is ready."""
        status = self.status()
        ready: dict[str, Any] = next((c for c in status.get("conditions", []) if c["type"] == "Ready"), {})
        progress = (status.get("operation") or {}).get("progress", "")
        text = f"READY {ready.get('status', '-'):6} STATUS {ready.get('reason', '-'):12} PROGRESS {progress}"
        return text.rstrip(), ready.get("status") == "True" and "operation" not in status

    def new_code(self, before: str) -> tuple[str, bool]:
        """The same as `readiness`, but ready only with other code than before."""
        text, ready = self.readiness()
        return text, ready and self.status()["code"]["sha256"] != before

    def corrected(self) -> tuple[str, bool]:
        """What drifted, as soon as it is corrected."""
        drifted = (self.status().get("drift") or {}).get("resources") or []
        return (f"put back: {', '.join(drifted)}" if drifted else ""), bool(drifted)

    def condition(self, kind: str) -> tuple[str, Any]:
        """A condition; None while it is not there."""
        condition = next((c for c in self.status().get("conditions", []) if c["type"] == kind), None)
        return (f"{condition['reason']}: {condition['message']}" if condition else ""), condition

    def results(self, wanted: int) -> tuple[str, bool]:
        """The number of results, and whether all are there."""
        count = len(self.result_keys())
        return f"{count} of {wanted} processed", count >= wanted

    def result_keys(self) -> list[str]:
        """Keys of all results."""
        listed = self.s3.list_objects_v2(Bucket=self.outputs["resultsBucket"])
        return [item["Key"] for item in listed.get("Contents", [])]

    def wait_result(self, key: str) -> str:
        """Wait for one result, and return its text."""
        bucket = self.outputs["resultsBucket"]
        self.tell.watch(f"s3://{bucket}/{key}", lambda: ("", key in self.result_keys()))
        return str(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())

    def left_in_aws(self) -> list[str]:
        """The names of everything that the emulated account still has of the pipeline."""
        client = self.environment.emulator.client
        names = [b["Name"] for b in client("s3").list_buckets()["Buckets"]]
        names += [f["FunctionName"] for f in client("lambda").list_functions()["Functions"]]
        names += [r["Name"] for r in client("events").list_rules()["Rules"]]
        names += [r["RoleName"] for r in client("iam").list_roles()["Roles"]]
        names += client("sqs").list_queues().get("QueueUrls", [])
        names += [g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"]]
        return [name for name in names if NAME in name]

    def kubectl(self, line: str, *, show: bool = True) -> str:
        """Run kubectl, and show it as the user would have typed it."""
        output: str = self.environment.control_plane.run_kubectl(*shlex.split(line)).stdout
        if show:
            self.tell.command(f"kubectl {line}", output)
        return output

    def get(self) -> dict[str, Any]:
        """The pipeline; empty when it is gone."""
        text = self.kubectl(f"get ipl {NAME} -n {NAMESPACE} -o json --ignore-not-found", show=False)
        pipeline: dict[str, Any] = json.loads(text) if text.strip() else {}
        return pipeline

    def status(self) -> dict[str, Any]:
        """The pipeline's status."""
        status: dict[str, Any] = self.get().get("status") or {}
        return status

    @property
    def outputs(self) -> dict[str, str]:
        """The names of the AWS resources, from the status."""
        outputs: dict[str, str] = self.status()["outputs"]
        return outputs

    @property
    def s3(self) -> Any:
        """S3 of the emulator."""
        return self.environment.emulator.client("s3")

    def check(self, truth: bool, text: str) -> None:
        """Show that a statement is true. Raises LocalEnvironmentError if it is not."""
        if not truth:
            raise LocalEnvironmentError(f"this is not true: {text}")
        self.tell.checked(text)


def _documents() -> Iterator[tuple[str, str]]:
    """The sample's real documents. samples/chunker/documents.py says where they come from."""
    spec = importlib.util.spec_from_file_location("chunker_documents", SAMPLE / "documents.py")
    if spec is None or spec.loader is None:
        raise LocalEnvironmentError(f"{SAMPLE / 'documents.py'} is missing: run the demo from a checkout")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield from module.documents()


def _shorten(line: str) -> str:
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "…"


def _summary(record: dict[str, Any]) -> dict[str, Any]:
    """The parts of a failed run's record that a reader wants to know."""
    return {
        "key": record["requestPayload"]["detail"]["object"]["key"],
        "condition": record["requestContext"]["condition"],
        "runs": record["requestContext"]["approximateInvokeCount"],
        "error": f"{record['responsePayload']['errorType']}: {record['responsePayload']['errorMessage']}",
    }


def _without_resources(described: str) -> str:
    """`kubectl describe` without the long list of resources and the internals of the stack."""
    kept, skipping = [], False
    for line in described.splitlines():
        if line.startswith("  ") and not line.startswith("   "):
            skipping = line.split(":")[0].strip() in ("Resources", "Stack")
        elif not line.startswith(" "):
            skipping = False
        if not skipping:
            kept.append(line)
    return "\n".join(kept)


@click.command()
@click.option("--keep", is_flag=True, help="Keep everything running until Ctrl-C.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Directory for state and logs. The demo empties it first. Default: a directory in the tool cache.",
)
def main(*, keep: bool, directory: Path | None) -> None:
    """Run the main job on this machine, and show each step."""
    narrator = Narrator()
    directory = directory or toolchain.cache_directory() / "demo"
    shutil.rmtree(directory, ignore_errors=True)
    began = time.monotonic()
    narrator.console.print("[bold]ingestion operator: from kubectl apply to a processed object[/]")
    narrator.say(
        "real: Kubernetes API server, Pulumi engine, operator and function code. Emulated: AWS (MiniStack with IAM)"
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with LocalEnvironment(directory, settings=SETTINGS) as environment:
            narrator.say(f"control plane, emulator and operator started in {time.monotonic() - began:.1f} s")
            Demo(environment, narrator).run(keep=keep)
    except (LocalEnvironmentError, AssertionError, KeyError) as error:
        narrator.failed(f"{error}\nThe logs of every component are in {directory}")
        sys.exit(1)
    narrator.console.print(f"\n[bold green]done[/] in {time.monotonic() - began:.0f} s, and everything is stopped")


if __name__ == "__main__":
    main()
