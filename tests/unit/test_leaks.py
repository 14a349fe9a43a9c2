"""Hundreds of passes leave nothing behind in the operator's process: threads, descriptors, temporary files, memory."""

from __future__ import annotations

import gc
import logging
import tempfile
import threading
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from ingestion_operator.errors import UpdateFailed
from unit.pipeline_under_test import PipelineUnderTest

PASSES = 500
# Caches fill in the first few hundred.
WARM_UP = 500
# The noise of the memory allocation. 500 passes that each kept one status (4 kB) would exceed it.
RSS_GROWTH_BYTES = 1_500_000


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    threads: int
    descriptors: int
    temporary_files: int

    @classmethod
    def now(cls, directory: Path) -> Held:
        return cls(threading.active_count(), psutil.Process().num_fds(), len(list(directory.rglob("*"))))


def test_five_hundred_passes_hold_no_more_than_the_five_hundred_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caplog.set_level(logging.CRITICAL, "ingestion_operator")  # pytest keeps each record
    pipeline = PipelineUnderTest()
    pipeline.build()
    for number in range(WARM_UP):
        one_pass(pipeline, number)
    before, bytes_before = Held.now(tmp_path), resident_bytes(pipeline)

    for number in range(PASSES):
        one_pass(pipeline, number)

    now = Held.now(tmp_path)
    assert all(getattr(now, held.name) <= getattr(before, held.name) for held in fields(Held)), (before, now)
    assert resident_bytes(pipeline) - bytes_before < RSS_GROWTH_BYTES


def one_pass(pipeline: PipelineUnderTest, number: int) -> None:
    """Every kind of pass in turn: one that changes something, one that fails, its retry, one that finds nothing to do."""
    match number % 4:
        case 0:
            pipeline.change(processor={**pipeline.body["spec"]["processor"], "memoryMiB": 128 + number})
        case 1:
            pipeline.change(processor={**pipeline.body["spec"]["processor"], "timeoutSeconds": 3 + number % 60})
            pipeline.engine.failures.append(UpdateFailed("throttled"))
    pipeline.reconcile(after=timedelta(minutes=10))


def resident_bytes(pipeline: PipelineUnderTest) -> int:
    """Resident memory, after the fakes forgot what they recorded for tests."""
    pipeline.engine.calls.clear()
    pipeline.cluster.patches.clear()
    pipeline.cluster.events.clear()
    pipeline.observer.told.clear()
    gc.collect()
    return int(psutil.Process().memory_info().rss)
