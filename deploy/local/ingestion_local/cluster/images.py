"""Builds the images of the cluster without a registry: debootstrap makes their base.

The project's own Dockerfile builds the operator's image. The cluster runs this image with one more layer: the stand-in for the
AWS plugin, which is never in the operator's own image. The cache keeps the images by a hash of their sources.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from ingestion_local.cluster.node_configuration import PAUSE_IMAGE
from ingestion_local.environment import ROOT
from ingestion_local.image import argument_words
from ingestion_local.processes import output_of
from ingestion_local.progress import Reporter
from ingestion_local.toolchain import cache_directory, exclusive
from ingestion_operator import __version__

SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
BUILD_TIMEOUT_SECONDS = 1800.0
KEPT_ARCHIVES = 2
KEPT_IMAGES = 20
BASE_IMAGE = f"localhost/debian:{SUITE}"
PULUMI_IMAGE = "localhost/pulumi:local"
OPERATOR_IMAGE = f"localhost/ingestion-operator:{__version__}"
# The image that the cluster runs.
REPOSITORY = "localhost/ingestion-operator-with-stand-in"
CONTEXT = ("Dockerfile", ".dockerignore", "pyproject.toml", "uv.lock", "README.md", "LICENSE", "operator", "handlers")
STAND_IN = Path(__file__).resolve().parents[1] / "provider"
# These files make the image of a test cluster, both here and in kind.
TEST_IMAGE = ROOT / "deploy" / "kind" / "Dockerfile"
LAUNCHER = ROOT / "deploy" / "kind" / "pulumi-resource-aws"

PAUSE = """\
FROM scratch
COPY busybox /busybox
ENTRYPOINT ["/busybox", "sleep", "2147483647"]
"""
BASE = """\
FROM scratch
ADD base.tar /
"""
PULUMI = """\
FROM scratch
COPY pulumi /pulumi/bin/pulumi
"""


class Images:
    """Builds with buildah. Its storage is in the cache too, so an unchanged layer is not built again."""

    def __init__(self, tools: Mapping[str, Path], reporter: Reporter) -> None:
        self._tools = tools
        self._report = reporter
        self._home = cache_directory() / "images"

    def ensure(self) -> tuple[Path, Path]:
        """The archives of the pause image and of the operator's image with the stand-in. Raises LocalEnvironmentError."""
        with exclusive(self._home / ".lock", "the build of images", timeout_seconds=BUILD_TIMEOUT_SECONDS):
            return self._pause(), self._operator()

    @property
    def tag(self) -> str:
        """The tag of the image that the cluster runs."""
        return self._key()

    def _pause(self) -> Path:
        archive = self._home / "pause.tar"
        if not archive.exists():
            busybox = Path(shutil.which("busybox") or "/bin/busybox")
            self._build(PAUSE_IMAGE, PAUSE, {"busybox": busybox})
            self._save(PAUSE_IMAGE, archive)
        return archive

    def _operator(self) -> Path:
        archive = self._home / f"operator-{self._key()}.tar"
        if not archive.exists():
            self._base()
            self._build(PULUMI_IMAGE, PULUMI, {"pulumi": self._tools["pulumi"]})
            self._report.begin(f"{OPERATOR_IMAGE} from the Dockerfile")
            arguments = {
                "BASE_IMAGE": BASE_IMAGE,
                "PULUMI_IMAGE": PULUMI_IMAGE,
                "AWS_PLUGIN": "none",
                "VERSION": __version__,
            }
            self._buildah("bud", "--tag", OPERATOR_IMAGE, *argument_words(arguments), str(ROOT))
            self._report.end("built")
            self._with_stand_in(archive)
            self._forget_old()
        os.utime(archive)
        return archive

    def _with_stand_in(self, archive: Path) -> None:
        image = f"{REPOSITORY}:{self._key()}"
        self._report.begin("the same image with the stand-in for the AWS plugin")
        self._build(
            image,
            TEST_IMAGE.read_text(),
            {LAUNCHER.name: LAUNCHER, "ingestion_local/provider": STAND_IN},
            "--target=operator",
            *argument_words({"OPERATOR_IMAGE": OPERATOR_IMAGE, "AWS_PLUGIN_VERSION": version("pulumi-aws")}),
        )
        self._save(image, archive)
        self._report.end("built")

    def _base(self) -> None:
        """Build the base image: a minimal Debian that can install packages."""
        archive = self._home / f"debian-{SUITE}.tar"
        if not archive.exists():
            self._report.begin(f"base image with Debian {SUITE}, from its packages")
            with tempfile.TemporaryDirectory(dir=self._home) as folder:
                root = Path(folder, "root")
                _run("debootstrap", "--variant=minbase", SUITE, str(root), MIRROR, env=dict(os.environ))
                _trust_as_here(root)
                partial = archive.with_suffix(".partial")
                _run("tar", "--create", "--file", str(partial), "--directory", str(root), ".", env=dict(os.environ))
                partial.replace(archive)
            self._report.end("made")
        self._build(BASE_IMAGE, BASE, {"base.tar": archive})

    def _build(self, image: str, dockerfile: str, files: Mapping[str, Path], *arguments: str) -> None:
        with tempfile.TemporaryDirectory(dir=self._home) as folder:
            for name, path in files.items():
                if path.is_dir():
                    shutil.copytree(path, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy2(path, Path(folder, name))
            Path(folder, "Dockerfile").write_text(dockerfile)
            self._buildah("bud", "--tag", image, *arguments, folder)

    def _save(self, image: str, archive: Path) -> None:
        partial = archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        self._buildah("push", image, f"docker-archive:{partial}:{image}")
        partial.replace(archive)

    def _forget_old(self) -> None:
        archives = sorted(self._home.glob("operator-*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
        for archive in archives[KEPT_ARCHIVES:]:
            archive.unlink()
        mine = self._buildah("images", "--quiet", "--filter", f"reference={REPOSITORY}:*").split()
        self._buildah("rmi", "--force", *dict.fromkeys(mine))
        # Layers of earlier builds speed up the next build. More than KEPT_IMAGES of them are too many.
        if len(self._buildah("images", "--quiet", "--all").split()) > KEPT_IMAGES:
            self._buildah("rmi", "--prune", "--force")

    def _key(self) -> str:
        """A hash of all sources of the image."""
        digest = hashlib.sha256(f"{SUITE} {self._tools['pulumi']}".encode())
        for path in _files([*(ROOT / name for name in CONTEXT), TEST_IMAGE, LAUNCHER, STAND_IN]):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:12]

    def _buildah(self, verb: str, *arguments: str) -> str:
        return _run("buildah", verb, *arguments, env=self._environment())

    def _environment(self) -> dict[str, str]:
        storage = self._home / "storage.conf"
        storage.parent.mkdir(parents=True, exist_ok=True)
        storage.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self._home}/storage"\nrunroot = "{self._home}/run"\n'
        )
        return os.environ | {
            "CONTAINERS_STORAGE_CONF": str(storage),
            "BUILDAH_ISOLATION": "chroot",
            "BUILDAH_LAYERS": "true",
        }


def _files(places: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for place in places:
        if place.is_dir():
            files += sorted(path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        else:
            files.append(place)
    return files


def _trust_as_here(root: Path) -> None:
    """Copy the authorities that this machine trusts besides Debian's. A proxy may sign with one of them."""
    own = Path("/usr/local/share/ca-certificates")
    if own.is_dir():
        shutil.copytree(own, root / own.relative_to("/"), dirs_exist_ok=True)


def _run(*command: str, env: Mapping[str, str]) -> str:
    return output_of(*command, timeout_seconds=BUILD_TIMEOUT_SECONDS, env=env)
