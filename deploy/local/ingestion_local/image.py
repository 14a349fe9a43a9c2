"""Builds the operator's image and writes its bill of materials: `python -m ingestion_local.image NAME:TAG [build arguments]`.

The words after the name go to the engine unchanged, for example `--build-arg BASE_IMAGE=...`. The bill of materials is
CycloneDX. It lists the image's packages from uv.lock, the Pulumi CLI and its plugin, and the Debian packages in the built image.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion_local.environment import ROOT
from ingestion_local.processes import LocalEnvironmentError, output_of
from ingestion_operator import __version__

ENGINES = ("docker", "podman", "buildah")
COMMAND_TIMEOUT_SECONDS = 600.0
DPKG = ("dpkg-query", "--show", "--showformat", "${Package} ${Version} ${Architecture}\\n")
EXPORT = ("export", "--frozen", "--no-dev", "--no-emit-project", "--format", "cyclonedx1.5", "--quiet")
AWS_PLUGIN_DIRECTORY = "/var/lib/ingestion-operator/pulumi/plugins"

Component = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """The size of an image."""

    bytes: int
    layers: int


@dataclass(frozen=True)
class ContainerEngine:
    """A container engine that answers on this machine."""

    name: str

    def build(self, image: str, arguments: Sequence[str]) -> None:
        """Build the image. The engine's output goes to the terminal. Raises LocalEnvironmentError when the build fails."""
        verb = "bud" if self.name == "buildah" else "build"
        versions = argument_words({"VERSION": __version__, "REVISION": _revision()})
        command = [self.name, verb, "--tag", image, *versions, *arguments, str(ROOT)]
        if subprocess.run(command, check=False).returncode != 0:
            raise LocalEnvironmentError(f"{self.name} could not build {image}")

    def output_of(self, image: str, command: Sequence[str]) -> str:
        """Run a program in the image, and return what it prints."""
        if self.name != "buildah":
            program, *arguments = command
            return _output(self.name, "run", "--rm", "--network=none", "--entrypoint", program, image, *arguments)
        container = _output("buildah", "from", "--pull-never", image).strip()
        try:
            return _output("buildah", "run", container, "--", *command)
        finally:
            _output("buildah", "rm", container)

    def size(self, image: str) -> Size:
        """The image's size, uncompressed, and its layers."""
        if self.name != "buildah":
            (details,) = json.loads(_output(self.name, "image", "inspect", image))
            return Size(details["Size"], len(details["RootFS"]["Layers"]))
        details = json.loads(_output("buildah", "inspect", "--type", "image", image))
        container = _output("buildah", "from", "--pull-never", image).strip()
        try:
            mounted = _output("buildah", "mount", container).strip()
            total = int(_output("du", "--bytes", "--summarize", mounted).split()[0])
        finally:
            _output("buildah", "rm", container)
        return Size(total, len(details["OCIv1"]["rootfs"]["diff_ids"]))


def argument_words(build_arguments: Mapping[str, str]) -> list[str]:
    """The build arguments as words for the command line of every engine."""
    return [word for name, value in build_arguments.items() for word in ("--build-arg", f"{name}={value}")]


def engine() -> ContainerEngine:
    """The first engine that answers. Raises LocalEnvironmentError when none does."""
    for name in ENGINES:
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return ContainerEngine(name)
    raise LocalEnvironmentError(
        f"building the image needs {', '.join(ENGINES[:-1])} or {ENGINES[-1]}, and none of them answers"
    )


def bill_of_materials(locked: Mapping[str, Any], packages: Iterable[str], plugins: Iterable[str]) -> dict[str, Any]:
    """The whole bill: uv's bill of uv.lock, with everything else that is in the image.

    `packages` are lines of `dpkg-query`, `plugins` names as `resource-aws-v7.51.1`.
    """
    others = [*map(_debian, packages), _golang("pulumi", _pulumi_version(locked)), *map(_plugin, plugins)]
    operator = {
        "type": "container",
        "bom-ref": "ingestion-operator",
        "name": "ingestion-operator",
        "version": __version__,
    }
    metadata = {**locked["metadata"], "component": {**locked["metadata"]["component"], **operator}}
    # uv's list of dependencies uses uv's own name for the project.
    was = locked["metadata"]["component"]["bom-ref"]
    dependencies = [
        {**entry, "ref": operator["bom-ref"]} if entry["ref"] == was else entry for entry in locked["dependencies"]
    ]
    return {
        **locked,
        "metadata": metadata,
        "components": [*locked["components"], *others],
        "dependencies": dependencies,
    }


def _debian(line: str) -> Component:
    name, version, architecture = line.split()
    url = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={architecture}"
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}


def _golang(name: str, version: str) -> Component:
    url = f"pkg:golang/github.com/pulumi/{name}@v{version}"
    return {"type": "application", "bom-ref": url, "name": name, "version": version, "purl": url}


def _plugin(name: str) -> Component:
    kind, _, version = name.removeprefix("resource-").rpartition("-v")
    return _golang(f"pulumi-{kind}", version)


def _pulumi_version(locked: Mapping[str, Any]) -> str:
    """The version of the SDK. The CLI has the same version, as the operator checks when it starts."""
    return next(str(component["version"]) for component in locked["components"] if component["name"] == "pulumi")


def _revision() -> str:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return head.stdout.strip() or "unknown"


def _output(*command: str) -> str:
    return output_of(*command, timeout_seconds=COMMAND_TIMEOUT_SECONDS, cwd=ROOT)


def build(image: str, uv: str, arguments: Sequence[str]) -> Path:
    """Build the image, print its size, and write the bill of materials. Returns the path of the bill."""
    chosen = engine()
    chosen.build(image, arguments)
    size = chosen.size(image)
    locked = json.loads(_output(uv, *EXPORT))
    plugins = chosen.output_of(image, ["ls", AWS_PLUGIN_DIRECTORY]).split()
    bill = bill_of_materials(locked, chosen.output_of(image, DPKG).splitlines(), filter(_is_plugin, plugins))
    path = ROOT / "dist" / f"ingestion-operator-{__version__}.cdx.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(bill, indent=2) + "\n")
    sys.stdout.write(
        f"{image}: {size.bytes / 1e6:.0f} MB in {size.layers} layers, {len(bill['components'])} components\n"
    )
    return path


def _is_plugin(name: str) -> bool:
    """Whether this is the plugin itself, and not the lock file beside it."""
    return name.startswith("resource-") and not name.endswith((".lock", ".partial"))


def main(arguments: Sequence[str]) -> None:
    """Build the image of the command line: `UV IMAGE [build arguments]`."""
    uv, image, *further = arguments
    try:
        path = build(image, uv, further)
    except LocalEnvironmentError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
