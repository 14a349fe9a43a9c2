"""In a pod, Kopf connects to the API server's address instead of its DNS name."""

from __future__ import annotations

from collections.abc import Mapping

import kopf
import pytest

from ingestion_handlers.startup import at_its_address

BY_NAME = kopf.ConnectionInfo(server="https://kubernetes.default.svc", ca_path="/ca.crt", token="secret", priority=10)


@pytest.mark.parametrize(
    ("host", "server"),
    [
        pytest.param("10.96.0.1", "https://10.96.0.1:443", id="IPv4"),
        pytest.param("fd00::1", "https://[fd00::1]:443", id="IPv6"),
        pytest.param("api.example.org", "https://api.example.org:443", id="a name that somebody set"),
    ],
)
def test_the_environment_says_where(host: str, server: str) -> None:
    found = at_its_address(BY_NAME, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"})

    assert found.server == server
    assert (found.token, found.ca_path, found.priority) == ("secret", "/ca.crt", 10)


@pytest.mark.parametrize(
    "environment", [{}, {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT": "443"}]
)
def test_without_it_the_name_stays(environment: Mapping[str, str]) -> None:
    assert at_its_address(BY_NAME, environment) == BY_NAME
