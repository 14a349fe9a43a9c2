"""The answers of a fake machine's programs to `make kind`, and the commands that bring the images into the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion_local import kind

ANSWERS = {
    "kind version": "kind v0.33.0 go1.26.8 linux/amd64",
    "kubectl version": "Client Version: v1.37.2",
    "helm version": "v4.3.1",
    "git rev-parse": "abc",
    "uv export": "boto3==1.43.0",
    "docker image inspect": "sha256:" + "0123456789abcdef" * 4,
    "podman image inspect": "0123456789abcdef" * 4,
}
TAG = "0123456789ab"
OPERATOR, EMULATOR = f"{kind.OPERATOR_REPOSITORY}:{TAG}", f"{kind.EMULATOR_REPOSITORY}:{TAG}"
# From the operator's own image to the archive that the nodes load, as `heads_of` shows the commands.
IMAGE_COMMANDS = [
    ["docker", "build", "--target", "operator"],
    ["docker", "image", "inspect", "--format"],
    ["docker", "tag", f"{kind.OPERATOR_REPOSITORY}:latest-build", OPERATOR],
    ["docker", "build", "--target", "emulator"],
    ["docker", "image", "inspect", "--format"],
    ["docker", "tag", f"{kind.EMULATOR_REPOSITORY}:latest-build", EMULATOR],
    ["docker", "save", "--output", "FILE/images.tar"],
]


def heads_of(commands: Sequence[list[str]]) -> list[list[str]]:
    """The commands, but those of docker without their longer arguments."""
    return [command[:4] if command[0] == "docker" else command for command in commands]
