"""Installs the stand-in where the Pulumi CLI looks for plugins."""

from __future__ import annotations

import os
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

from ingestion_local.provider import launcher

EXECUTABLE = 0o755


def install(pulumi_home: Path) -> Path:
    """Write the plugin's launcher into a Pulumi home and return its path. Doing it again changes nothing.

    The CLI reads the version from the directory's name, and expects no other file there.
    """
    release = version("pulumi-aws")
    directory = pulumi_home / "plugins" / f"resource-aws-v{release}"
    directory.mkdir(parents=True, exist_ok=True)
    installed = directory / "pulumi-resource-aws"
    # Isolated (-I), because the CLI starts the plugin in the program's directory, which may have modules of the same names.
    # Without site-packages (-S), because the launcher needs none of them and starts in half the time.
    command = f"exec {shlex.quote(sys.executable)} -I -S {shlex.quote(launcher.__file__)} {release}"
    partial = installed.with_name(f".{installed.name}.{os.getpid()}")
    partial.write_text(f"#!/bin/sh\n{command}\n")
    partial.chmod(EXECUTABLE)
    partial.replace(installed)
    return installed
