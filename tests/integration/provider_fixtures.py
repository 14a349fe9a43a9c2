"""Fixtures for the tests of the stand-in. A module that uses them imports them by name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion_local.emulator import Emulator
from ingestion_local.provider.access import access_of
from ingestion_local.provider.clients import Aws
from ingestion_local.provider.server import StandIn
from integration.provider_engine import Engine
from integration.provider_world import ProviderWorld

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def engine(emulator: Emulator) -> Iterator[Engine]:
    """An engine with the stand-in, configured for the emulator."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.env().items():
            patch.setenv(name, value)
        provider = StandIn("1.2.3")
        provider.configure(Aws(access_of(emulator.env())))
        yield Engine(provider)


@pytest.fixture
def world(emulator: Emulator, tmp_path: Path) -> ProviderWorld:
    """A part of the emulator for one test."""
    return ProviderWorld(emulator, tmp_path, f"thing-{next(NUMBERS)}")
