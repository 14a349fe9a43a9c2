"""The Debian packages of the cluster. Harmless ones are installed. Others are only unpacked into the cache.

containerd, runc and the CNI plugins are unpacked into the cache; installing them would replace Docker's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ingestion_local.processes import output_of
from ingestion_local.progress import Reporter
from ingestion_local.toolchain import cache_directory, exclusive

APT_TIMEOUT_SECONDS = 900.0
# Program -> Debian package.
INSTALLED: Mapping[str, str] = {
    "buildah": "buildah",
    "busybox": "busybox-static",
    "debootstrap": "debootstrap",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "socat": "socat",
    "tini": "tini",
    "unshare": "util-linux",
}
UNPACKED = ("containerd", "runc", "containernetworking-plugins")


def missing() -> str:
    """Why this machine cannot run a cluster; empty if it can."""
    if os.geteuid() != 0:
        return "a cluster needs root, because it creates containers, namespaces and mounts"
    if shutil.which("apt-get") is None:
        return "a cluster needs Debian's packages (containerd, runc, CNI plugins, buildah), but there is no apt-get"
    # In a container, root may lack the right to create namespaces.
    command = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "true"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=APT_TIMEOUT_SECONDS)
    return "" if asked.returncode == 0 else f"a cluster needs namespaces of its own: {asked.stderr.strip()}"


def ensure(reporter: Reporter) -> Path:
    """Install and unpack the missing packages. Returns the folder of the unpacked ones.

    Raises LocalEnvironmentError with apt's error message.
    """
    with exclusive(
        cache_directory() / ".apt.lock", "the installation of packages", timeout_seconds=APT_TIMEOUT_SECONDS
    ):
        wanted = sorted({package for program, package in INSTALLED.items() if shutil.which(program) is None})
        if wanted:
            reporter.begin(f"Debian packages: {', '.join(wanted)}")
            _apt("update", "--quiet")
            _apt("install", "--yes", "--no-install-recommends", "--quiet", *wanted)
            reporter.end("installed")
        return _unpacked(reporter)


def _unpacked(reporter: Reporter) -> Path:
    root = cache_directory() / "debian" / _key()
    stamp = root / "stamp.json"
    if stamp.exists():
        return root
    reporter.begin(f"Debian packages: {', '.join(UNPACKED)}")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        # apt downloads as a user of its own.
        Path(folder).chmod(0o777)
        _apt("update", "--quiet")
        _apt("download", *UNPACKED, cwd=folder)
        archives = sorted(Path(folder).glob("*.deb"))
        for archive in archives:
            _run("dpkg-deb", "--extract", str(archive), str(root))
    stamp.write_text(json.dumps([archive.name for archive in archives]))
    reporter.end("unpacked")
    return root


def _key() -> str:
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    names = hashlib.sha256(" ".join(UNPACKED).encode()).hexdigest()[:8]
    return f"{release['ID']}-{release.get('VERSION_ID', 'rolling')}-{os.uname().machine}-{names}".replace('"', "")


def _apt(*arguments: str, cwd: str | None = None) -> None:
    _run("apt-get", *arguments, cwd=cwd)


def _run(*command: str, cwd: str | None = None) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    output_of(*command, timeout_seconds=APT_TIMEOUT_SECONDS, env=quiet, cwd=cwd)
