"""What only a cluster can show; its fixtures are those of the end-to-end tests, with the operator as a pod."""

from __future__ import annotations

import pytest

from e2e.conftest import bounds, identity, namespaces, operator, world
from ingestion_local.cluster import packages

__all__ = ["bounds", "identity", "namespaces", "operator", "world"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where there can be no cluster, say why."""
    reason = packages.missing() or ("" if config.getoption("--cluster") else "run it by `make test-cluster`")
    if not reason:
        return
    for item in items:
        if "tests/cluster" in str(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))
