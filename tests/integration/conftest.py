"""Fixtures that several modules share: helm, and a control plane on which nothing is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ingestion_local import toolchain
from ingestion_local.control_plane import ControlPlane
from integration.helm_user import Helm


@pytest.fixture(scope="session")
def helm_binary() -> Path:
    """The path of helm. It is built first if it is missing."""
    return toolchain.ensure(["helm"])["helm"]


@pytest.fixture(scope="session")
def offline(helm_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(helm_binary, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def empty_plane(tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane for tests that install the CRD themselves and remove it again."""
    with ControlPlane(tmp_path_factory.mktemp("empty-plane"), tools) as started:
        yield started
