"""Fixtures of the chart's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion_local import toolchain
from integration.helm_user import Helm


@pytest.fixture(scope="session")
def helm_binary() -> Path:
    """helm, built if it is not there yet."""
    return toolchain.ensure(["helm"])["helm"]


@pytest.fixture(scope="session")
def offline(helm_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(helm_binary, tmp_path_factory.mktemp("helm"))
