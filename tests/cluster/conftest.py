"""Tests that need a cluster. They use the fixtures of the end-to-end tests, and the operator is a pod."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the option there is no pod."""
    if config.getoption("--cluster"):
        return
    for item in items:
        if item.path.parent.name == "cluster":
            item.add_marker(pytest.mark.skip(reason="run it by `make test-cluster`"))
