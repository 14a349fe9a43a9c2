"""Puts the stand-in where the Pulumi CLI looks for plugins."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path


def install(pulumi_home: Path) -> Path:
    """Write the plugin's launcher into a Pulumi home and return its path. Doing it again changes nothing."""
    release = version("pulumi-aws")
    directory = pulumi_home / "plugins" / f"resource-aws-v{release}"
    directory.mkdir(parents=True, exist_ok=True)
    launcher = directory / "pulumi-resource-aws"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ingestion_local.provider {release}\n')
    launcher.chmod(0o755)
    return launcher
