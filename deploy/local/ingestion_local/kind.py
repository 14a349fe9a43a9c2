"""A kind cluster with an emulated AWS and the operator, which the chart installs.

    python -m ingestion_local.kind up UV [--name NAME] [--image IMAGE] [--node-image IMAGE] [-- build arguments]
    python -m ingestion_local.kind down [--name NAME]

This needs docker or podman. deploy/kind describes the cluster. The cluster runs the operator's own image with one more layer:
the stand-in for the AWS plugin. The words after `--` go to the engine when it builds the operator's image.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from ingestion_local import toolchain
from ingestion_local.certificates import make_certificate
from ingestion_local.chart import CHART
from ingestion_local.commands import Commands
from ingestion_local.emulator import ACCOUNT_ID, REGION
from ingestion_local.environment import ROOT, SERVICE_ACCOUNT, SYSTEM_NAMESPACE
from ingestion_local.image import ContainerEngine, argument_words
from ingestion_local.processes import LocalEnvironmentError
from ingestion_operator import __version__
from ingestion_operator.offline.operator_policy import Reach, operator_policies

FOLDER = ROOT / "deploy" / "kind"
ENGINES = ("docker", "podman")
NAME = "ingestion"
# kind's release names this image (its pkg/apis/config/defaults). It is nearest to the local environment's Kubernetes.
NODE_IMAGE = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
# The name has a registry that does not exist, so docker, podman and the nodes mean the same image.
IMAGE = f"localhost/ingestion-operator:{__version__}"
OPERATOR_REPOSITORY = "localhost/ingestion-operator-with-stand-in"
EMULATOR_REPOSITORY = "localhost/ingestion-aws-emulator"
STAGES: Mapping[str, str] = {"operator": OPERATOR_REPOSITORY, "emulator": EMULATOR_REPOSITORY}
EMULATOR_NAMESPACE = "aws"
# The emulator's addresses besides loopback: the Service in emulator.yaml.
ADDRESSES = ("198.18.0.43",)
HOST_ENDPOINT = "https://127.0.0.1:30443"
TAG_LENGTH = 12
EXPORT = ("export", "--frozen", "--no-dev", "--extra", "local", "--no-emit-project", "--no-hashes", "--quiet")

Say = Callable[[str], None]
Manifest = dict[str, Any]


def find_engine() -> ContainerEngine:
    """Docker or podman, whichever answers. Raises LocalEnvironmentError with the reason for each of them."""
    why = []
    for name in ENGINES:
        if shutil.which(name) is None:
            why.append(f"there is no `{name}` on PATH")
            continue
        asked = subprocess.run([name, "info"], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return ContainerEngine(name)
        why.append(f"`{name} info` says: {(asked.stderr or asked.stdout).strip()}")
    raise LocalEnvironmentError(
        f"a kind cluster needs docker or podman: {'; '.join(why)}. Install and start one of them; "
        "`make playground` and `make demo` need neither"
    )


@dataclass(frozen=True)
class KindInstallation:
    """One kind cluster, by its name, and everything that is installed in it. The user's own kubeconfig stays unchanged."""

    engine: ContainerEngine
    tools: Mapping[str, Path]
    say: Say
    name: str = NAME
    config: Path = FOLDER / "cluster.yaml"

    @property
    def directory(self) -> Path:
        """The directory of the kubeconfig and the emulator's certificate."""
        return toolchain.cache_directory() / "kind" / self.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.directory / "kubeconfig"

    @property
    def certificate(self) -> Path:
        """The emulator's certificate, which is its own authority."""
        return self.directory / "tls.crt"

    def up(self, uv: str, image: str, node_image: str, build_arguments: Sequence[str]) -> None:
        """Create the cluster unless it exists, build the images, and install them and the chart."""
        self.create(node_image)
        tags = self.build(uv, image, build_arguments)
        self.load([f"{STAGES[stage]}:{tag}" for stage, tag in tags.items()])
        self.start_emulator(tags["emulator"])
        self.install(tags["operator"])

    def down(self) -> None:
        """Delete the cluster and its files on this machine. Deleting an absent cluster succeeds."""
        self.say(f"deleting the cluster {self.name}")
        self._kind("delete", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig))
        shutil.rmtree(self.directory, ignore_errors=True)

    def export_logs(self, directory: Path) -> None:
        """Write the logs of the cluster's nodes and pods to a directory."""
        self._kind("export", "logs", str(directory), "--name", self.name)

    def create(self, node_image: str) -> None:
        """Create the cluster that `config` describes, unless a cluster has the name already."""
        if self.name in self._kind("get", "clusters", "--quiet", captured=True).split():
            self.say(f"the cluster {self.name} exists already")
        else:
            self.say(f"creating the cluster {self.name} from {node_image}")
            shutil.rmtree(self.directory, ignore_errors=True)
            config = ("--config", str(self.config), "--image", node_image)
            where = ("--kubeconfig", str(self.kubeconfig), "--wait", "3m")
            self._kind("create", "cluster", "--name", self.name, *config, *where)
        if not self.certificate.exists():
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_certificate(self.certificate, self._key, ADDRESSES)

    def build(self, uv: str, image: str, arguments: Sequence[str]) -> dict[str, str]:
        """Build the operator's image and the test images on it. Returns the tag of each stage, which depends on its content."""
        self.say(f"building {image}")
        self.engine.build(image, arguments)
        with tempfile.TemporaryDirectory() as folder:
            self._assemble(Path(folder), uv)
            return {stage: self._build_stage(stage, image, folder) for stage in STAGES}

    def load(self, images: Sequence[str]) -> None:
        """Copy images into the cluster's nodes."""
        self.say(f"loading {', '.join(images)}")
        with tempfile.TemporaryDirectory() as folder:
            archive = str(Path(folder, "images.tar"))
            several = ("--multi-image-archive",) if self.engine.name == "podman" else ()
            self._run(self.engine.name, "save", *several, "--output", archive, *images)
            self._kind("load", "image-archive", archive, "--name", self.name)

    def start_emulator(self, tag: str) -> None:
        """Start the emulator with a certificate for its addresses."""
        self.say("starting the emulated AWS")
        self._apply([restricted_namespace(EMULATOR_NAMESPACE), self._tls_secret()])
        text = (FOLDER / "emulator.yaml").read_text()
        image = f"image: {EMULATOR_REPOSITORY}"
        self._kubectl("apply", "--filename", "-", text=text.replace(image, f"{image}:{tag}"))
        self._kubectl("--namespace", EMULATOR_NAMESPACE, "rollout", "status", "deployment/aws", "--timeout=3m")

    def install(self, tag: str) -> None:
        """Install the chart. The operator has its own user in the emulated IAM."""
        self.say("installing the chart")
        user = f"{SERVICE_ACCOUNT}-{uuid4().hex[:8]}"
        self._apply([restricted_namespace(SYSTEM_NAMESPACE), self._credentials(user), self._authority()])
        release = ("upgrade", "--install", SERVICE_ACCOUNT, str(CHART), "--namespace", SYSTEM_NAMESPACE)
        # A pod reads the keys only when it starts. The new user's name makes Kubernetes replace the pod.
        changing = ("--set-string", f"image.tag={tag}", "--set-string", f"podAnnotations.aws-user={user}")
        values = ("--values", str(FOLDER / "values.yaml"), *changing)
        wait = ("--kubeconfig", str(self.kubeconfig), "--wait", "--timeout", "3m")
        self._run(str(self.tools["helm"]), *release, *values, *wait)

    def hints(self) -> str:
        """The commands that a user needs next."""
        return "\n".join(
            (
                f"export KUBECONFIG={self.kubeconfig}",
                f"export AWS_ENDPOINT_URL={HOST_ENDPOINT} AWS_CA_BUNDLE={self.certificate}",
                f"export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION={REGION}",
                f"# kubectl in the version of the tests: {self.tools['kubectl']}",
                "# kubectl apply -f samples/chunker/pipeline.yaml",
                "# make kind-down",
            )
        )

    @property
    def _key(self) -> Path:
        return self.certificate.with_suffix(".key")

    def _assemble(self, folder: Path, uv: str) -> None:
        """Make the build context of deploy/kind/Dockerfile. The repository's own context lacks the local environment."""
        for name in ("Dockerfile", "pulumi-resource-aws"):
            shutil.copy2(FOLDER / name, folder / name)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(__file__).parent, folder / "ingestion_local", ignore=ignore)
        (folder / "constraints.txt").write_text(self._run(uv, *EXPORT, captured=True, cwd=ROOT))

    def _build_stage(self, stage: str, image: str, folder: str) -> str:
        self.say(f"building {STAGES[stage]}")
        built = f"{STAGES[stage]}:latest-build"
        given = argument_words({"OPERATOR_IMAGE": image, "AWS_PLUGIN_VERSION": version("pulumi-aws")})
        self._run(self.engine.name, "build", "--target", stage, "--tag", built, *given, folder)
        image_id = self._run(self.engine.name, "image", "inspect", "--format", "{{.Id}}", built, captured=True)
        # The tag changes with the content. So Kubernetes replaces pods if, and only if, their image changed.
        tag = image_id.strip().removeprefix("sha256:")[:TAG_LENGTH]
        self._run(self.engine.name, "tag", built, f"{STAGES[stage]}:{tag}")
        return tag

    def _credentials(self, user: str) -> Manifest:
        """A Secret with the keys of a new user, who has the operator's policy."""
        policies = operator_policies(Reach(ACCOUNT_ID, (REGION,)))
        command = ("exec", "--stdin", "deployment/aws", "--", "python", "-m", "ingestion_local.emulator_user", user)
        answer = self._kubectl("--namespace", EMULATOR_NAMESPACE, *command, text=json.dumps(policies), captured=True)
        return _object("Secret", "aws-credentials", SYSTEM_NAMESPACE, stringData=json.loads(answer))

    def _authority(self) -> Manifest:
        data = {"tls.crt": self.certificate.read_text()}
        return _object("ConfigMap", "aws-authority", SYSTEM_NAMESPACE, data=data)

    def _tls_secret(self) -> Manifest:
        data = {"tls.crt": self.certificate.read_text(), "tls.key": self._key.read_text()}
        return _object("Secret", "aws-tls", EMULATOR_NAMESPACE, type="kubernetes.io/tls", stringData=data)

    def _apply(self, objects: Sequence[Manifest]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        self._kubectl("apply", "--filename", "-", text=json.dumps(listed))

    def _kubectl(self, *arguments: str, text: str | None = None, captured: bool = False) -> str:
        command = (str(self.tools["kubectl"]), "--kubeconfig", str(self.kubeconfig), *arguments)
        return self._run(*command, text=text, captured=captured)

    def _kind(self, *arguments: str, captured: bool = False) -> str:
        # kind would try docker first, whichever engine answered.
        provider = {"KIND_EXPERIMENTAL_PROVIDER": self.engine.name}
        return self._run(str(self.tools["kind"]), *arguments, captured=captured, env=provider)

    def _run(
        self,
        *command: str,
        text: str | None = None,
        captured: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run a program. Its output goes to the terminal, or is returned if `captured`. Raises LocalEnvironmentError when it fails."""
        ran = subprocess.run(
            command,
            input=text,
            stdout=subprocess.PIPE if captured else None,
            text=True,
            check=False,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )
        if ran.returncode != 0:
            raise LocalEnvironmentError(f"`{' '.join(command)}` ended with code {ran.returncode}")
        return ran.stdout or ""


def _object(kind: str, name: str, namespace: str, **content: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **content}


def restricted_namespace(name: str) -> Manifest:
    """A namespace that accepts only pods of the restricted Pod Security Standard."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def to_stderr(text: str) -> None:
    """Write a line to standard error, because standard output is for results."""
    sys.stderr.write(f"{text}\n")


@click.group(cls=Commands)
def main() -> None:
    """Run the operator and an emulated AWS in a kind cluster."""


@main.command()
@click.argument("uv")
@click.option("--name", default=NAME, show_default=True, help="Name of the cluster.")
@click.option("--image", default=IMAGE, show_default=True, help="Name of the operator's image.")
@click.option(
    "--node-image",
    default=NODE_IMAGE,
    show_default=True,
    help="Image of the nodes. It sets the version of Kubernetes.",
)
@click.argument("build_arguments", nargs=-1, type=click.UNPROCESSED)
def up(uv: str, name: str, image: str, node_image: str, build_arguments: tuple[str, ...]) -> None:
    """Create the cluster or bring it up to date, and print how to reach it."""
    engine = find_engine()
    installation = KindInstallation(engine, toolchain.ensure(("kind", "kubectl", "helm")), to_stderr, name)
    installation.up(uv, image, node_image, build_arguments)
    click.echo(installation.hints())


@main.command()
@click.option("--name", default=NAME, show_default=True, help="Name of the cluster.")
def down(name: str) -> None:
    """Delete the cluster."""
    engine = find_engine()
    KindInstallation(engine, toolchain.ensure(("kind",)), to_stderr, name).down()


if __name__ == "__main__":
    main()
