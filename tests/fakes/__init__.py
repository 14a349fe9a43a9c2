"""Hand-written fakes of the ports: they keep the contracts of the ports and remember the calls.

`FakeEngine` builds into `FakeCloud`, so a deletion finds the bucket that an update made. A test scripts errors by
appending them to a list. Each error is raised once, in the middle of the work, as a real one is.
"""

from __future__ import annotations

from fakes.cloud import ACCOUNT, FakeBucket, FakeCloud
from fakes.cluster import Announcement, FakeCluster
from fakes.code_check import FakeCodeCheck
from fakes.engine import Call, Crash, FakeEngine
from fakes.observer import FakeObserver
from fakes.state import FakeState

__all__ = [
    "ACCOUNT",
    "Announcement",
    "Call",
    "Crash",
    "FakeBucket",
    "FakeCloud",
    "FakeCluster",
    "FakeCodeCheck",
    "FakeEngine",
    "FakeObserver",
    "FakeState",
]
